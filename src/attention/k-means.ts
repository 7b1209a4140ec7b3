/**
 * k-means in about the time of one attention over the centres: seeds by squared distance in rounds on a sample (Arthur and
 * Vassilvitskii, k-means++, SODA 2007; many draws a round: Bahmani et al., Scalable k-means++, VLDB 2012), then Lloyd's iterations.
 */
import { findNearest } from '../kernels/cluster.js';
import { type Random, sampleWithoutReplacement } from '../random.js';
import type { Steps } from '../steps.js';
import { rowsOf } from './rows.js';
import { topKeys } from './selectors/top-keys.js';

/** Points for each centre in samples of the points, one after the other, and Lloyd's iterations on each. */
const SAMPLES = [
  { share: 8, iterations: 3 },
  { share: 32, iterations: 2 },
] as const;

/** Rounds in which centres are drawn from the first sample. */
const ROUNDS = 32;

/** Share of the centres that are drawn from all points after the iterations on the sample. */
const LATE = 1 / 8;

/** Iterations where there are so few points that no sample is taken, beside those that are asked for. */
const FEW_ITERATIONS = 4;

/** Multiply-adds between two reports of progress. */
const STEP_WORK = 2 ** 25;

/** Points by their nearest centres. */
export interface Clusters {
  /** [count, d]; every one has points, so there are fewer than wanted where there are fewer distinct points. */
  readonly centres: Float32Array;
  /** [n]: the centre of each point, -1 for one that has been left out. */
  readonly nearest: Int32Array;
  /** [n]: the squared distance of each point from its centre, 0 for one that has been left out. */
  readonly distances: Float64Array<ArrayBuffer>;
  /** [count, d]: the points of each centre, added up. */
  readonly sums: Float64Array;
}

/** Assigns points to their nearest centres; without their sums where these are not asked for. */
function* assign(points: Float32Array, centres: Float32Array, d: number, adds = true): Steps<Clusters> {
  const n = points.length / d;
  const nearest = new Int32Array(n);
  const distances = new Float64Array(n);
  const sums = new Float64Array(adds ? centres.length : 0);
  const block = Math.max(1024, Math.floor(STEP_WORK / centres.length));
  for (let start = 0; start < n; start += block) {
    const end = Math.min(start + block, n);
    findNearest({
      points: points.subarray(start * d, end * d),
      centres,
      d,
      out: nearest.subarray(start, end),
      distances: distances.subarray(start, end),
      sums: adds ? sums : undefined,
    });
    if (4 * (end - start) * centres.length >= STEP_WORK) yield { phase: 'k-means', done: end, total: n };
  }
  return { centres, nearest, distances, sums };
}

/** Up to `count` points, each drawn with a probability in proportion to its weight, at equal steps of the running sum. */
function drawWeighted(weights: Float64Array, count: number, random: Random): number[] {
  const step = weights.reduce((a, b) => a + b, 0) / count;
  const drawn: number[] = [];
  let next = random.uniform() * step;
  let sum = 0;
  for (let i = 0; i < weights.length && step > 0 && drawn.length < count; i++) {
    sum += weights[i];
    if (sum <= next) continue;
    drawn.push(i);
    // A point that covers several steps is drawn once.
    while (next < sum) next += step;
  }
  return drawn;
}

/** At most `wanted` of the points, drawn by their squared distances from those of the rounds before. */
function* seeds(points: Float32Array, d: number, wanted: number, random: Random): Steps<Float32Array> {
  const n = points.length / d;
  let distances = new Float64Array(n).fill(1);
  const chosen: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const drawn = drawWeighted(distances, Math.ceil((wanted * (round + 1)) / ROUNDS) - chosen.length, random);
    if (drawn.length === 0) continue;
    chosen.push(...drawn);
    const next = yield* assign(points, rowsOf(points, d, drawn), d, false);
    distances = round === 0 ? next.distances : distances.map((x, i) => Math.min(x, next.distances[i]));
  }
  return rowsOf(points, d, chosen);
}

/** The number of points of each centre. */
function membersOf({ centres, nearest }: Clusters, d: number): Uint32Array {
  const members = new Uint32Array(centres.length / d);
  for (let i = 0; i < nearest.length; i++) if (nearest[i] >= 0) members[nearest[i]]++;
  return members;
}

/** The means of the points of each centre; a centre without points moves to one of the points that are farthest from theirs. */
function moved(points: Float32Array, clusters: Clusters, d: number): Float32Array {
  const { sums, distances } = clusters;
  const members = membersOf(clusters, d);
  const means = new Float32Array(sums.length);
  members.forEach((count, centre) => {
    for (let at = centre * d; at < (centre + 1) * d; at++) means[at] = sums[at] / count;
  });
  const empty = [...members.keys()].filter((centre) => members[centre] === 0);
  if (empty.length === 0) return means;
  const farthest = topKeys(distances, Math.min(empty.length, distances.length), []);
  empty.forEach((centre, e) => {
    const i = farthest[e % farthest.length];
    means.set(points.subarray(i * d, (i + 1) * d), centre * d);
  });
  return means;
}

/** Lloyd's iterations, until nothing changes; the last thing that is done is an assignment. */
function* iterate(points: Float32Array, start: Clusters, d: number, iterations: number): Steps<Clusters> {
  let clusters = start;
  for (let i = 0; i < iterations; i++) {
    const next = yield* assign(points, moved(points, clusters, d), d);
    const { nearest } = clusters;
    clusters = next;
    if (next.nearest.every((centre, j) => centre === nearest[j])) break;
  }
  return clusters;
}

/** Adds the point i, times a factor, to the sum of a centre. */
function addPoint(
  points: Float32Array,
  i: number,
  factor: number,
  sums: Float64Array,
  centre: number,
  d: number,
) {
  for (let c = 0, x = i * d, y = centre * d; c < d; c++) sums[y++] += factor * points[x++];
}

/** The clusters with further centres: points that are nearer to one of these go over to it. */
function* extended(
  points: Float32Array,
  { centres, nearest, distances, sums }: Clusters,
  further: Float32Array,
  d: number,
): Steps<Clusters> {
  if (further.length === 0) return { centres, nearest, distances, sums };
  const count = centres.length / d;
  const all = { centres: new Float32Array(centres.length + further.length), nearest, distances, sums };
  all.centres.set(centres);
  all.centres.set(further, centres.length);
  all.sums = new Float64Array(all.centres.length);
  all.sums.set(sums);
  const next = yield* assign(points, further, d, false);
  for (let i = 0; i < nearest.length; i++) {
    if (!(next.distances[i] < distances[i])) continue;
    addPoint(points, i, -1, all.sums, nearest[i], d);
    nearest[i] = count + next.nearest[i];
    distances[i] = next.distances[i];
    addPoint(points, i, 1, all.sums, nearest[i], d);
  }
  return all;
}

/** The clusters that have points, numbered anew. */
function withoutEmpty(clusters: Clusters, d: number): Clusters {
  const members = membersOf(clusters, d);
  const used = [...members.keys()].filter((centre) => members[centre] > 0);
  if (used.length === members.length) return clusters;
  const number = new Int32Array(members.length);
  used.forEach((centre, i) => {
    number[centre] = i;
  });
  const { centres, nearest, distances, sums } = clusters;
  return {
    centres: rowsOf(centres, d, used),
    nearest: nearest.map((centre) => (centre < 0 ? -1 : number[centre])),
    distances,
    sums: Float64Array.from(
      { length: used.length * d },
      (_, at) => sums[used[Math.floor(at / d)] * d + (at % d)],
    ),
  };
}

/** The clusters of all points but some, after one more of Lloyd's iterations; those that lose their points are left out. O(n count d). */
export function* leavingOut(
  points: Float32Array,
  clusters: Clusters,
  out: readonly number[],
  d: number,
): Steps<Clusters> {
  const before = { ...clusters, nearest: clusters.nearest.slice(), distances: clusters.distances.slice() };
  before.sums = before.sums.slice();
  for (const i of out) addPoint(points, i, -1, before.sums, before.nearest[i], d);
  const forget = ({ nearest, distances }: Clusters) => {
    for (const i of out) {
      nearest[i] = -1;
      distances[i] = 0;
    }
  };
  forget(before);
  const after = yield* assign(points, moved(points, before, d), d);
  for (const i of out) addPoint(points, i, -1, after.sums, after.nearest[i], d);
  forget(after);
  return withoutEmpty(after, d);
}

/**
 * At most `wanted` clusters of points [n, d], whose entries are not far from 1. Seven eighths of the centres come from iterations
 * on small samples, the others are drawn from all points by their distance from these, so that
 * outliers are not missed; each of `iterations` assigns all points. O(n wanted d) for each of these, in float32. The
 * centres are those of the last assignment: their points' means differ from them by what one more iteration would change.
 */
export function* kMeans(
  points: Float32Array,
  d: number,
  wanted: number,
  random: Random,
  iterations = 1,
): Steps<Clusters> {
  const n = points.length / d;
  if (SAMPLES[0].share * wanted >= n) {
    const all = yield* assign(points, yield* seeds(points, d, Math.min(wanted, n), random), d);
    return withoutEmpty(yield* iterate(points, all, d, FEW_ITERATIONS + iterations), d);
  }
  const late = Math.min(wanted - 1, Math.max(1, Math.floor(wanted * LATE)));
  let centres: Float32Array | undefined;
  for (const { share, iterations: rounds } of SAMPLES) {
    const size = Math.min(n, share * wanted);
    const sample = rowsOf(points, d, sampleWithoutReplacement(n, size, random));
    centres ??= yield* seeds(sample, d, wanted - late, random);
    for (let i = 0; i < rounds; i++) centres = moved(sample, yield* assign(sample, centres, d), d);
  }
  const first = yield* assign(points, centres!, d);
  const drawn = drawWeighted(first.distances, late, random);
  const all = yield* extended(points, first, rowsOf(points, d, drawn), d);
  return withoutEmpty(yield* iterate(points, all, d, iterations - 1), d);
}
