/** Every attention score >= epsilon of given queries: candidates from the universal set, values and normalisers exact (docs/algorithms.md, section 5). */

import { BLOCK_ROWS } from '../kernels/kernels.js';
import {
  checkOptionsObject,
  type Heads,
  headsOf,
  type KeyMatrix,
  type Keys,
  type ResultFor,
  resultFor,
} from '../keys.js';
import { accurateDot } from '../scores/accurate-dot.js';
import { eachBlock, gramOf } from '../scores/gram.js';
import { hasDigits } from '../scores/screening.js';
import { type CallOptions, run, runAsync, type Steps } from '../steps.js';
import { setsOf } from '../universal-set/universal-set.js';
import { power } from '../weights/power.js';
import type { WeightFunction } from '../weights/weight.js';

/** Options of {@link heavyScores}. */
export interface HeavyScoresOptions extends CallOptions {
  /** Every score A_ij >= epsilon is returned; in (0, 1]. */
  readonly epsilon: number;
  /** Weight function; power(2) unless given. */
  readonly f?: WeightFunction;
}

/** The heavy scores of one head, by row and then by column. */
export interface HeavyScores {
  /** A_ij of query rows[t] and key cols[t] is scores[t]. */
  readonly rows: readonly number[];
  readonly cols: readonly number[];
  readonly scores: readonly number[];
  readonly epsilon: number;
  readonly f: string;
}

/** Scores this close below epsilon are returned too: more than what rounding can do to a score. */
const MARGIN = 1e-9;
/** Below this part of its terms' sizes the quadratic form has lost too many digits, and the sum is taken key by key. */
const CANCELLATION = 1e-4;
/** Sums of weights below this have lost digits to underflow. */
const SMALLEST_SUM = 1e-280;

/**
 * Every score A_ij = f(<q_i,k_j>) / sum_l f(<q_i,k_l>) >= epsilon of queries Q, [m, d], and keys K, [n, d]; or head by head of
 * [batch, heads, m, d] and [batch, key heads, n, d], where query head h reads key head floor(h key heads/heads).
 *
 * Only the universal set U is looked at for large scores, so none is missed. O(n d^2) for U, O(m |U| d) for the numerators;
 * the normaliser of a query costs O(d^2) for f(x) = x^2 and O(n d) otherwise. Scores are exact to about 1e-10; those from
 * epsilon (1 - 1e-9) on are returned. A query that is orthogonal to every key has no scores.
 *
 * @throws TypeError or RangeError, one line, for wrong shapes and options, numbers that are not finite, and weights that overflow
 * or underflow.
 *
 * @example
 * ```ts
 * import { heavyScores } from 'levattention';
 *
 * const { rows, cols, scores } = heavyScores(
 *   { data: Float32Array.of(1, 0, 1, 1), shape: [2, 2] },
 *   { data: Float32Array.of(3, 0, 0, 1, 1, 1), shape: [3, 2] },
 *   { epsilon: 0.5 },
 * );
 * rows; // => [0, 1]
 * cols; // => [0, 0]
 * scores.map((score) => Math.round(score * 1000) / 1000); // => [0.9, 0.643]
 * ```
 */
export function heavyScores<const Q extends Keys>(
  queries: Q,
  keys: Keys,
  options: HeavyScoresOptions,
): ResultFor<Q, HeavyScores> {
  return run(heavyScoresSteps(queries, keys, options), options);
}

/** {@link heavyScores} that lets the event loop run in between. */
export function heavyScoresAsync<const Q extends Keys>(
  queries: Q,
  keys: Keys,
  options: HeavyScoresOptions,
): Promise<ResultFor<Q, HeavyScores>> {
  return runAsync(heavyScoresSteps(queries, keys, options), options);
}

/** {@link heavyScores} as a generator that yields its progress. */
export function* heavyScoresSteps<const Q extends Keys>(
  queries: Q,
  keys: Keys,
  options: HeavyScoresOptions,
): Steps<ResultFor<Q, HeavyScores>> {
  checkOptionsObject(options, 'heavyScores', '{ epsilon: 0.05 }');
  const { epsilon, f = power(2) } = options;
  const queryHeads = headsOf(queries, 'heavyScores: queries');
  const keyHeads = headsOf(keys, 'heavyScores: keys');
  checkShapes(queryHeads, keyHeads);
  if (!(typeof epsilon === 'number' && epsilon > 0 && epsilon <= 1))
    throw new RangeError(`heavyScores: epsilon must be in (0, 1], got ${epsilon}`);
  const sets = yield* setsOf(keyHeads, { epsilon: epsilon * (1 - MARGIN), f }, 'heavyScores');
  const group = queryHeads.heads / keyHeads.heads;
  const results: HeavyScores[] = [];
  for (const { batch, head, matrix } of queryHeads.list) {
    const index = batch * keyHeads.heads + Math.floor(head / group);
    results.push(yield* heavyOfHead(matrix, keyHeads.list[index].matrix, sets[index].indices, epsilon, f));
  }
  return resultFor(queryHeads, results);
}

function checkShapes(queries: Heads, keys: Heads): void {
  const shape = ({ flat, batches, heads, n, d }: Heads) => `[${flat ? [n, d] : [batches, heads, n, d]}]`;
  if (
    queries.flat !== keys.flat ||
    queries.d !== keys.d ||
    queries.batches !== keys.batches ||
    queries.heads % keys.heads !== 0
  )
    throw new RangeError(
      `heavyScores: queries ${shape(queries)} do not match keys ${shape(keys)}: same batch and d, query heads a multiple of key heads`,
    );
}

function* heavyOfHead(
  queries: KeyMatrix,
  keys: KeyMatrix,
  candidates: readonly number[],
  epsilon: number,
  f: WeightFunction,
): Steps<HeavyScores> {
  const { n: m, d } = queries;
  const rows: number[] = [];
  const cols: number[] = [];
  const scores: number[] = [];
  const universal = gather(keys, candidates);
  const gram = f.power === 2 ? withDigits(yield* gramOf(keys, { d }), d) : undefined;
  for (let first = 0; first < m; first += BLOCK_ROWS) {
    const block = Float64Array.from(queries.rows(first, Math.min(m, first + BLOCK_ROWS)));
    const count = block.length / d;
    const bad = block.findIndex((entry) => !Number.isFinite(entry));
    if (bad >= 0)
      throw new RangeError(
        `heavyScores: queries must be finite, got ${block[bad]} at row ${first + Math.floor(bad / d)}, column ${bad % d}`,
      );
    // Powers do not depend on the scale of a query: at sizes near 1 no product underflows.
    const unit = toUnitSize(block, d);
    if (f.power !== undefined) block.set(unit);
    const products = new Float64Array(count * candidates.length);
    // Powers are taken relative to the largest product with U: what is heavy is then near 1, whatever the scale.
    const units = new Float64Array(count).fill(1);
    for (let i = 0; i < count; i++) {
      for (let t = 0; t < candidates.length; t++)
        products[i * candidates.length + t] = accurateDot(block, i * d, universal, t * d, d);
      if (f.power === undefined) continue;
      const largest = products
        .subarray(i * candidates.length, (i + 1) * candidates.length)
        .reduce((a, b) => Math.max(a, Math.abs(b)), 0);
      if (largest > 0) units[i] = largest;
    }
    const sums = yield* normalisers(block, units, keys, f, gram);
    for (let i = 0; i < count; i++) {
      const own = products.subarray(i * candidates.length, (i + 1) * candidates.length);
      const vanishes = (t: number) => accurateDot(unit, i * d, universal, t * d, d) === 0;
      if (own.every((product, t) => product === 0 && vanishes(t))) continue;
      if (!(sums[i] > SMALLEST_SUM))
        throw new RangeError(
          `heavyScores: the weights ${f.name} of query ${first + i} ${Number.isNaN(sums[i]) ? 'overflow' : 'underflow'}: scale the queries`,
        );
      for (let t = 0; t < candidates.length; t++) {
        const score = f.value(own[t] / units[i]) / sums[i];
        if (Number.isNaN(score))
          throw new RangeError(
            `heavyScores: the weight ${f.name} of query ${first + i}, key ${candidates[t]} overflows`,
          );
        if (score < epsilon * (1 - MARGIN)) continue;
        rows.push(first + i);
        cols.push(candidates[t]);
        scores.push(Math.min(1, score));
      }
    }
    yield { phase: 'queries', done: first + count, total: m };
  }
  return { rows, cols, scores, epsilon, f: f.name };
}

/** The rows times powers of two that bring their largest entries to [1, 2). */
function toUnitSize(rows: Float64Array, d: number): Float64Array {
  const out = rows.slice();
  for (let i = 0; i < rows.length; i += d) {
    const row = out.subarray(i, i + d);
    const largest = row.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    if (largest === 0) continue;
    const exponent = Math.floor(Math.log2(largest));
    // In two steps, as 2^1074 is not a number.
    const half = Math.trunc(exponent / 2);
    for (let c = 0; c < d; c++) row[c] = row[c] * 2 ** -half * 2 ** (half - exponent);
  }
  return out;
}

/** Rows of the keys, one after the other, in float64. */
function gather(keys: KeyMatrix, indices: readonly number[]): Float64Array {
  const out = new Float64Array(indices.length * keys.d);
  indices.forEach((j, t) => {
    out.set(keys.rows(j, j + 1), t * keys.d);
  });
  return out;
}

/** sum_l f(<q_i,k_l> / unit_i) of each query; NaN where a weight overflows. */
function* normalisers(
  queries: Float64Array,
  units: Float64Array,
  keys: KeyMatrix,
  f: WeightFunction,
  gram: Float64Array | undefined,
): Steps<Float64Array> {
  const { n, d } = keys;
  const sums = new Float64Array(units.length);
  const plain: number[] = [];
  for (let i = 0; i < sums.length; i++) {
    const form = gram ? quadraticForm(queries.subarray(i * d, (i + 1) * d), gram, units[i]) : undefined;
    if (form === undefined) plain.push(i);
    else sums[i] = form;
  }
  if (plain.length === 0) return sums;
  yield* eachBlock(n, 'normalisers', (start, end) => {
    const rows = keys.rows(start, end);
    for (const i of plain)
      for (let l = 0; l < end - start; l++)
        sums[i] += f.value(accurateDot(queries, i * d, rows, l * d, d) / units[i]);
  });
  return sums;
}

/** A Gram whose entries have neither overflowed nor underflowed, or undefined. */
function withDigits(gram: Float64Array, d: number): Float64Array | undefined {
  for (let c = 0; c < d; c++) if (!hasDigits(gram[c * d + c])) return undefined;
  return gram;
}

/** (q/unit)^T G (q/unit), or undefined where it cancels or overflows. */
function quadraticForm(q: Float64Array, gram: Float64Array, unit: number): number | undefined {
  const d = q.length;
  let sum = 0;
  let sizes = 0;
  for (let a = 0; a < d; a++) {
    let row = 0;
    let rowSizes = 0;
    for (let b = 0; b < d; b++) {
      const term = gram[a * d + b] * (q[b] / unit);
      row += term;
      rowSizes += Math.abs(term);
    }
    sum += (q[a] / unit) * row;
    sizes += Math.abs(q[a] / unit) * rowSizes;
  }
  return sum > CANCELLATION * sizes && sizes < Number.POSITIVE_INFINITY ? sum : undefined;
}
