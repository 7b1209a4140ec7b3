/**
 * What a sketch holds of keys that are hard to tell from rounding, and its set, against exact arithmetic: rows of low rank with noise around that of
 * float64, bare, repeated, in columns of any scale, and beside rows of quite another scale.
 */
import { UniversalSetSketch, universalSet } from '../../src/index.js';
import { exactLeverage } from '../oracle/exact.js';
import { type Matrix, tensor } from '../oracle/matrix.js';
import type { Random } from '../oracle/random.js';
import { type Check, claim, flat } from './check.js';

/** The rows that are held at most, after an insertion and with those of the open block; levels apart. */
export function mostHeld(d: number, epsilon: number): number {
  return (4 * d) / epsilon + 2048;
}

/** Rows of rank 1 or 2 and relative noise of `eta` in every entry. */
export function nearlyLowRank(random: Random, n: number, d: number, eta: number): Matrix {
  const rank = random.integer(1, 2);
  const base = Array.from({ length: rank * d }, () => random.gaussian());
  const scaled = random.chance(0.7);
  const data = new Float64Array(n * d);
  for (let j = 0; j < n; j++) {
    const factors = Array.from({ length: rank }, (_, k) => (scaled || k > 0 ? random.gaussian() : 1));
    for (let c = 0; c < d; c++) {
      const entry = factors.reduce((sum, factor, k) => sum + factor * base[k * d + c], 0);
      data[j * d + c] = entry * (1 + eta * random.gaussian());
    }
  }
  return { data, n, d };
}

function repeated(random: Random, { data, n, d }: Matrix): Matrix {
  const pool = random.integer(1, n);
  return { data: data.map((_, i) => data[(Math.floor(i / d) % pool) * d + (i % d)]), n, d };
}

/** Some rows larger, or smaller, by a power of two. */
function besideOthers(random: Random, { data, n, d }: Matrix): Matrix {
  const share = random.pick([0.001, 0.5, 0.99]);
  const factor = 2 ** random.integer(-140, 140);
  const factors = Array.from({ length: n }, () => (random.chance(share) ? factor : 1));
  return { data: data.map((x, i) => x * factors[Math.floor(i / d)]), n, d };
}

function scaledColumns(random: Random, { data, n, d }: Matrix): Matrix {
  const reach = random.pick([10, 100, 1000]);
  const scales = Array.from({ length: d }, () => 2 ** random.integer(-reach, Math.min(reach, 900)));
  return { data: data.map((x, i) => x * scales[i % d]), n, d };
}

function sketched(random: Random, { data, n, d }: Matrix, epsilon: number) {
  let most = 0;
  const noticed = (sketch: UniversalSetSketch) => {
    most = Math.max(most, sketch.held.indices.length);
    return sketch;
  };
  const cut = random.chance(0.5) ? n : random.integer(0, n);
  const parts = [0, cut].map((start, i) => {
    const sketch = new UniversalSetSketch({ d, epsilon });
    const end = i === 0 ? cut : n;
    for (let at = start; at < end; ) {
      const count = Math.min(end - at, random.integer(1, 1500));
      sketch.insert({ data: data.subarray(at * d, (at + count) * d), shape: [count, d] }, at);
      at += count;
      noticed(sketch);
    }
    return sketch;
  });
  const [all, rest] = random.chance(0.5) ? parts : parts.reverse();
  all.merge(UniversalSetSketch.fromBytes(rest.toBytes()));
  return { set: noticed(all).finish(), most };
}

export const checkHeld: Check = (random) => {
  const d = random.integer(2, 6);
  const n = random.integer(1, random.chance(0.2) ? 5000 : 2500);
  const eta = 10 ** -(13 + 4 * random.uniform());
  let matrix = nearlyLowRank(random, n, d, eta);
  if (random.chance(0.2)) matrix = repeated(random, matrix);
  if (random.chance(0.3)) matrix = besideOthers(random, matrix);
  if (random.chance(0.3)) matrix = scaledColumns(random, matrix);
  const truth = exactLeverage(matrix);
  const score = truth.scores[random.integer(0, n - 1)];
  const epsilon = random.chance(0.3) && score > 2e-3 ? Math.min(1, score) : random.pick([1, 0.5, 0.1, 0.01]);
  const label = `${n} x ${d}, eta ${eta}, epsilon ${epsilon}`;
  const { set, most } = sketched(random, matrix, epsilon);
  claim(most <= mostHeld(d, epsilon), () => `${label}: ${most} rows are held`);
  const batch = flat(universalSet(tensor(matrix), { epsilon, exact: true }));
  for (const [mode, { indices, scores, undecided, sizeBound }] of Object.entries({ set, batch })) {
    const kept = new Map(indices.map((j, i) => [j, scores[i]]));
    for (let j = 0; j < n; j++)
      claim(
        truth.compare(j, epsilon) < 0 || kept.has(j),
        () => `${label}, ${mode}: key ${j} of exact score ${truth.scores[j]} is lost`,
      );
    for (const [j, upper] of kept)
      claim(
        truth.compare(j, upper) <= 0,
        () => `${label}, ${mode}: key ${j} of exact score ${truth.scores[j]} is given ${upper}`,
      );
    claim(
      indices.length - undecided.length <= sizeBound * (1 + 1e-12),
      () => `${label}, ${mode}: ${indices.length} keys, ${undecided.length} undecided, bound ${sizeBound}`,
    );
    claim(
      indices.length <= (2 * d) / epsilon,
      () => `${label}, ${mode}: ${indices.length} keys at rank ${truth.rank}`,
    );
  }
};
