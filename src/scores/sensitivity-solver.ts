/** The sensitivity of one row for f(x) = |x|^p, p >= 1, from below and above by convex duality (docs/algorithms.md, section 3). */

import { cholesky, inverseLower } from '../kernels/triangular.js';
import { type KeyMatrix, matrixOver } from '../keys.js';
import type { Steps } from '../steps.js';
import { identityBasis, timesTransposed } from './basis.js';
import { edgeDescent, multiply } from './edge-descent.js';
import { atMostOne, type Factor, factorizeBoth } from './factor.js';
import { eachBlock, gramOf, UNIT_ROUNDOFF } from './gram.js';
import { nonzeroRows } from './lewis.js';
import { largestOf } from './scaling.js';
import { scaledRow } from './unresolved.js';

/** Certified ends of one sensitivity. */
export interface Interval {
  readonly lower: number;
  readonly upper: number;
  /** Multiply-adds that it took. */
  readonly work: number;
}

/** Computes sensitivities row by row over the same keys. */
export interface SensitivitySolver {
  readonly rank: number;
  /** The interval of row j, narrowed until `enough` says so, nothing more is gained, or `work` multiply-adds are spent. */
  solve(j: number, work: number, enough: (lower: number, upper: number) => boolean): Steps<Interval>;
}

const MOST_ITERATIONS = 120;
/** Iterations without a narrower gap after which there is nothing more to gain. */
const PATIENCE = 10;
/** For p = 1: iterations that come near the least sum, and vertices visited from there on. */
const SMOOTH_ITERATIONS = 12;
const MOST_VERTICES = 400;
/** Halvings of the line search. */
const LINE_STEPS = 14;

/**
 * 1/sigma_j = min { sum_l |<x_l,y>|^p : <x_j,y> = 1 }, with x the keys in orthonormal coordinates, [n, r] in memory.
 *
 * Iteratively reweighted least squares with a line search (for p > 2 along Newton's direction). With any weights s > 0,
 * M = X^T S X and u = M^-1 x_j, an iteration gives a feasible y = u/<x_j,u>, so that sigma_j >= 1/sum |<x_l,y>|^p, and z = S X u
 * with X^T z = x_j + e, so that by Hoelder's inequality sigma_j <= (|z|_q + |e| n^max(0, 1/2-1/p))^p, 1/p + 1/q = 1.
 */
export function* sensitivitySolver(matrix: KeyMatrix, p: number, where: string): Steps<SensitivitySolver> {
  const { numerical, faceValue } = yield* factorizeBoth(matrix, where);
  const nonzero = yield* nonzeroRows(matrix);
  const upperEnd = yield* solverOf(faceValue, p);
  // Where the readings differ, the interval holds both sensitivities.
  const lowerEnd = numerical === faceValue ? undefined : yield* solverOf(numerical, p);
  return {
    rank: numerical.rank,
    *solve(j, work, enough) {
      if (!nonzero[j]) return { lower: 0, upper: 0, work: 0 };
      if (!lowerEnd) return yield* upperEnd(j, work, enough);
      const below = yield* lowerEnd(j, work / 2, (lower, upper) => upper - lower <= 1e-6 * upper);
      const above = yield* upperEnd(j, work / 2, (_, upper) => enough(below.lower, upper));
      return { lower: below.lower, upper: above.upper, work: below.work + above.work };
    },
  };
}

function* solverOf(factor: Factor, p: number): Steps<SensitivitySolver['solve']> {
  const { width, absolute, relative, growth } = factor;
  const { n } = factor.matrix;
  const unresolved = new Set(factor.unresolved);
  // How far the errors of the coordinates, and of products with them, move the p-th root of a sensitivity.
  const error = (absolute + (width + 2) * UNIT_ROUNDOFF * growth) * (1 + relative);
  const wobble = error * n ** Math.abs(1 / 2 - 1 / p);
  // Sums of n p-th powers, and the powers themselves.
  const slack = (n + 64) * (p + 1) * UNIT_ROUNDOFF;
  const minimise = minimiser(yield* orthonormalRows(factor), n, width, p);
  return function* (j, work, enough) {
    if (unresolved.has(j) || !(wobble < 1)) return { lower: 0, upper: 1, work: 0 };
    const widen = (lower: number, upper: number): [number, number] => [
      (Math.max(0, lower ** (1 / p) - wobble) / (1 + wobble)) ** p * Math.max(0, 1 - slack),
      atMostOne(((upper ** (1 / p) + wobble) / (1 - wobble)) ** p * (1 + slack)),
    ];
    const found = yield* minimise(j, work, (lower, upper) => enough(...widen(lower, upper)));
    const [lower, upper] = widen(found.lower, found.upper);
    // Without the unresolved rows the upper end is safe, but the query of the lower end may find them in its sum.
    return { lower: unresolved.size > 0 ? 0 : lower, upper, work: found.work };
  };
}

/** X = K T W^T, [n, width]; rows of scale 0 are zero. */
function* orthonormalRows({ matrix, plan, width, rowScale }: Factor): Steps<Float64Array> {
  const { columnScale, transform, factor: w = new Float64Array() } = plan;
  const { n, d } = matrix;
  // Its own rounding does not matter: any invertible matrix gives the same sensitivities.
  const basis = transform ?? identityBasis(d).matrix;
  const combined = timesTransposed({ d, width, matrix: basis }, w);
  const x = new Float64Array(n * width);
  const key = new Float64Array(d);
  yield* eachBlock(n, 'orthonormal rows', (start, end) => {
    const rows = matrix.rows(start, end);
    for (let j = start; j < end; j++) {
      if (rowScale?.[j] === 0) continue;
      scaledRow({ matrix, columnScale }, rows, j - start, key);
      for (let c = 0; c < d; c++)
        for (let a = 0; a < width; a++) x[j * width + a] += key[c] * combined[c * width + a];
    }
  });
  return x;
}

function minimiser(x: Float64Array, n: number, r: number, p: number) {
  const keys = matrixOver(x, n, r);
  const q = p === 1 ? Number.POSITIVE_INFINITY : p / (p - 1);
  const residuals = new Float64Array(n);
  const proposed = new Float64Array(n);
  const roots = new Float64Array(n);
  const sum = (v: Float64Array) => v.reduce((total, entry) => total + Math.abs(entry) ** p, 0);

  return function* minimise(
    j: number,
    work: number,
    enough: (lower: number, upper: number) => boolean,
  ): Steps<Interval> {
    const key = x.subarray(j * r, (j + 1) * r);
    let lower = 0;
    let upper = 1;
    const raise = (products: Float64Array) => {
      const value = Math.abs(products[j]) ** p / sum(products);
      // A power that overflows proves nothing.
      if (value > lower) lower = Math.min(value, upper);
    };
    let spent = 0;
    let patience = PATIENCE;
    multiply(x, n, r, key, residuals);
    const own = residuals[j];
    // A square that underflows is far below what the coordinates are off by.
    if (!(own > 0)) return { lower: 0, upper: own === 0 ? 0 : 1, work: n * r };
    for (let l = 0; l < n; l++) residuals[l] /= own;
    for (let iteration = 0; iteration < MOST_ITERATIONS; iteration++) {
      // p < 2: rows that y nearly annihilates would weigh infinitely; the floor sinks as the iteration settles.
      const largest = largestOf(residuals);
      // p > 2: weights stay within ten decades, so that M is never singular.
      const floor = p < 2 ? Math.max(0.1 * 0.5 ** iteration, 1e-11) : p > 2 ? 10 ** (-10 / (p - 2)) : 1;
      for (let l = 0; l < n; l++) roots[l] = Math.max(Math.abs(residuals[l]) / largest, floor) ** (p / 2 - 1);
      const gram = yield* gramOf(keys, { d: r }, roots);
      const triangle = cholesky(gram, r);
      spent += n * r * (r + 4);
      if (!triangle) break;
      // u = M^-1 x_j = W^T (W x_j), W = L^-1.
      const w = inverseLower(triangle, r);
      const image = new Float64Array(r);
      multiply(w, r, r, key, image);
      const u = image.map((_, a) => image.reduce((total, entry, b) => total + w[b * r + a] * entry, 0));
      multiply(x, n, r, u, proposed);
      const height = proposed[j];

      const gapBefore = upper - lower;
      upper = Math.min(
        upper,
        dualBound(
          key,
          proposed.map((entry, l) => entry * roots[l] * roots[l]),
        ),
      );
      for (let l = 0; l < n; l++) proposed[l] /= height;
      raise(proposed);
      lineSearch();
      raise(residuals);
      if (enough(lower, upper) || spent >= work) break;
      patience = upper - lower < 0.9 * gapBefore ? PATIENCE : patience - 1;
      if (patience === 0 || (p === 1 && iteration === SMOOTH_ITERATIONS)) break;
    }
    if (p === 1 && !enough(lower, upper))
      for (const vertex of edgeDescent(x, n, r, j, residuals, MOST_VERTICES)) {
        spent += n * (4 * r + Math.log2(n)) + r ** 3;
        upper = Math.min(upper, dualBound(key, vertex.dual));
        raise(vertex.products);
        if (enough(lower, upper) || spent >= work) break;
      }
    return { lower, upper, work: spent };
  };

  /** (|z|_q + |e| n^max(0, 1/2-1/p))^p, with e = X^T z - x_j and the rounding of e itself. */
  function dualBound(key: Float64Array, z: Float64Array): number {
    const largest = largestOf(z);
    const norm =
      p === 1
        ? largest
        : largest * z.reduce((total, entry) => total + (Math.abs(entry) / largest) ** q, 0) ** (1 / q);
    const e = Float64Array.from(key, (entry) => -entry);
    let square = 0;
    for (let l = 0; l < n; l++) {
      square += z[l] * z[l];
      for (let a = 0; a < r; a++) e[a] += z[l] * x[l * r + a];
    }
    const miss = Math.hypot(...e) + (n + 2) * UNIT_ROUNDOFF * Math.sqrt(square * r);
    // The least singular value of X is above a half.
    const bound = (norm + 2 * miss * n ** Math.max(0, 1 / 2 - 1 / p)) ** p;
    return bound >= 0 ? bound : 1;
  }

  /** Moves the residuals towards the proposed ones, to the least sum of |.|^p on the way or up to twice as far. */
  function lineSearch(): void {
    let low = 0;
    let high = 2;
    for (let step = 0; step < LINE_STEPS; step++) {
      const middle = (low + high) / 2;
      let slope = 0;
      for (let l = 0; l < n; l++) {
        const direction = proposed[l] - residuals[l];
        const value = residuals[l] + middle * direction;
        slope += Math.sign(value) * Math.abs(value) ** (p - 1) * direction;
      }
      if (slope > 0) high = middle;
      else low = middle;
    }
    const alpha = (low + high) / 2;
    for (let l = 0; l < n; l++) residuals[l] += alpha * (proposed[l] - residuals[l]);
  }
}
