/**
 * START HERE. The universal set U = { j : sigma_j >= epsilon } of keys K: every attention score A_ij >= epsilon, for every query there
 * could be, belongs to a key of U (docs/algorithms.md, section 1; Kannan, Bhattacharyya, Kacham, Woodruff, arXiv 2410.05462).
 *
 *     A_ij = f(<q_i,k_j>) / sum_l f(<q_i,k_l>)  <=  sigma_j = sup_y f(<k_j,y>) / sum_l f(<k_l,y>)
 */

import { runAsync } from '../kernels/run-async.js';
import {
  checkEpsilon,
  checkOptionsObject,
  type Heads,
  headsOf,
  type KeyMatrix,
  type Keys,
  placeOfHead,
  type ResultFor,
  resultFor,
} from '../keys.js';
import { centred } from '../scores/centred.js';
import { DEFAULT_BUDGET } from '../scores/sensitivity.js';
import { type CallOptions, run, type Steps } from '../steps.js';
import { power } from '../weights/power.js';
import { checkWeight, type WeightFunction } from '../weights/weight.js';
import { peeledSet } from './peeling.js';
import { powerSet } from './powers.js';
import { quadraticSet } from './quadratic.js';
import { type Selection, type UniversalSet, universalSetOf } from './result.js';

/** Options of {@link universalSet}: exactly one of `epsilon` and `top`. */
export interface UniversalSetOptions extends CallOptions {
  /** Keep every key that can reach this score, in (0, 1]. */
  readonly epsilon?: number;
  /** Keep this many keys, those of largest sensitivity (or upper bound of it). */
  readonly top?: number;
  /** Weight function; power(2) unless given. */
  readonly f?: WeightFunction;
  /**
   * Only for |x|^p, p >= 1: the minimal set. p = 2: from all keys, where more than 16 d/epsilon of them are otherwise judged by a part of them; other p:
   * the certified superset pruned by exact sensitivities.
   */
  readonly exact?: boolean;
  /** Queries with an offset, f(<q,k> + b): adds the intercept column. */
  readonly centre?: boolean;
  /** Multiply-adds that `exact` may take; 2e10 (some ten to twenty seconds) unless given. What it leaves undecided is kept. */
  readonly budget?: number;
}

/**
 * The universal set of keys K, [n, d] or each head of [batch, heads, n, d]: the few keys that can ever hold a score >= epsilon.
 *
 * f(x) = x^2: leverage scores; the set has at most rank/epsilon keys and is minimal, O(n d^2), up to n = 16 d/epsilon or n d^2 = 2^20 and with `exact` or
 * `top`. Of more keys a canonical part gives upper bounds of the scores: a superset of at most d/epsilon keys (more only where rounding leaves keys undecided), at the price of little more than reading the
 * keys; `scores` are then upper bounds and `total` is null. Where the part cannot say enough, all keys are taken, and the set is minimal again.
 * f(x) = |x|^p: Lewis weights with a certificate; a superset, minimal with `exact` (p >= 1). About ten times O(n d^2).
 * Other f (huber, tukey, ..., your own): peeling; a superset. At most 1/epsilon rounds of O(n d^2).
 * Fewer keys than columns take O(n^2 d) where it says O(n d^2).
 *
 * In every case no key is lost: rounding is accounted for by `margin`, and what cannot be told apart is kept and listed in
 * `undecided`. Softmax is not covered: for f = exp every vertex of the keys' convex hull is heavy for some query.
 *
 * @throws TypeError or RangeError, one line, for wrong shapes, options, weight functions, or numbers that are not finite.
 *
 * @example
 * ```ts
 * import { universalSet } from 'levattention';
 *
 * // Five keys in the plane: only the first ever gets more than half of the attention.
 * const set = universalSet({ data: Float32Array.of(4, 0, 0, 1, 0, 1, 1, 1, 1, -1), shape: [5, 2] }, { epsilon: 0.5 });
 * set.indices; // => [0]
 * set.guarantee; // => 'minimal'
 * set.sizeBound; // => 4
 * ```
 */
export function universalSet<const K extends Keys>(
  keys: K,
  options: UniversalSetOptions,
): ResultFor<K, UniversalSet> {
  return run(universalSetSteps(keys, options), options, 'universalSet');
}

/** {@link universalSet} that lets the event loop run in between. */
export function universalSetAsync<const K extends Keys>(
  keys: K,
  options: UniversalSetOptions,
): Promise<ResultFor<K, UniversalSet>> {
  return runAsync(universalSetSteps(keys, options), options, 'universalSetAsync');
}

/** {@link universalSet} as a generator that yields its progress. */
export function* universalSetSteps<const K extends Keys>(
  keys: K,
  options: UniversalSetOptions,
): Steps<ResultFor<K, UniversalSet>> {
  const heads = headsOf(keys, 'universalSet: keys');
  return resultFor(heads, yield* setsOf(heads, options, 'universalSet'));
}

/** The sets of all heads; `caller` opens error messages. */
export function* setsOf(heads: Heads, options: UniversalSetOptions, caller: string): Steps<UniversalSet[]> {
  checkOptionsObject(options, caller, '{ epsilon: 0.05 }', [
    'epsilon',
    'top',
    'f',
    'exact',
    'centre',
    'budget',
  ]);
  const { f = power(2), centre = false } = options;
  checkOptions(options, heads.n, caller);
  checkWeight(f, caller);
  if (options.exact && !(f.power !== undefined && f.power >= 1))
    throw new RangeError(`${caller}: exact is for f = power(p) with p >= 1, got ${f.name}`);
  const results: UniversalSet[] = [];
  for (const [i, entry] of heads.list.entries()) {
    const { matrix } = entry;
    const where = placeOfHead(heads, entry, `${caller}: keys`);
    const selection = yield* select(centre ? centred(matrix) : matrix, where, f, options);
    results.push(universalSetOf(heads.n, heads.d, f.name, selection));
    if (!heads.flat) yield { phase: 'heads', done: i + 1, total: heads.list.length };
  }
  return results;
}

function* select(
  matrix: KeyMatrix,
  where: string,
  f: WeightFunction,
  { epsilon, top, exact = false, budget = DEFAULT_BUDGET }: UniversalSetOptions,
): Steps<Selection> {
  if (f.power === 2) return yield* quadraticSet(matrix, where, { epsilon, top, exact });
  if (f.power !== undefined) return yield* powerSet(matrix, where, f.power, { epsilon, top, exact, budget });
  return yield* peeledSet(matrix, where, f, { epsilon, top });
}

function checkOptions({ epsilon, top, budget }: UniversalSetOptions, n: number, caller: string): void {
  if ((epsilon === undefined) === (top === undefined))
    throw new TypeError(`${caller}: give exactly one of epsilon and top`);
  if (epsilon !== undefined) checkEpsilon(epsilon, caller);
  if (top !== undefined && !(Number.isSafeInteger(top) && top > 0 && top <= n))
    throw new RangeError(
      `${caller}: top must be a whole number from 1 to ${n} (the number of keys), got ${top}`,
    );
  if (budget !== undefined && !(typeof budget === 'number' && budget > 0))
    throw new RangeError(`${caller}: budget must be positive, got ${budget}`);
}
