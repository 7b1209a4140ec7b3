/** Lloyd's iterations over weighted points: each goes to its nearest centre, each centre to the weighted mean of its points. */
import { findNearest } from '../kernels/cluster.js';
import type { Steps } from '../steps.js';
import { rowsOf } from './rows.js';
import { topKeys } from './selectors/top-keys.js';

/** Multiply-adds between two reports of progress. */
const STEP_WORK = 2 ** 25;

/** Points whose entries are not far from 1. */
export interface WeightedPoints {
  /** [n, d]. */
  readonly rows: Float32Array;
  readonly d: number;
  /** [n], positive: a point of weight w counts as w points; all 1 unless given. */
  readonly weights?: Float64Array;
}

/** Points by their nearest centres. */
export interface Clusters {
  /** [count, d]; every one has points, so there are fewer than wanted where there are fewer distinct points. */
  readonly centres: Float32Array;
  /** [n]: the centre of each point, -1 for one that has been left out. */
  readonly nearest: Int32Array;
  /** [n]: the squared distance of each point from its centre, times its weight; 0 for one that has been left out. */
  readonly distances: Float64Array<ArrayBuffer>;
  /** [count, d]: the points of each centre times their weights, added up. */
  readonly sums: Float64Array;
}

/** Assigns points to their nearest centres; without their sums where these are not asked for. */
export function* assign(
  { rows, d, weights }: WeightedPoints,
  centres: Float32Array,
  adds = true,
): Steps<Clusters> {
  const n = rows.length / d;
  const nearest = new Int32Array(n);
  const distances = new Float64Array(n);
  const sums = new Float64Array(adds ? centres.length : 0);
  const block = Math.max(1024, Math.floor(STEP_WORK / centres.length));
  for (let start = 0; start < n; start += block) {
    const end = Math.min(start + block, n);
    findNearest({
      points: rows.subarray(start * d, end * d),
      centres,
      d,
      out: nearest.subarray(start, end),
      distances: distances.subarray(start, end),
      sums: adds ? sums : undefined,
      weights: weights?.subarray(start, end),
    });
    if (4 * (end - start) * centres.length >= STEP_WORK) yield { phase: 'k-means', done: end, total: n };
  }
  if (weights) for (let i = 0; i < n; i++) distances[i] *= weights[i];
  return { centres, nearest, distances, sums };
}

/** What the points of each centre weigh. */
function weightsOf({ centres, nearest }: Clusters, { d, weights }: WeightedPoints): Float64Array {
  const totals = new Float64Array(centres.length / d);
  for (let i = 0; i < nearest.length; i++)
    if (nearest[i] >= 0) totals[nearest[i]] += weights ? weights[i] : 1;
  return totals;
}

/** The means of the points of each centre; a centre without points moves to one of the points that are farthest from theirs. */
export function moved(points: WeightedPoints, clusters: Clusters): Float32Array {
  const { rows, d } = points;
  const { sums, distances } = clusters;
  const totals = weightsOf(clusters, points);
  const means = new Float32Array(sums.length);
  totals.forEach((total, centre) => {
    for (let at = centre * d; at < (centre + 1) * d; at++) means[at] = sums[at] / total;
  });
  const empty = [...totals.keys()].filter((centre) => totals[centre] === 0);
  if (empty.length === 0) return means;
  const farthest = topKeys(distances, Math.min(empty.length, distances.length), []);
  empty.forEach((centre, e) => {
    const i = farthest[e % farthest.length];
    means.set(rows.subarray(i * d, (i + 1) * d), centre * d);
  });
  return means;
}

/** Lloyd's iterations, until nothing changes; the last thing that is done is an assignment. */
export function* iterate(points: WeightedPoints, start: Clusters, iterations: number): Steps<Clusters> {
  let clusters = start;
  for (let i = 0; i < iterations; i++) {
    const next = yield* assign(points, moved(points, clusters));
    const { nearest } = clusters;
    clusters = next;
    if (next.nearest.every((centre, j) => centre === nearest[j])) break;
  }
  return clusters;
}

/** Adds the point i, times its weight and a sign, to the sum of a centre. */
function addPoint(
  { rows, d, weights }: WeightedPoints,
  i: number,
  sign: number,
  sums: Float64Array,
  centre: number,
) {
  const factor = weights ? sign * weights[i] : sign;
  for (let c = 0, x = i * d, y = centre * d; c < d; c++) sums[y++] += factor * rows[x++];
}

/** The clusters with further centres: points that are nearer to one of these go over to it. */
export function* extended(
  points: WeightedPoints,
  { centres, nearest, distances, sums }: Clusters,
  further: Float32Array,
): Steps<Clusters> {
  if (further.length === 0) return { centres, nearest, distances, sums };
  const count = centres.length / points.d;
  const all = { centres: new Float32Array(centres.length + further.length), nearest, distances, sums };
  all.centres.set(centres);
  all.centres.set(further, centres.length);
  all.sums = new Float64Array(all.centres.length);
  all.sums.set(sums);
  const next = yield* assign(points, further, false);
  for (let i = 0; i < nearest.length; i++) {
    if (!(next.distances[i] < distances[i])) continue;
    addPoint(points, i, -1, all.sums, nearest[i]);
    nearest[i] = count + next.nearest[i];
    distances[i] = next.distances[i];
    addPoint(points, i, 1, all.sums, nearest[i]);
  }
  return all;
}

/** The clusters that have points, numbered anew. */
export function withoutEmpty(points: WeightedPoints, clusters: Clusters): Clusters {
  const { d } = points;
  const totals = weightsOf(clusters, points);
  const used = [...totals.keys()].filter((centre) => totals[centre] > 0);
  if (used.length === totals.length) return clusters;
  const number = new Int32Array(totals.length);
  used.forEach((centre, i) => {
    number[centre] = i;
  });
  const { centres, nearest, distances, sums } = clusters;
  return {
    centres: rowsOf(centres, d, used),
    nearest: nearest.map((centre) => (centre < 0 ? -1 : number[centre])),
    distances,
    sums: rowsOf(sums, d, used),
  };
}

/** The clusters of all points but some, after one more of Lloyd's iterations; those that lose their points are left out. O(n count d). */
export function* leavingOut(
  points: WeightedPoints,
  clusters: Clusters,
  out: readonly number[],
): Steps<Clusters> {
  const before = { ...clusters, nearest: clusters.nearest.slice(), distances: clusters.distances.slice() };
  before.sums = before.sums.slice();
  for (const i of out) addPoint(points, i, -1, before.sums, before.nearest[i]);
  const forget = ({ nearest, distances }: Clusters) => {
    for (const i of out) {
      nearest[i] = -1;
      distances[i] = 0;
    }
  };
  forget(before);
  const after = yield* assign(points, moved(points, before));
  for (const i of out) addPoint(points, i, -1, after.sums, after.nearest[i]);
  forget(after);
  return withoutEmpty(points, after);
}
