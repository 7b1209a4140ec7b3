/** Leverage scores tau_j = k_j^T (K^T K)^+ k_j: the sensitivities of f(x) = x^2 (docs/algorithms.md, section 2). */

import { passOver } from '../kernels/pass.js';
import { runAsync } from '../kernels/run-async.js';
import { checkOptionsObject, headsOf, type Keys, placeOfHead, type ResultFor, resultFor } from '../keys.js';
import { type CallOptions, run, type Steps } from '../steps.js';
import { centred } from './centred.js';
import { type Factor, factorize, marginAt } from './factor.js';
import { smallLeverage } from './small-leverage.js';

/** Options of {@link leverageScores}. */
export interface LeverageOptions extends CallOptions {
  /** Adds the intercept column: the scores of queries with an offset, <q,k> + b. */
  readonly centre?: boolean;
}

/** Leverage scores of one matrix. */
export interface LeverageScores {
  readonly n: number;
  readonly d: number;
  /** Shape [n]: tau_j in [0, 1]; they sum to the rank. */
  readonly scores: Float64Array;
  /** Numerical rank of K, of [K, 1] with `centre`. */
  readonly rank: number;
  /** Certified bound of the error of every score. */
  readonly margin: number;
  /**
   * Rows with a component too small to resolve, alone in their direction for all that can be told: score 1. Where there are
   * any, the scores of the other rows are upper bounds.
   */
  readonly unresolved: readonly number[];
}

/**
 * Leverage scores tau_j = k_j^T (K^T K)^+ k_j of the rows of K, [n, d]: how much of its own direction a key holds.
 *
 * O(n d^2) time, O(d^2 log n) memory beside the scores; O(n^2 d) time and n d memory where n < d. The Gram is accumulated in float64. Up to condition number 1e6 after
 * column scaling (1e5 for float32 keys) scores are within 1e-5 of the exact ones, proved by `margin`; ill-conditioned keys
 * take a few passes more, through a rank-revealing orthogonalisation. Numbers are taken at face value, except that a direction
 * whose whole extent is below 8 (d + 8) u (u = 1.1e-16) of what the keys measure there counts as rounding of the input, as in
 * a product of low rank; a row that alone has more than that of itself in such a direction is `unresolved` and gets score 1.
 *
 * @throws TypeError or RangeError for a wrong shape; RangeError with row and column for a number that is not finite.
 * @see docs/algorithms.md, section 2; Kannan, Bhattacharyya, Kacham, Woodruff, arXiv 2410.05462.
 *
 * @example
 * ```ts
 * import { leverageScores } from 'levattention';
 *
 * const { scores, rank } = leverageScores({ data: Float32Array.of(3, 0, 0, 1, 0, 1), shape: [3, 2] });
 * Array.from(scores); // => [1, 0.5, 0.5]
 * rank; // => 2
 * ```
 */
export function leverageScores<const K extends Keys>(
  keys: K,
  options: LeverageOptions = {},
): ResultFor<K, LeverageScores> {
  return run(leverageScoresSteps(keys, options), options, 'leverageScores');
}

/** {@link leverageScores} that lets the event loop run in between. */
export function leverageScoresAsync<const K extends Keys>(
  keys: K,
  options: LeverageOptions = {},
): Promise<ResultFor<K, LeverageScores>> {
  return runAsync(leverageScoresSteps(keys, options), options, 'leverageScoresAsync');
}

/** {@link leverageScores} as a generator that yields its progress. */
export function* leverageScoresSteps<const K extends Keys>(
  keys: K,
  options: LeverageOptions = {},
): Steps<ResultFor<K, LeverageScores>> {
  checkOptionsObject(options, 'leverageScores', '{ centre: true }', ['centre']);
  const { centre = false } = options;
  const heads = headsOf(keys, 'leverageScores: keys');
  const results: LeverageScores[] = [];
  for (const head of heads.list) {
    const { n, d } = heads;
    const small = smallLeverage(head.matrix, centre);
    if (small) {
      results.push({ n, d, ...small, unresolved: [] });
      yield { phase: 'scores', done: n, total: n };
      continue;
    }
    const matrix = centre ? centred(head.matrix) : head.matrix;
    const factor = yield* factorize(matrix, placeOfHead(heads, head, 'leverageScores: keys'));
    results.push({
      n,
      d,
      scores: yield* scoresOf(factor),
      rank: factor.rank,
      margin: marginAt(factor, 1),
      unresolved: factor.unresolved,
    });
  }
  return resultFor(heads, results);
}

/** The scores of all rows by a factor, in [0, 1]. */
export function* scoresOf(factor: Factor): Steps<Float64Array> {
  const { matrix, plan, rowScale, unresolved } = factor;
  const scores = new Float64Array(matrix.n);
  yield* passOver({
    phase: 'scores',
    matrix,
    task: { kind: 'scores', plan },
    rowScale,
    collect: (part, start) => scores.set(part, start),
  });
  for (let j = 0; j < scores.length; j++) if (scores[j] > 1) scores[j] = 1;
  for (const j of unresolved) scores[j] = 1;
  return scores;
}
