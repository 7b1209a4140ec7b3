/** l_p Lewis weights: the w > 0 with w_j = tau_j(W^{1/2-1/p} K), and the certificate that makes unconverged ones safe (docs/algorithms.md, section 3). */

import { runAsync } from '../kernels/run-async.js';
import {
  checkOptionsObject,
  headsOf,
  type KeyMatrix,
  type Keys,
  placeOfHead,
  type ResultFor,
  resultFor,
} from '../keys.js';
import { type CallOptions, run, type Steps } from '../steps.js';
import { atMostOne, type Factor, factorize, factorizeBoth, keysFor, upperScore } from './factor.js';
import { eachBlock, UNIT_ROUNDOFF } from './gram.js';
import { scoresOf } from './leverage.js';
import { largestOf } from './scaling.js';
import { MOST_SCALES } from './unresolved.js';

/** Options of {@link lewisWeights}. */
export interface LewisOptions extends CallOptions {
  /** p > 0. */
  readonly p: number;
  /** Most iterations; 100 unless given. Each costs as much as leverage scores do. */
  readonly iterations?: number;
  /** Stops when tau_j/w_j is within 1/(1 + tolerance) and 1 + tolerance; 1e-6 unless given. */
  readonly tolerance?: number;
}

/** Lewis weights of one matrix. */
export interface LewisWeights {
  readonly n: number;
  readonly d: number;
  /** Shape [n]: w_j; zero for zero rows. At convergence they sum to the rank. */
  readonly weights: Float64Array;
  readonly rank: number;
  /** c = max_j tau_j(W^{1/2-1/p} K) / w_j, certified from above; 1 for exact Lewis weights. */
  readonly certificate: number;
  readonly iterations: number;
}

/** Weights together with what they bound: row j has f-sensitivity at most upper_j for f(x) = |x|^p. */
export interface LewisBounds extends Omit<LewisWeights, 'n' | 'd'> {
  /** [n]: certified upper bounds of the |x|^p-sensitivities, in [0, 1]. */
  readonly upper: Float64Array;
  readonly factor: Factor;
}

/** How far to iterate, and whether numbers are read at the numerical rank instead of at face value, as sets need them. */
export interface LewisEffort {
  readonly p: number;
  readonly iterations: number;
  readonly tolerance: number;
  readonly numerical?: boolean;
}

/** Convergence from above is judged by weights that are not lost in rounding. */
const NOTABLE = 1e-9;

/** Weights are iterated this far for sets: what is left of c costs the bounds a factor c^|1-p/2|, and no key. */
export const LEWIS_EFFORT = { iterations: 30, tolerance: 0.01 };

/**
 * l_p Lewis weights of the rows of K, [n, d], for any p > 0, by w <- w^{1-a} tau(W^{1/2-1/p} K)^a with a = 2p/(p+2), whose
 * error shrinks by |p-2|/(p+2) an iteration. O(n d min(n, d)) time an iteration, O(n) memory beside the keys, n d where n < d.
 *
 * Whether it has converged does not matter for safety: with the returned certificate c and w~ = c w, the sensitivity of row
 * j for |x|^p is at most (sum w~)^{max(0, p/2-1)} w~_j at the numerical rank. Keys that
 * numbers at face value make heavier, below the rounding of the input, are covered by {@link universalSet} and sensitivities. For p >= 16 and very heavy tails the iteration may stall; c then says so.
 *
 * @throws RangeError unless p > 0, and for keys that are not finite or of a wrong shape.
 * @see docs/algorithms.md, section 3.
 *
 * @example
 * ```ts
 * import { lewisWeights } from 'levattention';
 *
 * const { weights, rank, certificate } = lewisWeights({ data: Float64Array.of(5, 0, 0, 1, 0, 1), shape: [3, 2] }, { p: 4 });
 * Array.from(weights, (w) => Math.round(w * 1e6) / 1e6); // => [1, 0.5, 0.5]
 * certificate < 1 + 1e-6; // => true
 * ```
 */
export function lewisWeights<const K extends Keys>(
  keys: K,
  options: LewisOptions,
): ResultFor<K, LewisWeights> {
  return run(lewisWeightsSteps(keys, options), options, 'lewisWeights');
}

/** {@link lewisWeights} that lets the event loop run in between. */
export function lewisWeightsAsync<const K extends Keys>(
  keys: K,
  options: LewisOptions,
): Promise<ResultFor<K, LewisWeights>> {
  return runAsync(lewisWeightsSteps(keys, options), options, 'lewisWeightsAsync');
}

/** {@link lewisWeights} as a generator that yields its progress. */
export function* lewisWeightsSteps<const K extends Keys>(
  keys: K,
  options: LewisOptions,
): Steps<ResultFor<K, LewisWeights>> {
  checkOptionsObject(options, 'lewisWeights', '{ p: 4 }', ['p', 'iterations', 'tolerance']);
  const { p, iterations = 100, tolerance = 1e-6 } = options;
  if (!(typeof p === 'number' && p > 0 && p < Number.POSITIVE_INFINITY))
    throw new RangeError(`lewisWeights: p must be a positive number, got ${p}`);
  if (!(Number.isSafeInteger(iterations) && iterations > 0))
    throw new RangeError(`lewisWeights: iterations must be a positive integer, got ${iterations}`);
  if (!(typeof tolerance === 'number' && tolerance >= 0))
    throw new RangeError(`lewisWeights: tolerance must be at least 0, got ${tolerance}`);
  const heads = headsOf(keys, 'lewisWeights: keys');
  const results: LewisWeights[] = [];
  for (const head of heads.list) {
    const bounds = yield* lewisBounds(head.matrix, placeOfHead(heads, head, 'lewisWeights: keys'), {
      p,
      iterations,
      tolerance,
      numerical: true,
    });
    results.push({
      n: heads.n,
      d: heads.d,
      weights: bounds.weights,
      rank: bounds.rank,
      certificate: bounds.certificate,
      iterations: bounds.iterations,
    });
  }
  return resultFor(heads, results);
}

/**
 * Lewis weights and the sensitivities that they bound; `active` (1 or 0 a row) leaves rows out.
 *
 * For any w > 0 and tau = tau(W^{1/2-1/p} K):
 * p >= 2: sigma_j <= (sum w)^{p/2-1} tau_j^{p/2} w_j^{1-p/2};   p <= 2: sigma_j <= c^{1-p/2} tau_j^{p/2} w_j^{1-p/2}.
 */
export function* lewisBounds(
  matrix: KeyMatrix,
  where: string,
  effort: LewisEffort,
  active?: Float64Array,
  scales = MOST_SCALES,
): Steps<LewisBounds> {
  const { p, iterations, tolerance, numerical = false } = effort;
  const exponent = 1 / 2 - 1 / p;
  const step = 2 / (1 + 2 / p);
  const nonzero = yield* nonzeroRows(matrix, active);
  const keys = yield* keysFor(matrix, where, !numerical, active);
  const factorOf = function* (scale?: Float64Array) {
    return numerical
      ? yield* factorize(keys, where, scale)
      : (yield* factorizeBoth(keys, where, scale)).faceValue;
  };
  let factor = yield* factorOf(active);
  let tau = yield* certifiedScores(factor, nonzero);
  let weights = tau;
  for (let iteration = 1; ; iteration++) {
    // p = 2 needs no weights: every row scale is 1, and tau is exact.
    if (exponent !== 0) {
      weights = clampWeights(weights, exponent);
      const largest = largestOf(weights);
      factor = yield* factorOf(weights.map((w) => (w > 0 ? (w / largest) ** exponent : 0)));
      tau = yield* certifiedScores(factor, nonzero);
    }
    if (scales > 0 && !numerical && factor.unresolved.length > matrix.d) {
      const open = new Set(factor.unresolved);
      const [some, others] = [true, false].map((own) =>
        nonzero.map((one, j) => one & +(open.has(j) === own)),
      );
      if (others.includes(1)) {
        const apart = { effort, factor, scales: scales - 1 };
        return yield* boundsApart(matrix, where, [some, others], apart);
      }
    }
    let certificate = 1;
    let excess = 1;
    let sum = 0;
    for (let j = 0; j < matrix.n; j++) {
      if (weights[j] > 0) certificate = Math.max(certificate, tau[j] / weights[j]);
      if (weights[j] > NOTABLE) excess = Math.max(excess, weights[j] / tau[j]);
      sum += weights[j];
    }
    if (exponent === 0 || Math.max(certificate, excess) <= 1 + tolerance || iteration >= iterations) {
      const rounding = 1 + (matrix.n + 64) * UNIT_ROUNDOFF;
      // In logarithms, so that no power overflows; their own rounding is proportional to their sizes.
      const common = p >= 2 ? (p / 2 - 1) * Math.log(sum * rounding) : (1 - p / 2) * Math.log(certificate);
      const bound = (t: number, w: number) => {
        const own = (p / 2) * (Math.log(t) - Math.log(w));
        const weight = Math.log(w);
        const slack = 8 * UNIT_ROUNDOFF * (1 + Math.abs(common) + Math.abs(own) + p * Math.abs(weight) + p);
        // NaN where p is beyond what float64 can tell of powers.
        return atMostOne(Math.exp(common + own + weight + slack));
      };
      const upper = tau.map((t, j) => (weights[j] > 0 ? bound(t, weights[j]) : 0));
      return {
        weights,
        rank: factor.rank,
        certificate: certificate * rounding,
        iterations: iteration,
        upper,
        factor,
      };
    }
    const current = weights;
    weights = tau.map((t, j) =>
      // A weight that underflows is lifted, never lost: its row stays in.
      current[j] > 0 ? Math.max(Number.MIN_VALUE, current[j] ** (1 - step) * t ** step) : 0,
    );
  }
}

/**
 * Bounds of unresolved rows among themselves, where they may be resolved, and of the others without them: sensitivities among fewer rows are
 * upper bounds. With a score of 1 each, many such rows would make the sum of the weights, and with it the bounds of all others, too large.
 */
function* boundsApart(
  matrix: KeyMatrix,
  where: string,
  parts: readonly Uint8Array[],
  { effort, factor, scales }: { effort: LewisEffort; factor: Factor; scales: number },
): Steps<LewisBounds> {
  const weights = new Float64Array(matrix.n);
  const upper = new Float64Array(matrix.n);
  let [certificate, iterations] = [1, 0];
  for (const rows of parts) {
    const bounds = yield* lewisBounds(matrix, where, effort, Float64Array.from(rows), scales);
    rows.forEach((one, j) => {
      if (one) [weights[j], upper[j]] = [bounds.weights[j], bounds.upper[j]];
    });
    certificate = Math.max(certificate, bounds.certificate);
    iterations = Math.max(iterations, bounds.iterations);
  }
  return { weights, rank: factor.rank, certificate, iterations, upper, factor };
}

/** Upper ends of the scores of the rows that are not zero: positive even where the score itself underflows. */
function* certifiedScores(factor: Factor, nonzero: Uint8Array): Steps<Float64Array> {
  const scores = yield* scoresOf(factor);
  return scores.map((score, j) => (nonzero[j] ? upperScore(factor, score) : 0));
}

/** [n]: 1 for the rows that have an entry other than zero and are active. */
export function* nonzeroRows(matrix: KeyMatrix, active?: Float64Array): Steps<Uint8Array> {
  const { n, d } = matrix;
  const nonzero = new Uint8Array(n);
  yield* eachBlock(n, 'rows', (start, end) => {
    const rows = matrix.rows(start, end);
    for (let i = 0; i < rows.length; i++) if (rows[i] !== 0) nonzero[start + Math.floor(i / d)] = 1;
  });
  if (active) for (let j = 0; j < n; j++) if (active[j] === 0) nonzero[j] = 0;
  return nonzero;
}

/** Lifts the smallest weights so that no row scale leaves the range of numbers: the bounds hold for any positive weights. */
function clampWeights(weights: Float64Array, exponent: number): Float64Array {
  const largest = largestOf(weights);
  const smallest = largest * Math.max(10 ** (-140 / Math.abs(exponent)), 1e-290);
  return weights.map((w) => (w > 0 ? Math.max(w, smallest) : 0));
}
