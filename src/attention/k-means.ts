/**
 * k-means in about the time of one attention over the centres: seeds by squared distance in rounds on a sample (Arthur and
 * Vassilvitskii, k-means++, SODA 2007; many draws a round: Bahmani et al., Scalable k-means++, VLDB 2012), then Lloyd's iterations.
 */
import { type Random, sampleWithoutReplacement } from '../random.js';
import type { Steps } from '../steps.js';
import {
  assign,
  type Clusters,
  extended,
  iterate,
  moved,
  type WeightedPoints,
  withoutEmpty,
} from './lloyd.js';
import { rowsOf } from './rows.js';

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

/**
 * At most `size` of the points, weighing what they stand for: uniformly drawn, or in proportion to their weights, of which each then stands for
 * as much as is between two draws, but for those that weigh more.
 */
function sampleOf({ rows, d, weights }: WeightedPoints, size: number, random: Random): WeightedPoints {
  const n = rows.length / d;
  if (!weights) return { rows: rowsOf(rows, d, sampleWithoutReplacement(n, size, random)), d };
  if (size === n) return { rows, d, weights };
  const drawn = drawWeighted(weights, size, random);
  const step = weights.reduce((a, b) => a + b, 0) / size;
  return {
    rows: rowsOf(rows, d, drawn),
    d,
    weights: Float64Array.from(drawn, (i) => Math.max(weights[i], step)),
  };
}

/** At most `wanted` of the points, drawn by their squared distances from those of the rounds before. */
function* seeds(points: WeightedPoints, wanted: number, random: Random): Steps<Float32Array> {
  const { rows, d, weights } = points;
  let distances = weights?.slice() ?? new Float64Array(rows.length / d).fill(1);
  const chosen: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const drawn = drawWeighted(distances, Math.ceil((wanted * (round + 1)) / ROUNDS) - chosen.length, random);
    if (drawn.length === 0) continue;
    chosen.push(...drawn);
    const next = yield* assign(points, rowsOf(rows, d, drawn), false);
    distances = round === 0 ? next.distances : distances.map((x, i) => Math.min(x, next.distances[i]));
  }
  return rowsOf(rows, d, chosen);
}

/**
 * At most `wanted` clusters of points. Seven eighths of the centres come from iterations
 * on small samples, the others are drawn from all points by their distance from these, so that
 * outliers are not missed; each of `iterations` assigns all points. O(n wanted d) for each of these, in float32. The
 * centres are those of the last assignment: their points' means differ from them by what one more iteration would change.
 */
export function* kMeans(
  points: WeightedPoints,
  wanted: number,
  random: Random,
  iterations = 1,
): Steps<Clusters> {
  const { rows, d } = points;
  const n = rows.length / d;
  if (SAMPLES[0].share * wanted >= n) {
    const all = yield* assign(points, yield* seeds(points, Math.min(wanted, n), random));
    return withoutEmpty(points, yield* iterate(points, all, FEW_ITERATIONS + iterations));
  }
  const late = Math.min(wanted - 1, Math.max(1, Math.floor(wanted * LATE)));
  let centres: Float32Array | undefined;
  for (const { share, iterations: rounds } of SAMPLES) {
    const sample = sampleOf(points, Math.min(n, share * wanted), random);
    centres ??= yield* seeds(sample, wanted - late, random);
    for (let i = 0; i < rounds; i++) centres = moved(sample, yield* assign(sample, centres));
  }
  const first = yield* assign(points, centres!);
  const drawn = drawWeighted(first.distances, late, random);
  const all = yield* extended(points, first, rowsOf(rows, d, drawn));
  return withoutEmpty(points, yield* iterate(points, all, iterations - 1));
}
