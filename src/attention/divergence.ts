/** How far the weights of stored pairs are from those of exact attention: the Kullback-Leibler divergence. */

import type { Steps } from '../steps.js';
import { attendGroups, paceOf } from './groups.js';
import { type AttentionInputs, floatsFor } from './inputs.js';
import type { SelectedKeys } from './lev-attention.js';
import { queriesOf, storedCall } from './storage.js';
import { eachAlone, storedPairs } from './tail/stored-pairs.js';

/**
 * [group]: the mean over the queries of a head of KL(used || exact), in nats, softmax weights, a pair's weight spread evenly over its keys. For
 * keys that are dropped it is -log of the mass that is kept. The logit of a mean key is the mean logit, so with x the log-weight of a pair
 * less the log of its count,
 *
 *     KL = mean of x by the used weights + log sum of the exact weights - log sum of the used ones.
 *
 * Undefined with moments, whose weights are no key's. O(group m s d) for s pairs.
 */
export function* divergences(
  inputs: AttentionInputs,
  index: number,
  { indices, stored }: SelectedKeys,
  exactLogSums: Float64Array,
): Steps<readonly number[] | undefined> {
  if (stored?.moments) return undefined;
  const { group, m, n, d, dv, scale } = inputs;
  const k = inputs.k.subarray(index * n * d, (index + 1) * n * d);
  const v = inputs.v.subarray(index * n * dv, (index + 1) * n * dv);
  const pairs = storedPairs(k, v, { members: stored?.members ?? eachAlone(n, indices) });
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
  return Array.from({ length: group }, (_, g) => {
    let sum = 0;
    for (let i = g * m; i < (g + 1) * m; i++) {
      let used = logSums[i];
      if (used === Number.NEGATIVE_INFINITY && call.limits?.[i] === 0) {
        // The query attends to its own key.
        used = 0;
        const own = (i % m) + n - m;
        for (let c = 0; c < d; c++) used += scale * q[i * d + c] * k[own * d + c];
      }
      // Rounding may make it a little less than nothing.
      if (exactLogSums[i] !== used) sum += Math.max(0, out[i] + exactLogSums[i] - used) / m;
    }
    return sum;
  });
}
