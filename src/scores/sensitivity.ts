/** Sensitivities sigma_j for f(x) = |x|^p, p >= 1: what no query can exceed (docs/algorithms.md, sections 1 and 3). */

import { runAsync } from '../kernels/run-async.js';
import { checkOptionsObject, headsOf, type Keys, placeOfHead, type ResultFor, resultFor } from '../keys.js';
import { type CallOptions, run, type Steps } from '../steps.js';
import { centred } from './centred.js';
import { sensitivitySolver } from './sensitivity-solver.js';

/** Options of {@link sensitivities}. */
export interface SensitivityOptions extends CallOptions {
  /** p >= 1. */
  readonly p: number;
  /** The rows to look at; all of them unless given. */
  readonly indices?: readonly number[];
  /** Adds the intercept column: queries with an offset, <q,k> + b. */
  readonly centre?: boolean;
  /** Stops where (upper - lower)/upper is at most this; 1e-6 unless given. */
  readonly gap?: number;
  /** Multiply-adds to spend on all rows together; 2e10 (some ten to twenty seconds) unless given. */
  readonly budget?: number;
}

/** Sensitivities of one matrix. */
export interface Sensitivities {
  readonly n: number;
  readonly d: number;
  readonly rank: number;
  readonly indices: readonly number[];
  /** Certified ends, in the order of `indices`: lower <= sigma <= upper. */
  readonly lower: Float64Array;
  readonly upper: Float64Array;
  /** Rows that the budget did not reach; their interval is [0, 1]. */
  readonly unreached: number;
}

/** Multiply-adds that exact sensitivities may take unless told otherwise. */
export const DEFAULT_BUDGET = 2e10;

/**
 * Sensitivities sigma_j = sup_y |<k_j,y>|^p / sum_l |<k_l,y>|^p for p >= 1, as certified intervals: a query attains the lower
 * end, a dual solution proves the upper one. A convex programme per row: some ten to a hundred times n rank^2 multiply-adds each, so
 * ask for the rows that matter. Keeps n rank float64 numbers in memory.
 *
 * Where the numerical rank is below that of the numbers at face value, the interval holds the sensitivities of both readings.
 *
 * @throws RangeError unless p >= 1 (below 1 the programme is not convex: use {@link lewisWeights}) and every index is a row.
 * @see docs/algorithms.md, section 3.
 *
 * @example
 * ```ts
 * import { sensitivities } from 'levattention';
 *
 * const { upper } = sensitivities({ data: Float64Array.of(1, 0, 1, 1, 1, -1), shape: [3, 2] }, { p: 1 });
 * Array.from(upper, (s) => Math.round(s * 1e3) / 1e3); // => [0.333, 0.667, 0.667]
 * ```
 */
export function sensitivities<const K extends Keys>(
  keys: K,
  options: SensitivityOptions,
): ResultFor<K, Sensitivities> {
  return run(sensitivitiesSteps(keys, options), options, 'sensitivities');
}

/** {@link sensitivities} that lets the event loop run in between. */
export function sensitivitiesAsync<const K extends Keys>(
  keys: K,
  options: SensitivityOptions,
): Promise<ResultFor<K, Sensitivities>> {
  return runAsync(sensitivitiesSteps(keys, options), options, 'sensitivitiesAsync');
}

/** {@link sensitivities} as a generator that yields its progress. */
export function* sensitivitiesSteps<const K extends Keys>(
  keys: K,
  options: SensitivityOptions,
): Steps<ResultFor<K, Sensitivities>> {
  checkOptionsObject(options, 'sensitivities', '{ p: 3 }', ['p', 'indices', 'centre', 'gap', 'budget']);
  const { p, indices, centre = false, gap = 1e-6, budget = DEFAULT_BUDGET } = options;
  if (!(typeof p === 'number' && p >= 1 && p < Number.POSITIVE_INFINITY))
    throw new RangeError(`sensitivities: p must be at least 1, got ${p}`);
  if (!(typeof gap === 'number' && gap >= 0))
    throw new RangeError(`sensitivities: gap must be at least 0, got ${gap}`);
  if (!(typeof budget === 'number' && budget > 0))
    throw new RangeError(`sensitivities: budget must be positive, got ${budget}`);
  const heads = headsOf(keys, 'sensitivities: keys');
  const { n, d } = heads;
  if (indices !== undefined && !Array.isArray(indices))
    throw new TypeError(`sensitivities: indices must be an array of rows, got ${String(indices)}`);
  const bad = indices?.find((j) => !(Number.isSafeInteger(j) && j >= 0 && j < n));
  if (bad !== undefined)
    throw new RangeError(`sensitivities: indices must be rows 0 to ${n - 1}, got ${bad}`);
  const rows = indices ?? Array.from({ length: n }, (_, j) => j);
  const results: Sensitivities[] = [];
  for (const head of heads.list) {
    const matrix = centre ? centred(head.matrix) : head.matrix;
    const solver = yield* sensitivitySolver(matrix, p, placeOfHead(heads, head, 'sensitivities: keys'));
    const lower = new Float64Array(rows.length);
    const upper = new Float64Array(rows.length).fill(1);
    let left = budget;
    let unreached = 0;
    for (let i = 0; i < rows.length; i++) {
      if (left <= 0) {
        unreached++;
        continue;
      }
      const found = yield* solver.solve(rows[i], left, (low, high) => high - low <= gap * high);
      lower[i] = found.lower;
      upper[i] = found.upper;
      left -= found.work;
      yield { phase: 'sensitivities', done: i + 1, total: rows.length };
    }
    results.push({ n, d, rank: solver.rank, indices: rows, lower, upper, unreached });
  }
  return resultFor(heads, results);
}
