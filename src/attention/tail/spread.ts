/** What the log-weight of a pair is raised by above log count, as the exponential of a mean logit falls short of the mean of exponentials. */
import type { Points } from './metric.js';

/** At most this much. */
const MOST = 1;

/**
 * min(1, 1/2 mean (k - c)^T S (k - c)) over the keys k of each pair and their mean c: to second order what log mean exp(logits) exceeds the
 * mean logit by, mean over the queries. `points` are in the queries' metric. O(n d).
 */
export function spread(members: Int32Array, { data, width, keyWidth, logits }: Points): Float64Array {
  const pairs = members.reduce((most, pair) => Math.max(most, pair + 1), 0);
  const counts = new Uint32Array(pairs);
  const means = new Float64Array(pairs * keyWidth);
  for (const pair of members) if (pair >= 0) counts[pair]++;
  members.forEach((pair, j) => {
    if (pair < 0) return;
    for (let c = 0; c < keyWidth; c++) means[pair * keyWidth + c] += data[j * width + c] / counts[pair];
  });
  const squares = new Float64Array(pairs);
  members.forEach((pair, j) => {
    if (pair < 0 || counts[pair] === 1) return;
    for (let c = 0; c < keyWidth; c++)
      squares[pair] += (data[j * width + c] - means[pair * keyWidth + c]) ** 2;
  });
  // With the root, as the square of `logits` may be infinite where the sum is zero.
  return squares.map((sum, pair) =>
    sum > 0 ? Math.min((logits * Math.sqrt(sum / (2 * counts[pair]))) ** 2, MOST) : 0,
  );
}
