/** Every attention score >= epsilon of given queries: candidates from the universal set, values and normalisers exact (docs/algorithms.md, section 5). */

import { BLOCK_ROWS } from '../kernels/kernels.js';
import { runAsync } from '../kernels/run-async.js';
import {
  checkEpsilon,
  checkOptionsObject,
  type Heads,
  headsOf,
  type KeyMatrix,
  type Keys,
  type PerHead,
  placeOfHead,
  type ResultFor,
  resultFor,
} from '../keys.js';
import { accurateDot } from '../scores/accurate-dot.js';
import type { LpCoreset } from '../scores/coreset.js';
import { type CallOptions, run, type Steps } from '../steps.js';
import { setsOf } from '../universal-set/universal-set.js';
import { power } from '../weights/power.js';
import type { WeightFunction } from '../weights/weight.js';
import { intervalOf, type Sample, sampledNormaliser, samplesOf } from './coreset-normaliser.js';
import { exactNormaliser, gather } from './normalisers.js';

/** Options of {@link heavyScores}. */
export interface HeavyScoresOptions extends CallOptions {
  /** Every score A_ij >= epsilon is returned; in (0, 1]. */
  readonly epsilon: number;
  /** Weight function; power(2) unless given. */
  readonly f?: WeightFunction;
  /**
   * A coreset of the keys for the same power, from `lpCoreset`: sums over all keys become sums over its rows, scores intervals, and the
   * result probable. Keys of several heads need one for each.
   */
  readonly normaliser?: PerHead<LpCoreset>;
  /** With a normaliser that was drawn by rows: how accurate you take it to be, in [0, 1). */
  readonly eta?: number;
}

/** What a coreset leaves of each score. */
export interface ScoreIntervals {
  readonly lower: readonly number[];
  readonly upper: readonly number[];
  /** The accuracy of the sums that they come from. */
  readonly eta: number;
  /** The probability that the coreset misses it, at most; null where eta was given by the caller. */
  readonly delta: number | null;
}

/** The heavy scores of one head, by row and then by column. */
export interface HeavyScores {
  /** A_ij of query rows[t] and key cols[t] is scores[t]; with a normaliser, about. */
  readonly rows: readonly number[];
  readonly cols: readonly number[];
  readonly scores: readonly number[];
  readonly epsilon: number;
  readonly f: string;
  /**
   * `exact`: none is missed, and scores are the true ones. With a normaliser, `probable`: with probability 1 - delta over its draw, for all
   * queries at once, the intervals hold the true scores and none is missed. `assumed`: the same if the given eta is true.
   */
  readonly guarantee: 'exact' | 'probable' | 'assumed';
  /** Same order; null without a normaliser. */
  readonly intervals: ScoreIntervals | null;
}

/** Scores this close below epsilon are returned too: more than what rounding can do to a score. */
const MARGIN = 1e-9;
/** Largest entries of queries, for powers. */
const QUERY_SIZE = 2 ** -32;
/** Where no product with U is larger, the query is scaled up. */
const SMALL_PRODUCT = 2 ** -500;
/** Sums of weights below this have lost digits to underflow. */
const SMALLEST_SUM = 1e-280;

/**
 * Every score A_ij = f(<q_i,k_j>) / sum_l f(<q_i,k_l>) >= epsilon of queries Q, [m, d], and keys K, [n, d]; or head by head of
 * [batch, heads, m, d] and [batch, key heads, n, d], where query head h reads key head floor(h key heads/heads).
 *
 * Only the universal set U is looked at for large scores, so none is missed. O(n d min(n, d)) for U, O(m |U| d) for the numerators;
 * the normaliser of a query costs O(d min(n, d)) for f(x) = x^2 and O(n d) otherwise. Scores are exact to about 1e-10; those from
 * epsilon (1 - 1e-9) on are returned. A query that is orthogonal to every key has no scores.
 *
 * With a `normaliser` of |S| rows, for |x|^p, the sum costs O(|S| d) a query. It is right to 1 +- eta, so every score comes as an interval,
 * and listed is what can reach epsilon: all whose upper end does. No upper end exceeds f(<q_i,k_j>) over the sum of the keys of U.
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
  return run(heavyScoresSteps(queries, keys, options), options, 'heavyScores');
}

/** {@link heavyScores} that lets the event loop run in between. */
export function heavyScoresAsync<const Q extends Keys>(
  queries: Q,
  keys: Keys,
  options: HeavyScoresOptions,
): Promise<ResultFor<Q, HeavyScores>> {
  return runAsync(heavyScoresSteps(queries, keys, options), options, 'heavyScoresAsync');
}

/** {@link heavyScores} as a generator that yields its progress. */
export function* heavyScoresSteps<const Q extends Keys>(
  queries: Q,
  keys: Keys,
  options: HeavyScoresOptions,
): Steps<ResultFor<Q, HeavyScores>> {
  const queryHeads = headsOf(queries, 'heavyScores: queries');
  const keyHeads = headsOf(keys, 'heavyScores: keys');
  return resultFor(queryHeads, yield* heavyOfHeads(queryHeads, keyHeads, options));
}

/** The same for heads that may lie in files: every matrix is read block by block. */
export function* heavyOfHeads(
  queryHeads: Heads,
  keyHeads: Heads,
  options: HeavyScoresOptions,
): Steps<HeavyScores[]> {
  checkOptionsObject(options, 'heavyScores', '{ epsilon: 0.05 }', ['epsilon', 'f', 'normaliser', 'eta']);
  const { epsilon, f = power(2), normaliser, eta } = options;
  checkShapes(queryHeads, keyHeads);
  checkEpsilon(epsilon, 'heavyScores');
  if (eta !== undefined && normaliser === undefined)
    throw new TypeError(`heavyScores: eta belongs to a normaliser, which is not given, got ${eta}`);
  const samples = normaliser === undefined ? [] : samplesOf(normaliser, eta, keyHeads, f);
  const sets = yield* setsOf(keyHeads, { epsilon: epsilon * (1 - MARGIN), f }, 'heavyScores');
  const group = queryHeads.heads / keyHeads.heads;
  const results: HeavyScores[] = [];
  for (const entry of queryHeads.list) {
    const { batch, head, matrix } = entry;
    const where = placeOfHead(queryHeads, entry, 'heavyScores: queries');
    const index = batch * keyHeads.heads + Math.floor(head / group);
    const keysOfHead = keyHeads.list[index].matrix;
    results.push(
      yield* heavyOfHead(matrix, keysOfHead, sets[index].indices, {
        where,
        epsilon,
        f,
        sample: samples[index],
      }),
    );
  }
  return results;
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

interface Search {
  /** Opens messages about the queries. */
  readonly where: string;
  readonly epsilon: number;
  readonly f: WeightFunction;
  readonly sample: Sample | undefined;
}

function* heavyOfHead(
  queries: KeyMatrix,
  keys: KeyMatrix,
  candidates: readonly number[],
  { where, epsilon, f, sample }: Search,
): Steps<HeavyScores> {
  const { n: m, d } = queries;
  const rows: number[] = [];
  const cols: number[] = [];
  const scores: number[] = [];
  const lower: number[] = [];
  const upper: number[] = [];
  const universal = gather(keys, candidates);
  // Queries that see next to nothing of U may be scaled by two to this power, without overflow of a product.
  const reach = universal.reduce((a, b) => Math.max(a, Math.abs(b)), 1);
  const room = 1000 - Math.max(0, Math.ceil(Math.log2(2 * QUERY_SIZE * d * reach)));
  const normalise = sample ? sampledNormaliser(keys, sample, f) : yield* exactNormaliser(keys, f);
  for (let first = 0; first < m; first += BLOCK_ROWS) {
    const block = Float64Array.from(queries.rows(first, Math.min(m, first + BLOCK_ROWS)));
    const count = block.length / d;
    const bad = block.findIndex((entry) => !Number.isFinite(entry));
    if (bad >= 0)
      throw new RangeError(
        `${where} must be finite, got ${block[bad]} at row ${first + Math.floor(bad / d)}, column ${bad % d}`,
      );
    // Powers do not depend on the scale of a query: at these sizes no sum of products overflows.
    const unit = toUnitSize(block, d);
    if (f.power !== undefined) for (let c = 0; c < block.length; c++) block[c] = unit[c] * QUERY_SIZE;
    const products = new Float64Array(count * candidates.length);
    // Powers are taken relative to the largest product with U: what is heavy is then near 1, whatever the scale.
    const units = new Float64Array(count).fill(1);
    for (let i = 0; i < count; i++) {
      const own = products.subarray(i * candidates.length, (i + 1) * candidates.length);
      const multiply = () => {
        for (let t = 0; t < own.length; t++) own[t] = accurateDot(block, i * d, universal, t * d, d);
        return own.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
      };
      let largest = multiply();
      if (f.power === undefined) continue;
      if (largest < SMALL_PRODUCT) {
        // Products near the least numbers have lost digits, or all of themselves.
        const scale = 2 ** Math.min(room, largest > 0 ? -Math.floor(Math.log2(largest)) : room);
        for (let c = i * d; c < (i + 1) * d; c++) block[c] *= scale;
        largest = multiply();
      }
      if (largest > 0) units[i] = largest;
    }
    const sums = yield* normalise(block, units);
    for (let i = 0; i < count; i++) {
      const own = products.subarray(i * candidates.length, (i + 1) * candidates.length);
      const vanishes = (t: number) => accurateDot(unit, i * d, universal, t * d, d) === 0;
      if (own.every((product, t) => product === 0 && vanishes(t))) continue;
      const values = own.map((product) => f.value(product / units[i]));
      // What the candidates weigh is part of the sum, whatever a coreset makes of it.
      const known = sample ? values.reduce((a, b) => a + b, 0) : 0;
      const sum = Math.max(sums[i], known);
      if (!(sum > SMALLEST_SUM))
        throw new RangeError(
          `heavyScores: the weights ${f.name} of query ${first + i} ${Number.isNaN(sum) ? 'overflow' : 'underflow'}: scale the queries`,
        );
      values.forEach((value, t) => {
        const interval = intervalOf(value, sums[i], known, sample?.eta ?? 0);
        if (Number.isNaN(interval.upper))
          throw new RangeError(
            `heavyScores: the weight ${f.name} of query ${first + i}, key ${candidates[t]} overflows`,
          );
        if (interval.upper < epsilon * (1 - MARGIN)) return;
        rows.push(first + i);
        cols.push(candidates[t]);
        scores.push(interval.score);
        lower.push(interval.lower);
        upper.push(interval.upper);
      });
    }
    yield { phase: 'queries', done: first + count, total: m };
  }
  const found = { rows, cols, scores, epsilon, f: f.name };
  if (!sample) return { ...found, guarantee: 'exact', intervals: null };
  const { delta, guarantee } = sample.coreset;
  return {
    ...found,
    guarantee: guarantee === 'none' ? 'assumed' : guarantee,
    intervals: { lower, upper, eta: sample.eta, delta },
  };
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
