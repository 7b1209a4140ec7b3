/**
 * k-means in about the time of one attention over the centres: seeds by squared distance in a few rounds on a sample (Arthur and
 * Vassilvitskii, k-means++, SODA 2007; many draws a round: Bahmani et al., Scalable k-means++, VLDB 2012), then Lloyd's iterations.
 */
import { kernels } from '../kernels/load.js';
import { referenceNearest } from '../kernels/reference-nearest.js';
import { wasmNearest } from '../kernels/wasm-nearest.js';
import { type Random, sampleWithoutReplacement } from '../random.js';
import type { Steps } from '../steps.js';
import { topKeys } from './selectors/top-keys.js';

/** Points of the sample for each centre, and rounds in which centres are drawn from it. */
const SAMPLE = 8;
const ROUNDS = 8;

/** Share of the centres that are drawn from all points after the iterations on the sample. */
const LATE = 1 / 8;

/** Iterations on the sample. */
const SAMPLE_ITERATIONS = 4;

/** Multiply-adds between two reports of progress. */
const STEP_WORK = 2 ** 24;

/** Points by their nearest centres. */
export interface Clusters {
  /** [count, d]; every one has points, so there are fewer than wanted where there are fewer distinct points. */
  readonly centres: Float32Array;
  /** [n]: the centre of each point. */
  readonly nearest: Int32Array;
}

/** Assigns points to their nearest centres; whether any assignment changed. */
function* assign(
  points: Float32Array,
  centres: Float32Array,
  d: number,
  nearest: Int32Array,
): Steps<boolean> {
  const find = kernels().name === 'wasm-simd' ? wasmNearest : referenceNearest;
  const n = nearest.length;
  const block = Math.max(1024, Math.floor(STEP_WORK / centres.length));
  const found = new Int32Array(Math.min(n, block));
  let changed = false;
  for (let start = 0; start < n; start += block) {
    const end = Math.min(start + block, n);
    const out = found.subarray(0, end - start);
    find({ points: points.subarray(start * d, end * d), centres, d, out });
    changed ||= out.some((centre, i) => centre !== nearest[start + i]);
    nearest.set(out, start);
    if (4 * (end - start) * centres.length >= STEP_WORK) yield { phase: 'k-means', done: end, total: n };
  }
  return changed;
}

/** |x_i - c_j|^2 of point i and centre j. */
function squaredDistance(points: Float32Array, i: number, centres: Float32Array, j: number, d: number) {
  let sum = 0;
  for (let c = 0, x = i * d, y = j * d; c < d; c++) {
    const difference = points[x++] - centres[y++];
    sum += difference * difference;
  }
  return sum;
}

/** [n]: the squared distance of each point from its centre. */
export function residuals(
  points: Float32Array,
  { centres, nearest }: Clusters,
  d: number,
): Float64Array<ArrayBuffer> {
  const distances = new Float64Array(nearest.length);
  for (let i = 0; i < distances.length; i++)
    distances[i] = squaredDistance(points, i, centres, nearest[i], d);
  return distances;
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

/** The rows with the given numbers. */
function rowsOf(points: Float32Array, rows: readonly number[], d: number): Float32Array {
  const taken = new Float32Array(rows.length * d);
  rows.forEach((i, at) => {
    taken.set(points.subarray(i * d, (i + 1) * d), at * d);
  });
  return taken;
}

/** At most `wanted` of the points, drawn by their squared distances from those of the rounds before. */
function* seeds(points: Float32Array, d: number, wanted: number, random: Random): Steps<Float32Array> {
  const n = points.length / d;
  const distances = new Float64Array(n).fill(1);
  const nearest = new Int32Array(n);
  const chosen: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const drawn = drawWeighted(distances, Math.ceil((wanted * (round + 1)) / ROUNDS) - chosen.length, random);
    if (drawn.length === 0) continue;
    chosen.push(...drawn);
    const centres = rowsOf(points, drawn, d);
    yield* assign(points, centres, d, nearest);
    for (let i = 0; i < n; i++) {
      const distance = squaredDistance(points, i, centres, nearest[i], d);
      if (round === 0 || distance < distances[i]) distances[i] = distance;
    }
  }
  return rowsOf(points, chosen, d);
}

/** The means of the points of each centre; a centre without points moves to one of the points that are farthest from theirs. */
function moved(points: Float32Array, clusters: Clusters, d: number): Float32Array {
  const { centres, nearest } = clusters;
  const sums = new Float64Array(centres.length);
  const members = new Float64Array(centres.length / d);
  for (let i = 0, x = 0; i < nearest.length; i++) {
    members[nearest[i]]++;
    for (let c = 0, y = nearest[i] * d; c < d; c++) sums[y++] += points[x++];
  }
  const means = new Float32Array(sums.length);
  for (let at = 0; at < means.length; at++) means[at] = sums[at] / members[Math.floor(at / d)];
  const empty = [...members.keys()].filter((centre) => members[centre] === 0);
  if (empty.length === 0) return means;
  const farthest = topKeys(residuals(points, clusters, d), Math.min(empty.length, nearest.length), []);
  empty.forEach((centre, e) => {
    const i = farthest[e % farthest.length];
    means.set(points.subarray(i * d, (i + 1) * d), centre * d);
  });
  return means;
}

/** Lloyd's iterations, until nothing changes; the last thing that is done is an assignment. */
function* iterate(points: Float32Array, start: Float32Array, d: number, iterations: number): Steps<Clusters> {
  const nearest = new Int32Array(points.length / d).fill(-1);
  let centres = start;
  let changed = yield* assign(points, centres, d, nearest);
  for (let i = 0; i < iterations && changed; i++) {
    centres = moved(points, { centres, nearest }, d);
    changed = yield* assign(points, centres, d, nearest);
  }
  return { centres, nearest };
}

/** The clusters that have points, numbered anew. */
function withoutEmpty({ centres, nearest }: Clusters, d: number): Clusters {
  const count = centres.length / d;
  const hasPoints = new Uint8Array(count);
  for (let i = 0; i < nearest.length; i++) hasPoints[nearest[i]] = 1;
  const used = [...hasPoints.keys()].filter((centre) => hasPoints[centre]);
  if (used.length === count) return { centres, nearest };
  const number = new Map(used.map((centre, i) => [centre, i]));
  return { centres: rowsOf(centres, used, d), nearest: nearest.map((centre) => number.get(centre)!) };
}

/** Lloyd's iterations from given centres; those that lose their points are left out. */
export function* lloyd(
  points: Float32Array,
  centres: Float32Array,
  d: number,
  iterations: number,
): Steps<Clusters> {
  return withoutEmpty(yield* iterate(points, centres, d, iterations), d);
}

/**
 * At most `wanted` clusters of points [n, d], whose entries are not far from 1. Seven eighths of the centres come from a sample of
 * eight points a cluster and four iterations on it, the others are drawn from all points by their distance from these, so that
 * outliers are not missed; then the iterations over all points. O(n wanted d) for each of `iterations` + 1 passes, in float32. The
 * centres are those of the last assignment: their points' means differ from them by what one more iteration would change.
 */
export function* kMeans(
  points: Float32Array,
  d: number,
  wanted: number,
  random: Random,
  iterations = 2,
): Steps<Clusters> {
  const n = points.length / d;
  const size = SAMPLE * wanted;
  if (size >= n) {
    const all = yield* seeds(points, d, Math.min(wanted, n), random);
    return withoutEmpty(yield* iterate(points, all, d, SAMPLE_ITERATIONS + iterations), d);
  }
  const late = Math.min(wanted - 1, Math.max(1, Math.floor(wanted * LATE)));
  const sample = rowsOf(points, sampleWithoutReplacement(n, size, random), d);
  const early = yield* seeds(sample, d, wanted - late, random);
  const first = { ...(yield* iterate(sample, early, d, SAMPLE_ITERATIONS)), nearest: new Int32Array(n) };
  yield* assign(points, first.centres, d, first.nearest);
  const drawn = drawWeighted(residuals(points, first, d), late, random);
  const centres = new Float32Array((wanted - late + drawn.length) * d);
  centres.set(rowsOf(points, drawn, d), centres.length - drawn.length * d);
  centres.set(moved(points, first, d));
  return withoutEmpty(yield* iterate(points, centres, d, iterations - 1), d);
}
