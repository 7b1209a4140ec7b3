/** What keys weigh within the pair that stands for them. */
import type { Floats } from '../../keys.js';

/** How many keys each pair has, the logarithm of the sum of their weights exp(logWeights), and each key's share in that. */
export function weigh(members: Int32Array, pairs: number, logWeights?: Floats) {
  const counts = new Uint32Array(pairs);
  for (const pair of members) if (pair >= 0) counts[pair]++;
  if (!logWeights) {
    const shares = Float64Array.from(members, (pair) => (pair < 0 ? 0 : 1 / counts[pair]));
    return { counts, shares, logSums: Float64Array.from(counts, Math.log) };
  }
  // Relative to the largest of a pair, so that no sum overflows or vanishes.
  const largest = new Float64Array(pairs).fill(-Number.MAX_VALUE);
  members.forEach((pair, j) => {
    if (pair >= 0) largest[pair] = Math.max(largest[pair], logWeights[j]);
  });
  const shares = Float64Array.from(members, (pair, j) =>
    pair < 0 ? 0 : Math.exp(logWeights[j] - largest[pair]),
  );
  const sums = new Float64Array(pairs);
  members.forEach((pair, j) => {
    if (pair >= 0) sums[pair] += shares[j];
  });
  members.forEach((pair, j) => {
    if (pair >= 0) shares[j] /= sums[pair];
  });
  return { counts, shares, logSums: largest.map((x, pair) => x + Math.log(sums[pair])) };
}
