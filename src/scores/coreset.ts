/** Coresets for |x|^p: few weighted rows whose sums are those of all rows, for all queries at once (docs/algorithms.md, section 9). */

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
import { uniformAt } from '../random.js';
import { type CallOptions, run, type Steps } from '../steps.js';
import { centred } from './centred.js';
import { rateForCount, samplingRate } from './coreset-size.js';
import { eachBlock } from './gram.js';
import { LEWIS_EFFORT, type LewisBounds, lewisBounds } from './lewis.js';

/** Options of {@link lpCoreset}: exactly one of `rows` and `eta`. */
export interface LpCoresetOptions extends CallOptions {
  /** p > 0. */
  readonly p: number;
  /** Expected number of rows; their number varies by about its square root. What they hold is not known then. */
  readonly rows?: number;
  /** As many rows as the proof needs for (1 +- eta) at all queries at once; in (0, 1). */
  readonly eta?: number;
  /** With `eta`: the probability that it fails, in (0, 1); 0.01 unless given. */
  readonly delta?: number;
  /** Of the draws; 0 unless given. */
  readonly seed?: number;
  /** Queries with an offset, |<k,y> + b|^p: adds the intercept column. */
  readonly centre?: boolean;
}

/** A row sample of one matrix: sum_l |<k_l,y>|^p ~ sum_t weights[t] |<k_indices[t],y>|^p for every y. */
export interface LpCoreset {
  readonly n: number;
  readonly d: number;
  readonly p: number;
  /** Rows that were kept, ascending. Zero rows never are. */
  readonly indices: readonly number[];
  /** 1/p_j of each: 1 for rows that are kept for certain. */
  readonly weights: readonly number[];
  /** Expected number of rows, the sum of the p_j. */
  readonly rows: number;
  /** The two sums differ by at most eta of the true one, for all y at once; null where this is not known, as with `rows`. 0 where all rows are kept. */
  readonly eta: number | null;
  /** The probability that the draw misses eta, at most; null where eta is. */
  readonly delta: number | null;
  readonly seed: number;
  /** `exact`: every row that is not zero is there. `probable`: eta holds with probability 1 - delta, proved. `none`: nothing is promised. */
  readonly guarantee: 'exact' | 'probable' | 'none';
}

/** The grain of uniform draws. */
const GRAIN = 2 ** 53;

/**
 * A coreset of K, [n, d], for f(x) = |x|^p, p > 0: row j is kept with probability p_j = min(1, c w_j), w the l_p Lewis weights, with weight
 * 1/p_j, so that for every y the sum over the sample is unbiased. Rows that hold a direction alone are kept for certain.
 *
 * With `eta` the rate c is the one that a proof gives: with probability 1 - `delta` the sums of all y, chosen after the draw if need be, are
 * within 1 +- eta. It is about 15 r/eta^2, r the rank, and 2 ln(2 r/delta)/eta^2 for p = 2; so c r^{max(1, p/2)} rows are expected, and all
 * are kept where that is more than there are. In practice far fewer do: ask for `rows`, and judge for yourself.
 *
 * About ten times O(n d^2) time (O(n d^2) for p = 2), O(n) memory beside the keys, which are read block by block. The draw of a row
 * depends on the seed, the head and the index of the row only.
 *
 * @throws TypeError or RangeError, one line, for wrong shapes and options, and numbers that are not finite.
 * @see docs/algorithms.md, section 9; Cohen, Peng, "l_p row sampling by Lewis weights", STOC 2015.
 *
 * @example
 * ```ts
 * import { lpCoreset } from 'levattention';
 *
 * // One row in a direction of its own, and 1000 that are alike.
 * const data = Float64Array.from({ length: 2002 }, (_, i) => (i === 0 || (i > 1 && i % 2 === 1) ? 1 : 0));
 * const { indices, weights, rows } = lpCoreset({ data, shape: [1001, 2] }, { p: 1.5, rows: 101, seed: 1 });
 * indices[0]; // => 0
 * weights[0]; // => 1
 * weights[1]; // => 10.0
 * rows; // => 101.0
 * ```
 */
export function lpCoreset<const K extends Keys>(keys: K, options: LpCoresetOptions): ResultFor<K, LpCoreset> {
  return run(lpCoresetSteps(keys, options), options, 'lpCoreset');
}

/** {@link lpCoreset} that lets the event loop run in between. */
export function lpCoresetAsync<const K extends Keys>(
  keys: K,
  options: LpCoresetOptions,
): Promise<ResultFor<K, LpCoreset>> {
  return runAsync(lpCoresetSteps(keys, options), options, 'lpCoresetAsync');
}

/** {@link lpCoreset} as a generator that yields its progress. */
export function* lpCoresetSteps<const K extends Keys>(
  keys: K,
  options: LpCoresetOptions,
): Steps<ResultFor<K, LpCoreset>> {
  checkOptions(options);
  const heads = headsOf(keys, 'lpCoreset: keys');
  const results: LpCoreset[] = [];
  for (const [i, entry] of heads.list.entries()) {
    const where = placeOfHead(heads, entry, 'lpCoreset: keys');
    results.push({ n: heads.n, d: heads.d, ...(yield* coresetOf(entry.matrix, i, where, options)) });
  }
  return resultFor(heads, results);
}

function checkOptions(options: LpCoresetOptions): void {
  checkOptionsObject(options, 'lpCoreset', '{ p: 1.5, eta: 0.2 }', [
    'p',
    'rows',
    'eta',
    'delta',
    'seed',
    'centre',
  ]);
  const { p, rows, eta, delta, seed = 0 } = options;
  const refuse = (rule: string, got: unknown) => {
    throw new RangeError(`lpCoreset: ${rule}, got ${String(got)}`);
  };
  const share = (x: unknown) => typeof x === 'number' && x > 0 && x < 1;
  if (!(typeof p === 'number' && p > 0 && p < Number.POSITIVE_INFINITY))
    refuse('p must be a positive number', p);
  if ((rows === undefined) === (eta === undefined))
    throw new TypeError('lpCoreset: give exactly one of rows and eta');
  if (rows !== undefined && !(Number.isSafeInteger(rows) && rows > 0))
    refuse('rows must be a positive integer', rows);
  if (eta !== undefined && !share(eta)) refuse('eta must be in (0, 1)', eta);
  if (delta !== undefined && !share(delta)) refuse('delta must be in (0, 1)', delta);
  if (delta !== undefined && eta === undefined) refuse('delta belongs to eta, which is not given', delta);
  if (!(Number.isSafeInteger(seed) && seed >= 0)) refuse('seed must be an integer in [0, 2^53)', seed);
}

function* coresetOf(
  keys: KeyMatrix,
  stream: number,
  where: string,
  options: LpCoresetOptions,
): Steps<Omit<LpCoreset, 'n' | 'd'>> {
  const { p, eta, delta = 0.01, seed = 0, centre = false } = options;
  const matrix = centre ? centred(keys) : keys;
  const bounds = yield* lewisBounds(matrix, where, { p, ...LEWIS_EFFORT });
  const probabilities = probabilitiesOf(bounds, matrix.d, options);
  const indices: number[] = [];
  const weights: number[] = [];
  let rows = 0;
  let drawn = false;
  yield* eachBlock(matrix.n, 'draws', (start, end) => {
    for (let j = start; j < end; j++) {
      const probability = probabilities[j];
      rows += probability;
      if (probability > 0 && probability < 1) drawn = true;
      if (probability === 0 || (probability < 1 && uniformAt(seed, stream, j) >= probability)) continue;
      indices.push(j);
      weights.push(1 / probability);
    }
  });
  const holds = drawn ? { eta: eta ?? null, delta: eta === undefined ? null : delta } : { eta: 0, delta: 0 };
  const guarantee = drawn ? (eta === undefined ? 'none' : 'probable') : 'exact';
  return { p, indices, weights, rows, ...holds, seed, guarantee };
}

/**
 * [n]: min(1, c w_j), 0 for zero rows only. Rounded up to the grain of the draws, so that a row is kept with exactly the probability that
 * its weight is the inverse of.
 */
function probabilitiesOf(
  { weights, upper, factor }: LewisBounds,
  d: number,
  { p, rows, eta, delta = 0.01 }: LpCoresetOptions,
): Float64Array {
  // A bound that underflows is lifted: its row may be drawn.
  const shares = weights.map((w, j) =>
    eta === undefined || w === 0 ? w : Math.max(Number.MIN_VALUE, upper[j]),
  );
  const certain = factor.unresolved;
  for (const j of certain) shares[j] = 0;
  const rate =
    eta === undefined
      ? rateForCount(shares, Math.max(1, (rows as number) - certain.length))
      : samplingRate(Math.min(d, factor.width + certain.length), { p, eta, delta });
  for (const j of certain) shares[j] = Number.POSITIVE_INFINITY;
  // A zero row stays out at an infinite rate, too; a number that is none keeps its row.
  return shares.map((share) =>
    share === 0 ? 0 : rate * share < 1 ? Math.ceil(rate * share * GRAIN) / GRAIN : 1,
  );
}
