/** Lifetimes of keys under causal attention: from when until when each key can be heavy (docs/algorithms.md, section 6). */

import { runAsync } from '../kernels/run-async.js';
import {
  checkEpsilon,
  checkOptionsObject,
  headsOf,
  type KeyMatrix,
  type Keys,
  placeOfHead,
  type ResultFor,
  resultFor,
} from '../keys.js';
import { eachBlock } from '../scores/gram.js';
import { type CallOptions, run, type Steps } from '../steps.js';
import { OnlineKeys } from './online-keys.js';

/** Options of {@link keyLifetimes}. */
export interface KeyLifetimesOptions extends CallOptions {
  /** The threshold of the attention score, in (0, 1]. */
  readonly epsilon: number;
}

/** The lifetimes of the keys of one matrix. */
export interface KeyLifetimes {
  readonly n: number;
  readonly d: number;
  /** Numerical rank of all keys; of those held, where no factor was certified and not all keys so far were held. */
  readonly rank: number;
  readonly epsilon: number;
  /**
   * `minimal`: key j can be heavy for a query that sees keys 0..t exactly for t = j .. lastNeeded[j]. `superset`: it certainly cannot
   * outside; for the keys in `undecided` perhaps not up to the end either.
   */
  readonly guarantee: 'minimal' | 'superset';
  /** Shape [n]: the last position at which key j can be heavy, j - 1 where there is none. Float64Array: positions stay exact up to 2^53. */
  readonly lastNeeded: Float64Array;
  /** Keys whose lifetime may have ended before `lastNeeded`, ascending: within rounding, or where no factor was certified. */
  readonly undecided: readonly number[];
  /** Shape [n]: how many keys are alive at each position, those j with j <= t <= lastNeeded[j]. */
  readonly alive: Uint32Array;
  /** The largest of these. */
  readonly peak: number;
  /** The theory's bound of them: rank/epsilon. */
  readonly sizeBound: number;
}

/**
 * Lifetimes of keys K, [n, d] or each head of [batch, heads, n, d], under causal attention with f(x) = x^2: a query at position t sees
 * keys 0..t, and key j can have a score >= epsilon there exactly if tau_j(K_0..t) >= epsilon. That score only falls with t, so
 *
 *     lastNeeded[j] = max { t >= j : tau_j(K_0..t) >= epsilon },   j - 1 where there is none.
 *
 * A cache that holds key j until lastNeeded[j] misses no score >= epsilon, for every query there could be, and holds at most rank/epsilon
 * keys at a time. The keys alive at the end are the universal set of all keys; those with lastNeeded[j] >= j are the
 * keys that an online keep/skip decision keeps. Token by token: {@link OnlineKeys}, which this runs.
 *
 * One pass, O(n (d^2 + alive d)) time, O(d^2 log n + d^2/epsilon) memory beside the result. A key may be kept longer for rounding, never
 * dropped too early. Ill-conditioned and dependent prefixes cost more and may leave keys undecided (see {@link OnlineKeys}).
 *
 * @throws TypeError or RangeError, one line, for wrong shapes, options, or numbers that are not finite.
 * @see docs/algorithms.md, section 6.
 *
 * @example
 * ```ts
 * import { keyLifetimes } from 'levattention';
 *
 * const { lastNeeded, peak } = keyLifetimes({ data: Float32Array.of(1, 0, 0, 1, 3, 0, 0, 0.5), shape: [4, 2] }, { epsilon: 0.5 });
 * Array.from(lastNeeded); // => [1, 3, 3, 2]
 * peak; // => 2
 * ```
 */
export function keyLifetimes<const K extends Keys>(
  keys: K,
  options: KeyLifetimesOptions,
): ResultFor<K, KeyLifetimes> {
  return run(keyLifetimesSteps(keys, options), options, 'keyLifetimes');
}

/** {@link keyLifetimes} that lets the event loop run in between. */
export function keyLifetimesAsync<const K extends Keys>(
  keys: K,
  options: KeyLifetimesOptions,
): Promise<ResultFor<K, KeyLifetimes>> {
  return runAsync(keyLifetimesSteps(keys, options), options, 'keyLifetimesAsync');
}

/** {@link keyLifetimes} as a generator that yields its progress. */
export function* keyLifetimesSteps<const K extends Keys>(
  keys: K,
  options: KeyLifetimesOptions,
): Steps<ResultFor<K, KeyLifetimes>> {
  const heads = headsOf(keys, 'keyLifetimes: keys');
  checkOptionsObject(options, 'keyLifetimes', '{ epsilon: 0.05 }', ['epsilon']);
  const { epsilon } = options;
  checkEpsilon(epsilon, 'keyLifetimes');
  const results: KeyLifetimes[] = [];
  for (const head of heads.list)
    results.push(yield* lifetimesOf(head.matrix, placeOfHead(heads, head, 'keyLifetimes: keys'), epsilon));
  return resultFor(heads, results);
}

function* lifetimesOf(matrix: KeyMatrix, where: string, epsilon: number): Steps<KeyLifetimes> {
  const { n, d } = matrix;
  const online = new OnlineKeys({ d, epsilon });
  const lastNeeded = new Float64Array(n).fill(n - 1);
  const undecided: number[] = [];
  yield* eachBlock(n, 'lifetimes', (start, end) => {
    const rows = matrix.rows(start, end);
    const wrong = rows.findIndex((entry) => !Number.isFinite(entry));
    if (wrong >= 0)
      throw new RangeError(
        `${where} must be finite, got ${rows[wrong]} at row ${start + Math.floor(wrong / d)}, column ${wrong % d}`,
      );
    for (let j = start; j < end; j++) {
      const { kept, expired, late } = online.push(rows.subarray((j - start) * d, (j - start + 1) * d));
      if (!kept) lastNeeded[j] = j - 1;
      for (const key of expired) lastNeeded[key] = j - 1;
      undecided.push(...late);
    }
  });
  const { expired, late } = online.settle();
  for (const key of expired) lastNeeded[key] = n - 2;
  undecided.push(...late, ...online.undecided);
  const alive = aliveCounts(lastNeeded);
  return {
    n,
    d,
    rank: online.rank,
    epsilon,
    guarantee: undecided.length === 0 ? 'minimal' : 'superset',
    lastNeeded,
    undecided: undecided.sort((a, b) => a - b),
    alive,
    peak: alive.reduce((a, b) => Math.max(a, b), 0),
    sizeBound: online.rank / epsilon,
  };
}

/** The number of keys j with j <= t <= lastNeeded[j], for each position t. */
function aliveCounts(lastNeeded: Float64Array): Uint32Array {
  const ending = new Uint32Array(lastNeeded.length + 1);
  for (const last of lastNeeded) ending[last + 1]++;
  let alive = 0;
  return Uint32Array.from(lastNeeded, (_, t) => {
    alive += 1 - ending[t];
    return alive;
  });
}
