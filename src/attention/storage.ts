/** What each head stores in place of its keys and values, by the selector and the tail, and the attention that its queries then pay. */
import type { Floats } from '../keys.js';
import { randomStream } from '../random.js';
import type { Steps } from '../steps.js';
import { type ChoiceOptions, checkAlways, keyChoice } from './choose-keys.js';
import { checkGrouping } from './groupings.js';
import { type GroupCall, groupLogWeights } from './groups.js';
import type { AttentionInputs } from './inputs.js';
import { maskAsLogWeights } from './offsets.js';
import { amongAll, seenHeads } from './seen-keys.js';
import type { ClustersOptions } from './tail/cluster-plans.js';
import { drop } from './tail/drop.js';
import { type Moments, momentsOf } from './tail/gaussian.js';
import { tailOf } from './tail/index.js';
import {
  eachAlone,
  type Grouping,
  type StoredPairs,
  storedPairs,
  toldLogWeights,
} from './tail/stored-pairs.js';
import type { Tail, TailHead } from './tail/tail.js';

/** Streams of draws of the tails, apart from those of the selectors, which are numbered by heads. */
const TAIL_STREAMS = 2 ** 40;

/** Which keys each head keeps, and what stands in for the others. */
export interface StorageOptions extends ChoiceOptions {
  /**
   * What stands in for the keys that are not kept: one of `tailNames`, with settings as in {@link parseTail}, or
   * `{ kind: 'clusters', ...ClustersOptions }`. 'drop', nothing, by default. With any other, `keys` counts all stored pairs.
   */
  readonly tail?: string | Tail | ({ readonly kind: 'clusters' } & ClustersOptions);
}

/** Which keys are stored together: a pair is the mean of its keys, and of their values. */
export interface StoredKeys {
  /** [n], the pair of each key, -1 where no pair stands for it. */
  readonly members: Int32Array;
  /**
   * [pairs], what is added to the logarithm of a pair's weight: log of the number of its keys, or of the sum of exp of their `logWeights` and of
   * an `attnMask` that is one for all queries; or a little more or less.
   */
  readonly logWeights: Float64Array;
  /** [n], with weights |x|^p: -1 for a key that is negated before its pair's mean key is taken, its weights being the same, else 1. */
  readonly signs?: Int8Array;
  /** Keys that the closed form of the tail 'moments' stands for. */
  readonly moments?: readonly number[];
}

/** What a head stores. */
export interface StoredHead extends StoredPairs {
  /** Keys as they are, ascending. */
  readonly indices: readonly number[];
  /** What a result says of it; nothing where all pairs are keys that weigh as they do. */
  readonly stored?: StoredKeys;
  readonly moments?: Moments;
  /** Which keys the moments are of. */
  readonly rest?: readonly number[];
}

/** The queries of a group, [group * m, d]. */
export function queriesOf({ q, group, m, d }: AttentionInputs, index: number): Floats {
  return q.subarray(index * group * m * d, (index + 1) * group * m * d);
}

/** What stores heads, and the inputs with which their queries attend to what it stores. */
export interface Storage {
  /** With a tail, the mask is among the log-weights if it is one for all queries. */
  readonly inputs: AttentionInputs;
  /** Stores the key head `index` (batch * keyHeads + head). */
  store(index: number): Steps<StoredHead>;
}

/** Checks the options of selector and tail. */
export function storage(where: string, given: AttentionInputs, options: StorageOptions): Storage {
  const { keys, select, seed = 0, tail: wanted = 'drop' } = options;
  const tail = tailOf(where, wanted);
  const inputs = tail === drop ? given : checkTail(where, tail, given, keys);
  const choose = keyChoice(where, inputs, {
    ...options,
    select: select === undefined ? usualSelector(tail) : select,
  });
  const { n, d, dv, m, causal, scale, power, attend } = inputs;
  const headOf = seenHeads(inputs, checkAlways(where, options, n));
  function* group(index: number): Steps<Grouping> {
    const seen = headOf(index);
    if (seen.n === 0) return { members: eachAlone(n, []) };
    if (tail === drop || keys === undefined || keys >= seen.n)
      return amongAll({ members: eachAlone(seen.n, yield* choose(seen)) }, seen, n);
    const head: TailHead = {
      ...seen,
      d,
      dv,
      q: queriesOf(inputs, index),
      m,
      causal,
      scale,
      power,
      attend,
      choose: (count) => choose(seen, count),
      random: randomStream(seed, TAIL_STREAMS + index),
    };
    const steps: unknown = tail.group(head, keys);
    if (typeof (steps as Steps<Grouping> | undefined)?.[Symbol.iterator] !== 'function')
      throw new TypeError(`tail ${tail.name}: group must be a generator, got ${String(steps)}`);
    const grouping = yield* steps as Steps<Grouping>;
    checkGrouping(`tail ${tail.name}`, grouping, seen.n, keys);
    return amongAll(grouping, seen, n);
  }
  return {
    inputs,
    *store(index) {
      return storedHead(inputs, index, yield* group(index));
    },
  };
}

/** The selector where none is named: the paper's; beside clusters what lies far from the mean. */
export function usualSelector({ name }: Tail): string {
  return name.startsWith('clusters') ? 'leverage-centred' : 'leverage';
}

/** The inputs as the tail needs them, its rules being kept. */
function checkTail(
  where: string,
  tail: Tail,
  inputs: AttentionInputs,
  keys: number | undefined,
): AttentionInputs {
  const { power } = inputs;
  const refuse = (rule: string) => {
    throw new RangeError(`${where}: tail '${tail.name}' ${rule}`);
  };
  if (keys === undefined) refuse('needs keys, the number of stored pairs, got epsilon');
  if (tail.softmaxOnly && power !== undefined) refuse(`is for softmax weights, got |x|^${power}`);
  const byKey = maskAsLogWeights(inputs);
  if (byKey || tail.single) return byKey ?? inputs;
  throw new RangeError(
    `${where}: attnMask must be the same for all queries of a key head, as tail '${tail.name}' stores keys together and no query can see a part of a mean`,
  );
}

function storedHead(inputs: AttentionInputs, index: number, grouping: Grouping): StoredHead {
  const { n, d, dv } = inputs;
  const k = inputs.k.subarray(index * n * d, (index + 1) * n * d);
  const v = inputs.v.subarray(index * n * dv, (index + 1) * n * dv);
  const logWeights = groupLogWeights(inputs, index);
  const pairs = storedPairs(k, v, grouping, logWeights);
  const { rest, excess, signs } = grouping;
  const indices = Array.from(pairs.last).filter((_, pair) => pairs.counts[pair] === 1);
  const plain = !rest && indices.length === pairs.last.length && !excess?.some((x) => x !== 0);
  return {
    ...pairs,
    indices,
    rest,
    moments: rest && (grouping.moments ?? momentsOf(k, v, { d, dv }, rest, logWeights)),
    stored: plain
      ? undefined
      : { members: pairs.members, logWeights: pairs.logWeights, signs, moments: rest },
  };
}

/** A call over stored pairs. */
export type StoredCall = GroupCall & { readonly limits?: Uint32Array };

/** The attention of a group over what its key head stores. */
export function storedCall(
  inputs: AttentionInputs,
  index: number,
  head: StoredHead,
  out: Floats,
): StoredCall {
  const { group, m, dv } = inputs;
  const { keys, values, last, logWeights, moments } = head;
  // A mask beside pairs is one for single keys: the others have it in their log-weights.
  const columns = Array.from(last);
  return {
    index,
    k: keys,
    v: values,
    n: last.length,
    dv,
    limits: inputs.causal ? seenPairs(inputs, last) : undefined,
    columns,
    logWeights: toldLogWeights(logWeights),
    out,
    logSums: moments && new Float64Array(group * m),
  };
}

/** [group * m]: how many of the pairs each query of a group sees under the causal mask. */
function seenPairs({ group, m, n }: AttentionInputs, last: Int32Array): Uint32Array {
  const limits = new Uint32Array(group * m);
  let seen = 0;
  for (let i = 0; i < m; i++) {
    while (seen < last.length && last[seen] <= i + n - m) seen++;
    limits[i] = seen;
  }
  for (let head = 1; head < group; head++) limits.copyWithin(head * m, 0, m);
  return limits;
}
