/** The keys nearest to k-means centres: k-means++ (Arthur and Vassilvitskii, SODA 2007) and a few of Lloyd's iterations. */
import type { KeyMatrix } from '../../keys.js';
import type { Random } from '../../random.js';
import type { Steps } from '../../steps.js';
import { dotProducts, largestIndex, pointsOf, STEP_WORK, squaredDistance } from './points.js';
import type { Selector } from './selector.js';
import { remaining, topKeys, union } from './top-keys.js';

const ITERATIONS = 8;

/** Points with their nearest centre and its squared distance. */
interface Clusters {
  readonly points: Float64Array;
  readonly n: number;
  readonly d: number;
  readonly centres: Float64Array;
  count: number;
  readonly nearest: Int32Array;
  readonly distances: Float64Array;
}

/** An index drawn with probability proportional to its weight; the weights sum to `total` > 0. */
function drawWeighted(weights: Float64Array, total: number, random: Random): number {
  let left = random.uniform() * total;
  let last = 0;
  for (let i = 0; i < weights.length; i++) {
    if (weights[i] === 0) continue;
    last = i;
    left -= weights[i];
    if (left < 0) break;
  }
  return last;
}

/** k-means++: each new centre is a point drawn in proportion to its squared distance from the centres so far. */
function* seedCentres(clusters: Clusters, wanted: number, random: Random): Steps<void> {
  const { points, n, d, centres, nearest, distances } = clusters;
  let next = Math.floor(random.uniform() * n);
  let work = 0;
  for (;;) {
    const centre = clusters.count++;
    centres.set(points.subarray(next * d, (next + 1) * d), centre * d);
    let total = 0;
    for (let i = 0; i < n; i++) {
      const distance = squaredDistance(points, i, centres, centre, d);
      if (distance < distances[i]) {
        distances[i] = distance;
        nearest[i] = centre;
      }
      total += distances[i];
    }
    // With fewer distinct points than wanted centres there is nothing left to draw.
    if (clusters.count === wanted || total === 0) return;
    next = drawWeighted(distances, total, random);
    work += n * d;
    if (work < STEP_WORK) continue;
    work = 0;
    yield { phase: 'k-means++', done: clusters.count, total: wanted };
  }
}

/** Assigns the points start .. end - 1 to the centre c that is nearest, where <x,c> - |c|^2/2 is largest; whether any of them changed. */
function assign(clusters: Clusters, halfNorms: Float64Array, start: number, end: number): boolean {
  const { points, d, centres, count, nearest, distances } = clusters;
  const products = new Float64Array(count);
  let changed = false;
  for (let i = start; i < end; i++) {
    dotProducts(points, i, centres, count, d, products);
    for (let centre = 0; centre < count; centre++) products[centre] -= halfNorms[centre];
    const best = largestIndex(products);
    changed ||= best !== nearest[i];
    nearest[i] = best;
    distances[i] = squaredDistance(points, i, centres, best, d);
  }
  return changed;
}

/** One of Lloyd's iterations; whether any assignment changed. */
function* iterate(clusters: Clusters, round: number): Steps<boolean> {
  const { n, d, centres, count } = clusters;
  moveCentres(clusters);
  const halfNorms = new Float64Array(count);
  for (let i = 0; i < count * d; i++) halfNorms[Math.floor(i / d)] += centres[i] ** 2 / 2;
  const block = Math.ceil(STEP_WORK / (count * d));
  let changed = false;
  for (let start = 0; start < n; start += block) {
    changed = assign(clusters, halfNorms, start, Math.min(start + block, n)) || changed;
    if (n > block) yield { phase: 'k-means', done: round * n + start, total: ITERATIONS * n };
  }
  return changed;
}

/** Moves each centre to the mean of its points; one without points stays. */
function moveCentres({ points, n, d, centres, count, nearest }: Clusters): void {
  const members = new Float64Array(count);
  for (let i = 0; i < n; i++) members[nearest[i]]++;
  for (let centre = 0; centre < count; centre++)
    if (members[centre] > 0) centres.fill(0, centre * d, (centre + 1) * d);
  for (let i = 0; i < n; i++) {
    const share = 1 / members[nearest[i]];
    for (let c = 0; c < d; c++) centres[nearest[i] * d + c] += points[i * d + c] * share;
  }
}

/** `wanted` points: the one nearest to each centre among its own, then those farthest from their centre. */
function* representatives(points: Float64Array, wanted: number, d: number, random: Random): Steps<number[]> {
  const n = points.length / d;
  const clusters: Clusters = {
    points,
    n,
    d,
    centres: new Float64Array(wanted * d),
    count: 0,
    nearest: new Int32Array(n),
    distances: new Float64Array(n).fill(Number.POSITIVE_INFINITY),
  };
  yield* seedCentres(clusters, wanted, random);
  const { count, nearest, distances } = clusters;
  for (let round = 0; round < ITERATIONS; round++) if (!(yield* iterate(clusters, round))) break;
  const representative = new Int32Array(count).fill(-1);
  for (let i = 0; i < n; i++) {
    const best = representative[nearest[i]];
    if (best < 0 || distances[i] < distances[best]) representative[nearest[i]] = i;
  }
  return topKeys(
    distances,
    wanted,
    [...representative].filter((i) => i >= 0),
  );
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
  const chosen = yield* representatives(pointsOf(keys, rest), wanted, keys.d, random);
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
