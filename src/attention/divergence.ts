/** How far the weights of stored pairs are from those of exact attention: the Kullback-Leibler divergence. */

import type { Steps } from '../steps.js';
import { attendGroups, groupLogWeights, paceOf } from './groups.js';
import { type AttentionInputs, floatsFor } from './inputs.js';
import { ownKeyAlone, type SelectedKeys } from './lev-attention.js';
import { offsetAt } from './offsets.js';
import { queriesOf, storedCall } from './storage.js';
import { eachAlone, storedPairs } from './tail/stored-pairs.js';

/**
 * [group]: the mean over the queries of a head of KL(used || exact), in nats, softmax weights, a pair's weight spread over its keys in
 * proportion to their log-weights' exponentials, evenly without any. For
 * keys that are dropped it is -log of the mass that is kept. The logit of a mean key is the mean logit, so with x the log-weight of a pair
 * less the log of the sum of these,
 *
 *     KL = mean of x by the used weights + log sum of the exact weights - log sum of the used ones.
 *
 * `byKey` are the inputs with a mask that is one for all queries as log-weights, as results with a tail have it. Undefined with moments, whose weights are no key's. O(group m s d) for s pairs.
 */
export function* divergences(
  { inputs: given, byKey }: { readonly inputs: AttentionInputs; readonly byKey: AttentionInputs },
  index: number,
  { indices, stored }: SelectedKeys,
  exactLogSums: Float64Array,
): Steps<readonly number[] | undefined> {
  if (stored?.moments) return undefined;
  const inputs = stored ? byKey : given;
  const { group, m, n, d, dv, scale } = inputs;
  const k = inputs.k.subarray(index * n * d, (index + 1) * n * d);
  const v = inputs.v.subarray(index * n * dv, (index + 1) * n * dv);
  const weights = groupLogWeights(inputs, index);
  const pairs = storedPairs(k, v, { members: stored?.members ?? eachAlone(n, indices) }, weights);
  // Of the inputs' type, so that float32 goes to its kernels.
  const excess = floatsFor(inputs, pairs.logWeights.length);
  if (stored)
    pairs.logWeights.forEach((x, pair) => {
      excess[pair] = stored.logWeights[pair] - x;
    });
  const logWeights = stored?.logWeights ?? pairs.logWeights;
  const out = floatsFor(inputs, group * m);
  const logSums = new Float64Array(group * m);
  const call = storedCall(inputs, index, { ...pairs, indices, stored, logWeights }, out);
  yield* attendGroups(inputs, [{ ...call, v: excess, dv: 1, logSums }], paceOf(inputs));
  const q = queriesOf(inputs, index);
  const offset = offsetAt(inputs, index);
  ownKeyAlone(inputs, call, pairs.last, (i, _, own) => {
    logSums[i] = offset(i, own);
    for (let c = 0; c < d; c++) logSums[i] += scale * q[i * d + c] * k[own * d + c];
  });
  return Array.from({ length: group }, (_, g) => {
    let sum = 0;
    // Rounding may make it a little less than nothing.
    for (let i = g * m; i < (g + 1) * m; i++)
      if (exactLogSums[i] !== logSums[i]) sum += Math.max(0, out[i] + exactLogSums[i] - logSums[i]) / m;
    return sum;
  });
}
