/** The interface of key selectors, what they are told, and the checks of what they return. */
import type { KeyMatrix } from '../../keys.js';
import { type Random, randomStream } from '../../random.js';
import type { Steps } from '../../steps.js';

/** What a selector may know besides the keys. */
export interface SelectorContext {
  /** Indices that the result must contain, ascending; they count. */
  readonly always: readonly number[];
  /** Draws of this head alone. */
  readonly random: Random;
  /** The queries that attend to these keys: one matrix [m, d] for each query head of the group. */
  readonly queries?: readonly KeyMatrix[];
  /** Whether queries see only the first keys. */
  readonly causal: boolean;
  /** [m], if causal: how many of the keys each query sees; i + n - m + 1 unless given. */
  readonly limits?: Uint32Array;
  /** What is added to the logarithm of the weight of key j for query i of query head `head`, -Infinity for a hidden key; nothing unless given. */
  readonly added?: (head: number, i: number, j: number) => number;
  /** The attention weights are exp(scale <q,k>), or |<q,k>|^power where a power is given. */
  readonly scale: number;
  readonly power?: number;
}

/**
 * Chooses the keys of one head that queries may look at.
 *
 * @example
 * ```ts
 * import { levAttention, type Selector } from 'levattention';
 *
 * // The first keys, after those that are always kept.
 * const first: Selector = {
 *   name: 'first',
 *   select(keys, count, { always }) {
 *     const rest = Array.from({ length: keys.n }, (_, j) => j).filter((j) => !always.includes(j));
 *     return [...always, ...rest.slice(0, count - always.length)].sort((a, b) => a - b);
 *   },
 * };
 * const x = { data: Float32Array.of(1, 0, 0, 1, 1, 1, 2, 1), shape: [4, 2] };
 * levAttention(x, x, x, { keys: 2, select: first, always: [3] }).heads[0].indices; // => [0, 3]
 * ```
 */
export interface Selector {
  /** How options, results and messages call it, e.g. 'lewis:4'. */
  readonly name: string;
  /** Whether `context.queries` is needed. */
  readonly needsQueries?: boolean;
  /**
   * Exactly `count` distinct indices (0 < count < n), ascending, those of `context.always` among them; of equally good keys
   * the ones with the lower index. A slow selector is a generator that yields its progress.
   */
  select(keys: KeyMatrix, count: number, context: SelectorContext): number[] | Steps<number[]>;
}

/**
 * Runs a selector on one head and checks what it returns. All keys when there are no more than `count`.
 *
 * @throws TypeError or RangeError when the selector breaks its contract, or needs queries and has none.
 */
export function* selectSteps(
  selector: Selector,
  keys: KeyMatrix,
  count: number,
  context: Partial<SelectorContext> = {},
): Steps<number[]> {
  const { n, d } = keys;
  if (count >= n) return Array.from({ length: n }, (_, j) => j);
  if (selector.needsQueries && !context.queries?.length)
    throw new RangeError(`selector ${selector.name}: needs queries, got none`);
  const full = {
    always: [],
    random: context.random ?? randomStream(0),
    causal: false,
    scale: 1 / Math.sqrt(d),
    ...context,
  };
  const chosen = selector.select(keys, count, full);
  const indices = isSteps(chosen) ? yield* chosen : chosen;
  if (!Array.isArray(indices))
    throw new TypeError(`selector ${selector.name}: must return an array of indices, got ${String(indices)}`);
  checkIndices(selector.name, indices, n, count, full.always);
  return indices;
}

function isSteps(chosen: number[] | Steps<number[]>): chosen is Steps<number[]> {
  return typeof (chosen as Steps<number[]> | undefined)?.next === 'function';
}

function checkIndices(name: string, indices: number[], n: number, count: number, always: readonly number[]) {
  if (indices.length !== count)
    throw new RangeError(`selector ${name}: must return ${count} indices, got ${indices.length}`);
  let before = -1;
  for (const j of indices) {
    if (!(Number.isInteger(j) && j > before && j < n))
      throw new RangeError(
        `selector ${name}: indices must be ascending integers in [0, ${n}), got ${j} after ${before}`,
      );
    before = j;
  }
  if (always.length === 0) return;
  const kept = new Set(indices);
  for (const j of always)
    if (!kept.has(j))
      throw new RangeError(`selector ${name}: key ${j} must always be kept, but was left out`);
}
