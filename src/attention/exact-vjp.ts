/** Exact attention with its gradients. */

import { runAsync } from '../kernels/run-async.js';
import type { Tensor } from '../keys.js';
import { run, type Steps } from '../steps.js';
import { exactCalls, type OutputTensor, outputOf } from './exact.js';
import { type AttentionGradients, asGiven, checkOutputGradients, gradientSums } from './gradients.js';
import { attendGroups, backwardGroups, groupRows, paceOf } from './groups.js';
import { type AttentionOptions, attentionInputs } from './inputs.js';

/** An output and its pull-back; `Result` is what that gives, or a promise of it. */
export interface ExactAttentionVjp<Result = AttentionGradients> {
  /** As of {@link exactAttention}. */
  readonly out: OutputTensor;
  /** The gradients of a sum whose gradient with respect to `out` is dOut, of the shape of `out`. */
  vjp(dOut: Tensor): Result;
}

/** {@link exactAttentionVjp} as steps, whose pull-back gives steps. */
export function* exactAttentionVjpSteps(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: AttentionOptions = {},
): Steps<ExactAttentionVjp<Steps<AttentionGradients>>> {
  const where = 'exactAttentionVjp';
  const inputs = attentionInputs(where, q, k, v, options);
  const { group, m, n, d, dv } = inputs;
  const out = outputOf(inputs);
  const calls = exactCalls(inputs, out).map((call) => ({
    ...call,
    normalisers: new Float64Array(2 * group * m),
  }));
  yield* attendGroups(inputs, calls, paceOf(inputs));
  function* vjp(dOut: Tensor): Steps<AttentionGradients> {
    const gradients = checkOutputGradients(where, dOut, out);
    const sums = gradientSums(inputs);
    const backward = calls.map((call, index) => ({
      ...call,
      dOut: groupRows(inputs, index, gradients, dv),
      dQ: groupRows(inputs, index, sums.dQ, d),
      dK: sums.dK.subarray(index * n * d, (index + 1) * n * d),
      dV: sums.dV.subarray(index * n * dv, (index + 1) * n * dv),
      dLogWeights: sums.dLogWeights?.subarray(index * n, (index + 1) * n),
    }));
    yield* backwardGroups(inputs, backward, paceOf(inputs, 'gradients'));
    return asGiven(where, inputs, { q, k, v, logWeights: options.logWeights }, sums);
  }
  return { out, vjp };
}

/**
 * {@link exactAttention} and what turns a gradient of its output into those of its inputs. With P_ij = w_ij / sum_j w_ij and
 * dS_ij = P_ij (<dOut_i, v_j> - <dOut_i, out_i>):
 *
 *     dv_j = sum_i P_ij dOut_i     db_j = sum_i dS_ij     dq_i = sum_j dS_ij g_ij k_j     dk_j = sum_i dS_ij g_ij q_i
 *
 * summed over the query heads that share a key head, where g_ij is the scale, or p / <q_i,k_j> for |x|^p, taken for zero where the product
 * is. Shapes, types and options as in {@link exactAttention}; each gradient has the shape and type of its input, that of `logWeights`
 * (`dLogWeights`) included; of `attnMask` there is none. Nothing of size m x n is stored: the weights are formed anew, so a
 * call of `vjp` takes some 2.5 times as long as the output did. The tensors must not change in between.
 *
 * Float32 gradients are within 1e-5 of float64 in the Frobenius norm of a head, at any logits, relative to the same sums over absolute
 * values; within 2e-6 of their own norm on Gaussian heads with logits up to some tens. Weights below 2^-127 of a query's largest have no
 * gradient. Float64 inputs, and powers below 1, are computed in float64.
 *
 * @throws TypeError or RangeError as {@link exactAttention}, and from `vjp` for a gradient of another shape, NaN or infinity, and for
 * gradients beyond the range of their inputs' type.
 *
 * @example
 * ```ts
 * import { exactAttentionVjp } from 'levattention';
 *
 * const q = { data: Float64Array.of(0, 0), shape: [1, 2] };
 * const k = { data: Float64Array.of(1, 0, 0, 1), shape: [2, 2] };
 * const v = { data: Float64Array.of(1, 3), shape: [2, 1] };
 * const { out, vjp } = exactAttentionVjp(q, k, v, { scale: 1 });
 * out.data[0]; // => 2
 * const { dq, dv } = vjp({ data: Float64Array.of(1), shape: [1, 1] });
 * Array.from(dq.data); // => [-0.5, 0.5]
 * Array.from(dv.data); // => [0.5, 0.5]
 * ```
 */
export function exactAttentionVjp(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: AttentionOptions = {},
): ExactAttentionVjp {
  const caller = 'exactAttentionVjp';
  const { out, vjp } = run(exactAttentionVjpSteps(q, k, v, options), options, caller);
  return { out, vjp: (dOut) => run(vjp(dOut), options, caller) };
}

/** {@link exactAttentionVjp} that lets the event loop run, on several threads where `threads` asks for them; so does its pull-back. */
export async function exactAttentionVjpAsync(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: AttentionOptions = {},
): Promise<ExactAttentionVjp<Promise<AttentionGradients>>> {
  const caller = 'exactAttentionVjpAsync';
  const { out, vjp } = await runAsync(exactAttentionVjpSteps(q, k, v, options), options, caller);
  return { out, vjp: (dOut) => runAsync(vjp(dOut), options, caller) };
}
