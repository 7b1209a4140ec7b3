/** What the log-weight of a pair is raised by above that of its keys, as the weight of a mean falls short of the mean of weights. */
import { distancesOf, sumsOf } from '../../kernels/cluster.js';
import type { Points } from './metric.js';
import type { TailHead } from './tail.js';
import { weigh } from './weigh.js';

/** At most this much. */
const MOST = 1;

/**
 * min(1, 1/2 mean (k - c)^T S (k - c)) over the keys k of each pair and their mean c, by the shares of their weights: to second order what
 * log mean exp(logits) exceeds the mean logit by, mean over the queries; of |x|^p, p >= 1, the part (p - 1)/p of that. `points` are in the
 * queries' metric. O(n d).
 */
export function spread(
  members: Int32Array,
  { data, width, keyWidth, logits }: Points,
  { power, logWeights }: TailHead,
): Float64Array {
  const pairs = members.reduce((most, pair) => Math.max(most, pair + 1), 0);
  const { shares } = weigh(members, pairs, logWeights);
  const sums = sumsOf({ rows: data, d: width, members, weights: shares, groups: pairs });
  const centres = new Float32Array(sums);
  const distances = distancesOf({ points: data, width, d: keyWidth, centres, members });
  const squares = new Float64Array(pairs);
  for (let j = 0; j < members.length; j++)
    if (members[j] >= 0) squares[members[j]] += shares[j] * distances[j];
  const convexity = power === undefined ? 1 : Math.max(0, (power - 1) / power);
  // With the root, as the square of `logits` may be infinite where the sum is zero.
  return squares.map((sum) => (sum > 0 ? Math.min((logits * Math.sqrt(sum / 2)) ** 2 * convexity, MOST) : 0));
}
