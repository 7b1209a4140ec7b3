/** The rule by which LevAttention chooses the keys of each head: a number of keys by a selector, or the universal set at epsilon. */
import { checkEpsilon, matrixOver } from '../keys.js';
import { randomStream } from '../random.js';
import type { Steps } from '../steps.js';
import { universalSetSteps } from '../universal-set/universal-set.js';
import { power } from '../weights/power.js';
import { placeOfGroup } from './groups.js';
import type { AttentionInputs } from './inputs.js';
import { offsetsOf } from './offsets.js';
import type { SeenHead } from './seen-keys.js';
import { parseSelector } from './selectors/index.js';
import { type Selector, selectSteps } from './selectors/selector.js';
import { union } from './selectors/top-keys.js';

/** Which keys each head keeps; exactly one of `keys` and `epsilon`. */
export interface ChoiceOptions {
  /** Keys that each head keeps; all of them when it has no more. */
  readonly keys?: number;
  /**
   * In (0, 1]: each head keeps the universal set at epsilon, of |x|^2 with softmax weights and of |x|^p with power weights.
   * `select` must then be 'leverage', or 'leverage-centred' for the set of queries with an offset.
   */
  readonly epsilon?: number;
  /** A selector or its name, one of `selectorNames`; 'leverage' by default. */
  readonly select?: string | Selector;
  /** Indices that every head keeps (a class token, sinks); they come first and count towards `keys`. */
  readonly always?: readonly number[];
  /** Of the selectors that draw; 0 by default. Each head has draws of its own. */
  readonly seed?: number;
}

/** Their names. */
export const CHOICE_OPTIONS: readonly (keyof ChoiceOptions)[] = [
  'keys',
  'epsilon',
  'select',
  'always',
  'seed',
];

/**
 * Chooses keys of a head, of which it has some: ascending and at least one, the only ones that it sees being all there are. With `keys` as many
 * as that, or `count` in their place.
 */
export type KeyChoice = (head: SeenHead, count?: number) => Steps<readonly number[]>;

/** Checks the options and returns the rule that they describe. */
export function keyChoice(where: string, inputs: AttentionInputs, options: ChoiceOptions): KeyChoice {
  const { keys, epsilon, select = 'leverage', seed = 0 } = options;
  if ((keys === undefined) === (epsilon === undefined))
    throw new TypeError(
      `${where}: exactly one of keys and epsilon must be given, got ${keys === undefined ? 'neither' : 'both'}`,
    );
  const selector = typeof select === 'string' ? parseSelector(select) : select;
  if (typeof selector?.select !== 'function')
    throw new TypeError(`${where}: select must be a selector or its name, got ${String(select)}`);
  if (!(Number.isSafeInteger(seed) && seed >= 0))
    throw new RangeError(`${where}: seed must be an integer in [0, 2^53), got ${seed}`);
  return keys === undefined
    ? byEpsilon(where, inputs, epsilon as number, selector.name)
    : byCount(where, inputs, keys, selector, seed);
}

/** The option `always`, checked: ascending, each once. */
export function checkAlways(where: string, { always = [], keys }: ChoiceOptions, n: number): number[] {
  if (!Array.isArray(always))
    throw new TypeError(`${where}: always must be an array of indices, got ${String(always)}`);
  for (const j of always)
    if (!(Number.isInteger(j) && j >= 0 && j < n))
      throw new RangeError(`${where}: always must hold integers in [0, n = ${n}), got ${String(j)}`);
  const distinct = union([...new Set(always)], []);
  if (keys !== undefined && keys < distinct.length)
    throw new RangeError(`${where}: keys must be at least the ${distinct.length} of always, got ${keys}`);
  return distinct;
}

function byCount(
  where: string,
  inputs: AttentionInputs,
  count: number,
  selector: Selector,
  seed: number,
): KeyChoice {
  if (!(Number.isSafeInteger(count) && count > 0))
    throw new RangeError(`${where}: keys must be a positive integer, got ${count}`);
  const { q, group, m, d, causal, scale, power, attnMask, logWeights } = inputs;
  return ({ index, k, n, places, limits, always }, wanted = count) => {
    const offsets = attnMask || logWeights ? offsetsOf(inputs, index) : undefined;
    return selectSteps(selector, matrixOver(k, n, d), wanted, {
      always,
      random: randomStream(seed, index),
      queries: Array.from({ length: group }, (_, g) => matrixOver(q, m, d, (index * group + g) * m * d)),
      causal,
      limits,
      added: offsets && ((head, i, j) => offsets(head * m + i)[places ? places[j] : j]),
      scale,
      power,
    });
  };
}

function byEpsilon(where: string, inputs: AttentionInputs, epsilon: number, selector: string): KeyChoice {
  checkEpsilon(epsilon, where);
  if (selector !== 'leverage' && selector !== 'leverage-centred')
    throw new RangeError(
      `${where}: with epsilon, select must be 'leverage' or 'leverage-centred', got '${selector}'`,
    );
  const options = { epsilon, f: power(inputs.power ?? 2), centre: selector === 'leverage-centred' };
  return function* ({ index, k, n, always }) {
    const { indices } = yield* universalSetSteps(matrixOver(k, n, inputs.d), options);
    const kept = new Set(always);
    const chosen = union(
      always,
      indices.filter((j) => !kept.has(j)),
    );
    if (chosen.length > 0) return chosen;
    const { batch, head } = placeOfGroup(inputs, index);
    const which = inputs.flat ? '' : ` of batch ${batch}, head ${head}`;
    throw new RangeError(
      `${where}: no key${which} has sensitivity >= epsilon = ${epsilon}; lower it, or name keys in always`,
    );
  };
}
