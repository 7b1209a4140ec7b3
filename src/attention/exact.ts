/** Exact attention, softmax or power weights, of many heads: what every selection is compared with. */

import { runAsync } from '../kernels/run-async.js';
import type { Floats, Tensor } from '../keys.js';
import { run, type Steps } from '../steps.js';
import { attendGroups, causalLimits, type GroupCall, groupLogWeights, paceOf } from './groups.js';
import { type AttentionInputs, type AttentionOptions, attentionInputs, floatsFor } from './inputs.js';

/** A tensor that this library made. */
export interface OutputTensor {
  readonly data: Floats;
  readonly shape: readonly number[];
}

/** A zero tensor for the result: [m, dv] or [batch, query heads, m, dv]. */
export function outputOf(inputs: AttentionInputs): OutputTensor {
  const { flat, batches, queryHeads, m, dv } = inputs;
  return {
    data: floatsFor(inputs, batches * queryHeads * m * dv),
    shape: flat ? [m, dv] : [batches, queryHeads, m, dv],
  };
}

/** Attention of each group of query heads to all keys of its key head. */
export function exactCalls(inputs: AttentionInputs, { data }: OutputTensor): GroupCall[] {
  const { batches, keyHeads, group, m, n, d, dv } = inputs;
  const limits = causalLimits(inputs);
  const size = group * m * dv;
  return Array.from({ length: batches * keyHeads }, (_, index) => ({
    index,
    k: inputs.k.subarray(index * n * d, (index + 1) * n * d),
    v: inputs.v.subarray(index * n * dv, (index + 1) * n * dv),
    n,
    dv,
    limits,
    logWeights: groupLogWeights(inputs, index),
    out: data.subarray(index * size, (index + 1) * size),
  }));
}

/** {@link exactAttention} as steps. */
export function* exactAttentionSteps(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: AttentionOptions = {},
): Steps<OutputTensor> {
  const inputs = attentionInputs('exactAttention', q, k, v, options);
  const out = outputOf(inputs);
  yield* attendGroups(inputs, exactCalls(inputs, out), paceOf(inputs));
  return out;
}

/**
 * out_i = sum_j w_ij v_j / sum_j w_ij with w_ij = exp(scale <q_i,k_j> + b_j + M_ij), or |<q_i,k_j>|^p exp(b_j + M_ij), where b are `logWeights`
 * and M is `attnMask`, both zero unless given.
 *
 * q [m, d], k [n, d], v [n, dv] give [m, dv]; q [batch, query heads, m, d], k [batch, key heads, n, d] and
 * v [batch, key heads, n, dv] give [batch, query heads, m, dv], where the query heads are a multiple of the key heads and
 * query head h reads key head floor(h / (query heads / key heads)). O(m n (d + dv)) a query head, and no m x n matrix.
 * Float32 in, float32 out, within 1e-5 of float64 in the Frobenius norm of a head (where values cancel, of the same attention over
 * |v|), whatever the logits and p: scores are float64 wherever float32 would be too coarse, which costs up to half as much time again. Only
 * weights below 2^-127 of a query's largest are taken for zero, however large their values.
 * Float64 is computed in float64 throughout, several times slower. A query whose keys are all hidden,
 * or whose power weights are all zero, gives a zero row.
 *
 * @throws TypeError or RangeError for shapes that do not fit, NaN or infinity (with its place), or options out of range.
 *
 * @example
 * ```ts
 * import { exactAttention } from 'levattention';
 *
 * const q = { data: Float64Array.of(0, 0), shape: [1, 2] };
 * const k = { data: Float64Array.of(1, 0, 0, 1), shape: [2, 2] };
 * const v = { data: Float64Array.of(1, 2, 3, 4), shape: [2, 2] };
 * Array.from(exactAttention(q, k, v).data); // => [2, 3]
 * ```
 */
export function exactAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: AttentionOptions = {},
): OutputTensor {
  return run(exactAttentionSteps(q, k, v, options), options, 'exactAttention');
}

/** {@link exactAttention} that lets the event loop run. */
export function exactAttentionAsync(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: AttentionOptions = {},
): Promise<OutputTensor> {
  return runAsync(exactAttentionSteps(q, k, v, options), options, 'exactAttentionAsync');
}
