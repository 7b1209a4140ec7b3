/** The LevAttention operator: attention over a few selected keys of each head (docs/algorithms.md, section 8). */

import { runAsync } from '../kernels/run-async.js';
import type { Floats, Tensor } from '../keys.js';
import { run, type Steps } from '../steps.js';
import { CHOICE_OPTIONS } from './choose-keys.js';
import { type OutputTensor, outputOf } from './exact.js';
import { attendGroups, groupRows, paceOf, placeOfGroup } from './groups.js';
import { type AttentionInputs, type AttentionOptions, attentionInputs } from './inputs.js';
import { offsetAt } from './offsets.js';
import {
  queriesOf,
  type Storage,
  type StorageOptions,
  type StoredCall,
  type StoredHead,
  type StoredKeys,
  storage,
  storedCall,
} from './storage.js';
import { addMoments } from './tail/gaussian.js';

/** Options of {@link levAttention}; exactly one of `keys` and `epsilon`. */
export interface LevAttentionOptions extends AttentionOptions, StorageOptions {}

/** The names of those that attention over all keys does not have. */
export const LEV_ATTENTION_OPTIONS: readonly string[] = [...CHOICE_OPTIONS, 'tail'];

/** The keys that one key head keeps. */
export interface SelectedKeys {
  readonly batch: number;
  /** The key head. */
  readonly head: number;
  /** Keys that are stored as they are, ascending. */
  readonly indices: readonly number[];
  /** What is stored, unless it is these keys and nothing else. */
  readonly stored?: StoredKeys;
}

/** The result of {@link levAttention}. */
export interface LevAttentionResult {
  /** [m, dv] or [batch, query heads, m, dv], as the input. */
  readonly out: OutputTensor;
  /** One for each batch and key head; a single one for two-dimensional input. */
  readonly heads: readonly SelectedKeys[];
}

/** {@link levAttention} as steps. */
export function* levAttentionSteps(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: LevAttentionOptions = {},
): Steps<LevAttentionResult> {
  const inputs = attentionInputs('levAttention', q, k, v, options, LEV_ATTENTION_OPTIONS);
  const { out, heads } = yield* attendToStored(storage('levAttention', inputs, options), (call) => call);
  return { out, heads: heads.map(({ selected }) => selected) };
}

/** What one key head stores, and the attention of its queries to that. */
export interface StoredAttention<Call extends StoredCall = StoredCall> {
  readonly selected: SelectedKeys;
  readonly head: StoredHead;
  readonly call: Call;
}

/** Stores every head, then attends the queries of all; `prepare` adds to the calls what else they are to write, or where. */
export function* attendToStored<Call extends StoredCall>(
  { inputs, store }: Storage,
  prepare: (call: StoredCall, head: StoredHead) => Call,
): Steps<{ out: OutputTensor; heads: StoredAttention<Call>[] }> {
  const { batches, keyHeads, dv } = inputs;
  const out = outputOf(inputs);
  const heads: StoredAttention<Call>[] = [];
  for (let index = 0; index < batches * keyHeads; index++) {
    const head = yield* store(index);
    const selected = { ...placeOfGroup(inputs, index), indices: head.indices, stored: head.stored };
    const call = storedCall(inputs, index, head, groupRows(inputs, index, out.data, dv));
    heads.push({ selected, head, call: prepare(call, head) });
  }
  const calls = heads.map(({ call }) => call);
  yield* attendGroups(inputs, calls, paceOf(inputs));
  heads.forEach(({ head, call }, index) => {
    if (head.moments) {
      const rows = groupRows(inputs, index, out.data, dv);
      rows.set(call.out);
      addMoments(head.moments, queriesOf(inputs, index), inputs.scale, rows, call.logSums!.slice());
    } else ownKeyAlone(inputs, call, head.last, (i, value) => call.out.set(value, i * dv));
  });
  return { out, heads };
}

/**
 * Finds the queries that see none of the stored pairs under a causal mask: unless it is hidden, each attends to its own key alone, whatever
 * the weight. Gives their numbers in the group and that key's value, a view of the values, with its number.
 */
export function ownKeyAlone(
  inputs: AttentionInputs,
  { index, limits }: StoredCall,
  last: ArrayLike<number>,
  take: (i: number, value: Floats, own: number) => void,
): void {
  if (!limits) return;
  const { v, m, n, dv } = inputs;
  const offset = offsetAt(inputs, index);
  const sees = (i: number, j: number) => offset(i, j) > Number.NEGATIVE_INFINITY;
  for (let i = 0; i < limits.length; i++) {
    let at = 0;
    while (at < limits[i] && !sees(i, last[at])) at++;
    const own = (i % m) + n - m;
    const first = (index * n + own) * dv;
    if (at === limits[i] && sees(i, own)) take(i, v.subarray(first, first + dv), own);
  }
}

/**
 * out_i = sum_{j in S} w_ij v_j / sum_{j in S} w_ij with the weights of {@link exactAttention}, where S is chosen for each key
 * head from its keys: the `keys` of largest leverage score, or another selector's choice, or the universal set at `epsilon`.
 *
 * Shapes, types and grouped heads as in {@link exactAttention}. With K selected keys the attention costs O(m K (d + dv)) a query
 * head, and the choice by leverage O(n d^2) a key head. Equally good keys: the one with the lower index.
 *
 * This is a heuristic, measured and never promised: the keys left out are dropped from the normaliser too. What is guaranteed
 * about U speaks of scores over all keys; for that see `universalSet` and `heavyScores`. 'leverage' is the paper's operator.
 * Softmax does not change when a constant vector is added to all keys, leverage does; where the keys share a large mean, as
 * they do in language models, select 'leverage-centred', and name sinks and recent keys in `always`. Where attention is flat,
 * 'stride' or 'random' keys lose less than any choice of outstanding ones: compare with `compareAttention`.
 *
 * Causal: the keys are chosen once from the whole sequence, and query i looks at those of them that it may see. A query that
 * sees none, as the first ones may, attends to its own key alone: the only key that each query is sure to have. Where `attnMask` or
 * `logWeights` hide that too, the row is zero, as every row is that sees no key.
 *
 * `tail` says what stands in for the keys that are not kept, and `keys` then counts all stored pairs: dropping them is what costs most where
 * attention is flat. 'clusters' stores means of keys with the log of their number for log-weight, or a little more, beside some keys as they
 * are; with sixteen queries or more that see all keys it chooses for each head among three ways by their error on some of these queries,
 * otherwise one way without a look at queries is taken (docs/algorithms.md, section 8). Under a causal mask a pair is seen from its
 * last key on. 'moments' is for softmax alone, as its closed form is of exp. With |x|^p, which does not tell a key from its negative, 'mean' and
 * 'clusters' turn keys to one side before they average them.
 *
 * A key that no query of its head sees, because `attnMask`, `logWeights` or both hide it (-Infinity, false, or numbers more than 1e30 below
 * the largest of their query, as libraries write masks), is neither chosen nor stored: the result is that of a call without it. The largest is that of
 * all keys, causal mask or not, so that padding is hidden from the queries of the padding too: these attend to their own keys alone. A head without
 * any key that is seen gives zero rows. Of the selectors those by attention mass look at masks and log-weights too, the others at the keys alone.
 * Where keys are stored together a pair has their means, weighted by exp of their log-weights, and the log of the sum for log-weight; a mask
 * must then be the same for all queries that read a key head, [batch, 1, 1, n] or like it, and is among the log-weights: no query can be
 * shown a part of a mean.
 *
 * @throws TypeError or RangeError for shapes that do not fit, NaN or infinity (with its place), options out of range, and a head
 * without a key of sensitivity >= epsilon.
 *
 * @example
 * ```ts
 * import { levAttention } from 'levattention';
 *
 * const q = { data: Float64Array.of(0, 0), shape: [1, 2] };
 * const k = { data: Float64Array.of(9, 0, 1, 0, 0, 5), shape: [3, 2] };
 * const v = { data: Float64Array.of(1, 2, 7, 7, 3, 4), shape: [3, 2] };
 * const { out, heads } = levAttention(q, k, v, { keys: 2 });
 * heads[0].indices; // => [0, 2]
 * Array.from(out.data); // => [2, 3]
 * Array.from(levAttention(q, k, v, { keys: 2, tail: 'mean' }).out.data).map((x) => x.toFixed(3)); // => ['3.667', '4.333']
 * ```
 */
export function levAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: LevAttentionOptions,
): LevAttentionResult {
  return run(levAttentionSteps(q, k, v, options), options, 'levAttention');
}

/** {@link levAttention} that lets the event loop run. */
export function levAttentionAsync(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: LevAttentionOptions,
): Promise<LevAttentionResult> {
  return runAsync(levAttentionSteps(q, k, v, options), options, 'levAttentionAsync');
}
