/** What keys weigh within the pair that stands for them. */
import type { Floats } from '../../keys.js';

/** How many keys each pair has, the logarithm of the sum of their weights exp(logWeights), and each key's share in that. */
export function weigh(members: Int32Array, pairs: number, logWeights?: Floats) {
  const counts = new Uint32Array(pairs);
  for (let j = 0; j < members.length; j++) if (members[j] >= 0) counts[members[j]]++;
  const shares = new Float64Array(members.length);
  if (!logWeights) {
    for (let j = 0; j < members.length; j++) if (members[j] >= 0) shares[j] = 1 / counts[members[j]];
    return { counts, shares, logSums: new Float64Array(counts).map(Math.log) };
  }
  // Relative to the largest of a pair, so that no sum overflows or vanishes.
  const largest = new Float64Array(pairs).fill(-Number.MAX_VALUE);
  const sums = new Float64Array(pairs);
  for (let j = 0; j < members.length; j++)
    if (members[j] >= 0) largest[members[j]] = Math.max(largest[members[j]], logWeights[j]);
  for (let j = 0; j < members.length; j++) {
    if (members[j] < 0) continue;
    shares[j] = Math.exp(logWeights[j] - largest[members[j]]);
    sums[members[j]] += shares[j];
  }
  for (let j = 0; j < members.length; j++) if (members[j] >= 0) shares[j] /= sums[members[j]];
  return { counts, shares, logSums: largest.map((x, pair) => x + Math.log(sums[pair])) };
}
