/** How far selected attention is from the exact one: relative error of the output, divergence of the weights, and mass on the selected keys. */

import { runAsync } from '../kernels/run-async.js';
import { type Floats, shapeOf, type Tensor } from '../keys.js';
import { run, type Steps } from '../steps.js';
import { divergences } from './divergence.js';
import { checkGrouping } from './groupings.js';
import { attendGroups, causalLimits, groupLogWeights, paceOf } from './groups.js';
import {
  type AttentionInputs,
  type AttentionOptions,
  attentionInputs,
  floatsFor,
  largestEntry,
} from './inputs.js';
import { LEV_ATTENTION_OPTIONS, type LevAttentionResult, type SelectedKeys } from './lev-attention.js';
import { maskAsLogWeights } from './offsets.js';

/** What one query head loses. */
export interface HeadComparison {
  readonly batch: number;
  /** The query head. */
  readonly head: number;
  /** |out - exact| / |exact| in the Frobenius norm; infinite where only the exact output is zero. */
  readonly error: number;
  /** Mean over queries of the exact attention probability on the keys that are stored as they are, in [0, 1]. */
  readonly mass: number;
  /**
   * Mean over queries of KL(used || exact) in nats, the weight of a stored pair being spread over its keys as they weigh, evenly unless log-weights differ; -log of the kept mass where
   * keys are dropped, infinite where a query sees keys and none of what is stored. For softmax weights, and not with the tail 'moments', whose weights are no key's.
   */
  readonly divergence?: number;
}

/** {@link compareAttention} as steps. */
export function* compareAttentionSteps(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  results: readonly LevAttentionResult[],
  options: AttentionOptions = {},
): Steps<HeadComparison[][]> {
  // The options of the results that are compared may come as they are.
  const inputs = attentionInputs('compareAttention', q, k, v, options, LEV_ATTENTION_OPTIONS);
  const { batches, queryHeads, keyHeads, group, m, n, d, dv } = inputs;
  checkResults(inputs, results);
  const width = dv + results.length;
  const limits = causalLimits(inputs);
  const views = { inputs, byKey: maskAsLogWeights(inputs) ?? inputs };
  const pace = paceOf(inputs);
  const values = floatsFor(inputs, n * width);
  const exact = floatsFor(inputs, group * m * width);
  const logSums = new Float64Array(group * m);
  const comparisons: HeadComparison[][] = results.map(() => []);
  for (let index = 0; index < batches * keyHeads; index++) {
    appendIndicators(inputs, results, index, values);
    const keys = inputs.k.subarray(index * n * d, (index + 1) * n * d);
    const logWeights = groupLogWeights(inputs, index);
    yield* attendGroups(
      inputs,
      [{ index, k: keys, v: values, n, dv: width, limits, logWeights, out: exact, logSums }],
      pace,
    );
    const lost: (readonly number[] | undefined)[] = [];
    for (const { heads } of results)
      lost.push(
        inputs.power === undefined ? yield* divergences(views, index, heads[index], logSums) : undefined,
      );
    for (let g = 0; g < group; g++) {
      const at = index * group + g;
      const head = { batch: Math.floor(at / queryHeads), head: at % queryHeads };
      const rows = exact.subarray(g * m * width, (g + 1) * m * width);
      results.forEach(({ out }, i) => {
        const error = relativeError(out.data.subarray(at * m * dv, (at + 1) * m * dv), rows, dv, width);
        const divergence = lost[i]?.[g];
        const mass = meanOfColumn(rows, dv + i, width);
        comparisons[i].push({ ...head, error, mass, ...(divergence !== undefined && { divergence }) });
      });
    }
  }
  return comparisons;
}

/** Refuses what is no result of {@link levAttention} on these inputs. */
function checkResults(
  { flat, batches, queryHeads, keyHeads, m, n, dv }: AttentionInputs,
  results: readonly LevAttentionResult[],
) {
  const caller = 'compareAttention';
  if (!Array.isArray(results))
    throw new TypeError(
      `${caller}: results must be an array of results of levAttention, got ${String(results)}`,
    );
  const shape = String(flat ? [m, dv] : [batches, queryHeads, m, dv]);
  results.forEach((result, i) => {
    const where = `${caller}: result ${i}`;
    if (result === null || typeof result !== 'object')
      throw new TypeError(`${where} must be {out, heads}, got ${String(result)}`);
    const { out, heads } = result as LevAttentionResult;
    const given = String(shapeOf(out, `${where}: out`));
    if (given !== shape) throw new RangeError(`${where} must have shape [${shape}], got [${given}]`);
    largestEntry(`${where}: out`, out);
    if (heads?.length !== batches * keyHeads)
      throw new RangeError(
        `${where} must have ${batches * keyHeads} heads of keys, got ${heads?.length ?? 'none'}`,
      );
    for (const head of heads) checkHead(where, head, n);
  });
}

function checkHead(where: string, head: SelectedKeys | null, n: number): void {
  const { indices, stored } = head ?? {};
  if (!Array.isArray(indices))
    throw new TypeError(`${where}: indices must be an array, got ${String(indices)}`);
  let before = -1;
  for (const j of indices) {
    if (!(Number.isInteger(j) && j >= 0 && j < n)) throw new RangeError(`${where} has key ${j} of ${n}`);
    if (j <= before) throw new RangeError(`${where}: indices must ascend, got ${j} after ${before}`);
    before = j;
  }
  if (!stored) return;
  const { members, logWeights: excess = new Float64Array(), moments: rest } = stored;
  checkGrouping(where, { members, excess, rest }, n, n, 'logWeights');
}

/**
 * The values of a key head with one more column for each result: 1 for its selected keys, 0 for the others. Exact attention
 * over these gives, beside the output, the probability on the selected keys: all results are compared in one pass.
 */
function appendIndicators(
  { v, n, dv }: AttentionInputs,
  results: readonly LevAttentionResult[],
  index: number,
  target: Floats,
): void {
  const width = dv + results.length;
  for (let j = 0; j < n; j++) {
    for (let c = 0; c < dv; c++) target[j * width + c] = v[(index * n + j) * dv + c];
    target.fill(0, j * width + dv, (j + 1) * width);
  }
  results.forEach(({ heads }, i) => {
    for (const j of heads[index].indices) target[j * width + dv + i] = 1;
  });
}

/** |a - b| / |b| over the first dv columns; b has rows of `width` columns. */
function relativeError(a: Floats, b: Floats, dv: number, width: number): number {
  // Relative to the largest entry, so that no square overflows or vanishes.
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i]));
  for (let i = 0; i < b.length; i++) if (i % width < dv) largest = Math.max(largest, Math.abs(b[i]));
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < a.length; i++) {
    const exact = b[Math.floor(i / dv) * width + (i % dv)] / largest;
    difference += (a[i] / largest - exact) ** 2;
    norm += exact ** 2;
  }
  // All zero is 0/0 above, and no difference.
  return difference > 0 ? Math.sqrt(difference / norm) : 0;
}

function meanOfColumn(rows: Floats, column: number, width: number): number {
  let sum = 0;
  for (let at = column; at < rows.length; at += width) sum += rows[at];
  // Rounding may carry a sum of probabilities past 1.
  return Math.min(1, (sum * width) / rows.length);
}

/**
 * Compares results of {@link levAttention} with exact attention: for each of them a list with one entry for each batch and query
 * head. Exact attention is computed once for all of them, so compare many selections in one call.
 *
 * q, k, v and options as for {@link exactAttention}, the same that the results were made with. A kept mass close to 1 is no
 * promise of a small error, nor the reverse: with flat attention look at the error, and with a tail other than 'drop' at error and divergence. Under a causal mask a query that sees no
 * selected key counts with mass 0, though it attends to its own key. Errors of float32 results end near 1e-6, their rounding.
 * O(m n (d + dv + results)) a query head.
 *
 * @throws TypeError or RangeError as {@link exactAttention}, and for results that are none or of another shape.
 *
 * @example
 * ```ts
 * import { compareAttention, levAttention } from 'levattention';
 *
 * const q = { data: Float64Array.of(0, 0), shape: [1, 2] };
 * const k = { data: Float64Array.of(9, 0, 1, 0, 0, 5, 0, 1), shape: [4, 2] };
 * const v = { data: Float64Array.of(1, 3, 3, 5), shape: [4, 1] };
 * const two = levAttention(q, k, v, { keys: 2 }); // Keys 0 and 2: the output is 2, the exact one 3.
 * const all = levAttention(q, k, v, { keys: 4 });
 * const [[first], [second]] = compareAttention(q, k, v, [two, all]);
 * first.mass; // => 0.5
 * first.error.toFixed(3); // => '0.333'
 * second.mass; // => 1
 * ```
 */
export function compareAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  results: readonly LevAttentionResult[],
  options: AttentionOptions = {},
): HeadComparison[][] {
  return run(compareAttentionSteps(q, k, v, results, options), options, 'compareAttention');
}

/** {@link compareAttention} that lets the event loop run. */
export function compareAttentionAsync(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  results: readonly LevAttentionResult[],
  options: AttentionOptions = {},
): Promise<HeadComparison[][]> {
  return runAsync(compareAttentionSteps(q, k, v, results, options), options, 'compareAttentionAsync');
}
