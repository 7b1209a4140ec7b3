/** The keys nearest to k-means centres. */
import type { KeyMatrix } from '../../keys.js';
import type { Random } from '../../random.js';
import type { Steps } from '../../steps.js';
import { kMeans as clustersOf } from '../k-means.js';
import { singlePoints } from './points.js';
import type { Selector } from './selector.js';
import { remaining, topKeys, union } from './top-keys.js';

/** Of k-means: after the second one centres are means of points that are assigned to them. */
const ITERATIONS = 2;

/** Distances that differ by less than this part are equal but for rounding, as those of two points from their mean are. */
const ROUNDING = 1e-5;

/** `wanted` points: the one nearest to each centre among its own, then those farthest from their centre. */
function* representatives(points: Float32Array, wanted: number, d: number, random: Random): Steps<number[]> {
  const clusters = yield* clustersOf({ rows: points, d }, wanted, random, ITERATIONS);
  const { distances } = clusters;
  const representative = new Int32Array(clusters.centres.length / d).fill(-1);
  clusters.nearest.forEach((centre, i) => {
    const best = representative[centre];
    if (best < 0 || distances[i] < (1 - ROUNDING) * distances[best]) representative[centre] = i;
  });
  return topKeys(distances, wanted, Array.from(representative));
}

function* selectRepresentatives(
  keys: KeyMatrix,
  count: number,
  always: readonly number[],
  random: Random,
): Steps<number[]> {
  const wanted = count - always.length;
  if (wanted === 0) return [...always];
  const rest = remaining(keys.n, always);
  const chosen = yield* representatives(singlePoints(keys, rest), wanted, keys.d, random);
  return union(
    always,
    chosen.map((i) => rest[i]),
  );
}

/** The key nearest to each centre, by the seed; keys that are always kept are taken out first. O(n d count) an iteration. */
export const kMeans: Selector = {
  name: 'k-means',
  select: (keys, count, { always, random }) => selectRepresentatives(keys, count, always, random),
};
