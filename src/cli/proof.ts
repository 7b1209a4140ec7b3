/** Shows, by plain sums, that a universal set for p = 2 misses no key: by brute force and by the worst queries there are. */
import type { Floats, KeyMatrix } from '../keys.js';
import { accurateDot } from '../scores/accurate-dot.js';
import type { Steps } from '../steps.js';

/** What brute force found about the scores of real queries. */
export interface RealQueries {
  /** Scores computed, one by one. */
  readonly scores: number;
  /** How many of them are at least epsilon, and how many of those lie on keys outside the set. */
  readonly heavy: number;
  readonly outside: number;
}

/** Multiply-adds that brute force may take for a head; of more queries than that pays for, evenly spaced ones are looked at. */
const mostWork = 2e8;

/** Every score (q.k)^2 / sum (q.k')^2 of the queries, [m, d], over the keys, [n, d]: O(m n d). */
export function* bruteForceSteps(
  queries: KeyMatrix,
  keys: KeyMatrix,
  set: { has(key: number): boolean },
  epsilon: number,
): Steps<RealQueries> {
  const { n, d } = keys;
  const count = Math.min(queries.n, Math.max(16, Math.floor(mostWork / (n * d))));
  const columns: number[] = [];
  for (let i = 0; i < count; i++) {
    const row = Math.floor((i * queries.n) / count);
    shares(queries.rows(row, row + 1), keys).forEach((share, j) => {
      if (share >= epsilon) columns.push(j);
    });
    yield { phase: 'brute force', done: i, total: count };
  }
  return {
    scores: count * n,
    heavy: columns.length,
    outside: columns.filter((column) => !set.has(column)).length,
  };
}

/** What the worst query of each key reaches. */
export interface WorstQueries {
  /** Over the keys of the set: the least share, and the largest difference from the score that the library reports. */
  readonly leastInside: number;
  readonly difference: number;
  /** Over all other keys: the largest share. */
  readonly mostOutside: number;
}

/**
 * No query y gives key k_j more than y = (K^T K)^-1 k_j does (Cauchy-Schwarz in the inner product of K^T K), so trying that one
 * query decides about the key. Keys must have full rank.
 */
export function worstQueries(keys: KeyMatrix, set: ReadonlyMap<number, number>): WorstQueries {
  const solve = gramSolver(keys);
  let leastInside = 1;
  let difference = 0;
  let mostOutside = 0;
  for (let j = 0; j < keys.n; j++) {
    const share = shares(solve(keys.rows(j, j + 1)), keys)[j];
    const score = set.get(j);
    if (score === undefined) mostOutside = Math.max(mostOutside, share);
    else {
      leastInside = Math.min(leastInside, share);
      difference = Math.max(difference, Math.abs(share - score));
    }
  }
  return { leastInside, difference, mostOutside };
}

/** The shares of one query over all keys. */
function shares(query: Floats, keys: KeyMatrix): Float64Array {
  const { n, d } = keys;
  const k = keys.rows(0, n);
  const weights = new Float64Array(n);
  let total = 0;
  for (let j = 0; j < n; j++) {
    // Where terms cancel a plain sum would be rounding alone, which no set knows of.
    const dot = accurateDot(query, 0, k, j * d, d);
    total += weights[j] = dot * dot;
  }
  return total > 0 ? weights.map((weight) => weight / total) : weights;
}

/** Solves (K^T K) y = k by Cholesky's factorisation in float64. */
function gramSolver(keys: KeyMatrix): (k: ArrayLike<number>) => Float64Array {
  const { n, d } = keys;
  const k = keys.rows(0, n);
  const factor = new Float64Array(d * d);
  for (let a = 0; a < d; a++)
    for (let b = 0; b <= a; b++) {
      let sum = 0;
      for (let j = 0; j < n; j++) sum += k[j * d + a] * k[j * d + b];
      for (let c = 0; c < b; c++) sum -= factor[a * d + c] * factor[b * d + c];
      factor[a * d + b] = a === b ? Math.sqrt(sum) : sum / factor[b * d + b];
    }
  return (right) => {
    const y = Float64Array.from(right);
    for (let a = 0; a < d; a++) {
      for (let c = 0; c < a; c++) y[a] -= factor[a * d + c] * y[c];
      y[a] /= factor[a * d + a];
    }
    for (let a = d - 1; a >= 0; a--) {
      for (let c = a + 1; c < d; c++) y[a] -= factor[c * d + a] * y[c];
      y[a] /= factor[a * d + a];
    }
    return y;
  };
}
