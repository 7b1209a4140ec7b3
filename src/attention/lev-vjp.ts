/** The LevAttention operator with its gradients: which keys are stored, and together with which, is taken as given. */

import { runAsync } from '../kernels/run-async.js';
import type { Floats, Tensor } from '../keys.js';
import { run, type Steps } from '../steps.js';
import type { OutputTensor } from './exact.js';
import {
  type AttentionGradients,
  asGiven,
  checkOutputGradients,
  type GradientSums,
  gradientSums,
} from './gradients.js';
import { backwardGroups, groupRows, paceOf } from './groups.js';
import { type AttentionInputs, attentionInputs } from './inputs.js';
import {
  attendToStored,
  LEV_ATTENTION_OPTIONS,
  type LevAttentionOptions,
  ownKeyAlone,
  type SelectedKeys,
  type StoredAttention,
} from './lev-attention.js';
import { queriesOf, storage } from './storage.js';
import { type MomentsGradients, momentsGradients, scatterMoments } from './tail/moments-gradient.js';
import { type PairGradients, scatterLogWeights, scatterMeans } from './tail/pairs-gradient.js';

/** An output and its pull-back; `Result` is what that gives, or a promise of it. */
export interface LevAttentionVjp<Result = AttentionGradients> {
  /** As of {@link levAttention}. */
  readonly out: OutputTensor;
  readonly heads: readonly SelectedKeys[];
  /** The gradients of a sum whose gradient with respect to `out` is dOut, of the shape of `out`. */
  vjp(dOut: Tensor): Result;
}

/** {@link levAttentionVjp} as steps, whose pull-back gives steps. */
export function* levAttentionVjpSteps(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: LevAttentionOptions = {},
): Steps<LevAttentionVjp<Steps<AttentionGradients>>> {
  const where = 'levAttentionVjp';
  const inputs = attentionInputs(where, q, k, v, options, LEV_ATTENTION_OPTIONS);
  const stored = storage(where, inputs, options);
  const { group, m, d, dv } = inputs;
  const { out, heads } = yield* attendToStored(stored, (call, head) => ({
    ...call,
    // The gradients need the outputs without the closed form.
    out: head.moments ? call.out.slice() : call.out,
    normalisers: new Float64Array(2 * group * m),
  }));
  function* vjp(dOut: Tensor): Steps<AttentionGradients> {
    const gradients = checkOutputGradients(where, dOut, out);
    const sums = gradientSums(inputs);
    const ofMoments = heads.map((stored) => gradientsOfMoments(inputs, stored, gradients));
    const backward = heads.map(({ call }, index) => ({
      ...call,
      dOut: ofMoments[index]?.dOut ?? groupRows(inputs, index, gradients, dv),
      dLogSums: ofMoments[index]?.dLogSums,
      dQ: groupRows(inputs, index, sums.dQ, d),
      dK: new Float64Array(call.n * d),
      dV: new Float64Array(call.n * dv),
      dLogWeights: sums.dLogWeights && new Float64Array(call.n),
    }));
    yield* backwardGroups(stored.inputs, backward, paceOf(inputs, 'gradients'));
    heads.forEach((head, index) => {
      scatter(inputs, head, backward[index], sums);
      const found = ofMoments[index];
      if (found) addGradientsOfMoments(inputs, head, found, sums);
      else toOwnKeys(stored.inputs, head, gradients, sums);
    });
    return asGiven(where, inputs, { q, k, v, logWeights: options.logWeights }, sums);
  }
  return { out, heads: heads.map(({ selected }) => selected), vjp };
}

/** The gradients around the closed form of a head, if it has one. */
function gradientsOfMoments(
  inputs: AttentionInputs,
  { head: { moments }, call: { index, out, logSums } }: StoredAttention,
  dOut: Floats,
): MomentsGradients | undefined {
  if (!moments || !logSums) return undefined;
  const [q, rows] = [queriesOf(inputs, index), groupRows(inputs, index, dOut, inputs.dv)];
  return momentsGradients(moments, q, inputs.scale, out, logSums, rows);
}

/** The keys and values of a key head, and the sums of their gradients and of those of their log-weights. */
function keysOf({ k, v, n, d, dv }: AttentionInputs, index: number, sums: GradientSums) {
  return {
    k: k.subarray(index * n * d, (index + 1) * n * d),
    v: v.subarray(index * n * dv, (index + 1) * n * dv),
    dK: sums.dK.subarray(index * n * d, (index + 1) * n * d),
    dV: sums.dV.subarray(index * n * dv, (index + 1) * n * dv),
    dLogWeights: sums.dLogWeights?.subarray(index * n, (index + 1) * n),
  };
}

/** Adds them to those of the queries and of the keys that the moments are of. */
function addGradientsOfMoments(
  inputs: AttentionInputs,
  { head: { moments, rest }, call: { index } }: StoredAttention,
  { dQ, dMoments }: MomentsGradients,
  sums: GradientSums,
): void {
  const target = groupRows(inputs, index, sums.dQ, inputs.d);
  for (let i = 0; i < dQ.length; i++) target[i] += dQ[i];
  const { k, v, dK, dV, dLogWeights } = keysOf(inputs, index, sums);
  scatterMoments(moments!, dMoments, k, v, rest!, dK, dV, dLogWeights);
}

/** Adds the gradients of the pairs of a head to those of its keys. */
function scatter(
  inputs: AttentionInputs,
  { head, call: { index } }: StoredAttention,
  gradients: PairGradients,
  sums: GradientSums,
): void {
  const { k, v, dK, dV, dLogWeights } = keysOf(inputs, index, sums);
  scatterMeans(gradients.dK, inputs.d, head.members, head.signedShares, dK);
  scatterMeans(gradients.dV, inputs.dv, head.members, head.shares, dV);
  if (dLogWeights) scatterLogWeights(gradients, k, v, head, dLogWeights);
}

/** Adds the gradients of queries that attend to their own key alone to those of its value. */
function toOwnKeys(
  inputs: AttentionInputs,
  { head, call }: StoredAttention,
  dOut: Floats,
  { dV }: GradientSums,
): void {
  const { group, m, n, dv } = inputs;
  ownKeyAlone(inputs, call, head.last, (i, _, own) => {
    const from = (call.index * group * m + i) * dv;
    const to = (call.index * n + own) * dv;
    for (let c = 0; c < dv; c++) dV[to + c] += dOut[from + c];
  });
}

/**
 * {@link levAttention} and what turns a gradient of its output into those of its inputs, as in {@link exactAttentionVjp}. Which keys are
 * kept does not change with the inputs, as far as the gradients know: keys that are not stored have none. A pair that stands for several keys is
 * their mean, so its gradient is shared out by their weights; log-weights have theirs through the means and through the log of the sum of weights.
 * What is added to that log, and the signs of keys with |x|^p, are taken as given too.
 *
 * Accuracy as in {@link exactAttentionVjp}. O(m s (d + dv)) a query head for s pairs, some 2.5 times what the output took. The tensors must
 * not change in between.
 *
 * @throws TypeError or RangeError as {@link levAttention}, and from `vjp` for a gradient of another shape, NaN or infinity, and for
 * gradients beyond the range of their inputs' type.
 *
 * @example
 * ```ts
 * import { levAttentionVjp } from 'levattention';
 *
 * const q = { data: Float64Array.of(0, 0), shape: [1, 2] };
 * const k = { data: Float64Array.of(9, 0, 1, 0, 0, 5), shape: [3, 2] };
 * const v = { data: Float64Array.of(1, 7, 3), shape: [3, 1] };
 * const { out, vjp } = levAttentionVjp(q, k, v, { keys: 2, scale: 1 });
 * out.data[0]; // => 2
 * const { dq, dv } = vjp({ data: Float64Array.of(1), shape: [1, 1] });
 * Array.from(dq.data); // => [-4.5, 2.5]
 * Array.from(dv.data); // => [0.5, 0, 0.5]
 * ```
 */
export function levAttentionVjp(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: LevAttentionOptions,
): LevAttentionVjp {
  const caller = 'levAttentionVjp';
  const { out, heads, vjp } = run(levAttentionVjpSteps(q, k, v, options), options, caller);
  return { out, heads, vjp: (dOut) => run(vjp(dOut), options, caller) };
}

/** {@link levAttentionVjp} that lets the event loop run, on several threads where `threads` asks for them; so does its pull-back. */
export async function levAttentionVjpAsync(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: LevAttentionOptions,
): Promise<LevAttentionVjp<Promise<AttentionGradients>>> {
  const caller = 'levAttentionVjpAsync';
  const { out, heads, vjp } = await runAsync(levAttentionVjpSteps(q, k, v, options), options, caller);
  return { out, heads, vjp: (dOut) => runAsync(vjp(dOut), options, caller) };
}
