/** How far attention over stored pairs is from attention over all keys: error of the output and divergence of the weights, in float64. */
import { dotProducts } from '../src/attention/selectors/points.js';
import type { Floats, KeyMatrix } from '../src/keys.js';
import type { Head } from './heads.js';

/** Pairs that attention looks at in place of all keys and values: each stands for some of them. */
export interface Pairs {
  /** [s, d] and [s, dv]. */
  readonly keys: Floats;
  readonly values: Floats;
  /** [s]: what is added to the logit of a pair, and how many keys it stands for in the divergence. */
  readonly logWeights: Floats;
  readonly counts: Floats | Uint32Array;
  /** What stands for the other keys as one term of each query, if anything does. */
  readonly rest?: Rest;
}

/** One more term: its weight and value depend on the query. */
export interface Rest {
  /** Keys that it stands for, and their mean [d]. */
  readonly count: number;
  readonly mean: Floats;
  /** [m] log weights and [m, dv] values for the queries [m, d]. */
  terms(q: KeyMatrix): { readonly logWeights: Floats; readonly values: Floats };
}

/** Of one query head: over its test queries. */
export interface Loss {
  /** |out - exact| / |exact| in the Frobenius norm. */
  readonly error: number;
  /**
   * Mean of KL(used || exact) over queries, in nats. A pair's weight is spread evenly over the keys that it stands for, so this is finite
   * for everything, keys that are dropped included: there it is -log of the mass that is kept.
   */
  readonly divergence: number;
}

/** Exact attention of a query head. */
export interface Exact {
  readonly out: Float64Array;
  readonly logSums: Float64Array;
}

/** Attention over all keys, of each query head. */
export function exactOf(head: Head): Exact[] {
  const one = new Float64Array(head.n);
  const all: Pairs = { keys: head.keys, values: head.values, logWeights: one, counts: one.map(() => 1) };
  return head.test.map((q) => attend(head, q, all));
}

/** What each query head loses with these pairs. */
export function lossOf(head: Head, exact: readonly Exact[], pairs: Pairs): Loss[] {
  return head.test.map((q, g) => {
    const { out, logSums, excess } = attend(head, q, pairs);
    let difference = 0;
    let norm = 0;
    for (let i = 0; i < out.length; i++) {
      difference += (out[i] - exact[g].out[i]) ** 2;
      norm += exact[g].out[i] ** 2;
    }
    let divergence = 0;
    for (let i = 0; i < q.n; i++) divergence += (excess[i] + exact[g].logSums[i] - logSums[i]) / q.n;
    return { error: Math.sqrt(difference / norm), divergence: Math.max(0, divergence) };
  });
}

/**
 * Outputs [m, dv], log sums of the weights [m], and the excess [m]: the mean, by used weights, of a pair's log weight above
 * the log of its count. With exact logits at a pair's mean key, KL(used || exact) = excess + exact log sum - used log sum.
 */
function attend(
  { d, dv, scale }: Head,
  q: KeyMatrix,
  { keys, values, logWeights, counts, rest }: Pairs,
): Exact & { excess: Float64Array } {
  const m = q.n;
  const s = logWeights.length;
  const queries = new Float64Array(q.rows(0, m));
  const stored = new Float64Array(keys);
  const logCounts = Float64Array.from(counts, Math.log);
  const terms = rest?.terms(q);
  const out = new Float64Array(m * dv);
  const logSums = new Float64Array(m);
  const excess = new Float64Array(m);
  const weights = new Float64Array(s);
  for (let i = 0; i < m; i++) {
    dotProducts(queries, i, stored, s, d, weights);
    let largest = terms ? terms.logWeights[i] : Number.NEGATIVE_INFINITY;
    for (let j = 0; j < s; j++) {
      weights[j] = weights[j] * scale + logWeights[j];
      if (weights[j] > largest) largest = weights[j];
    }
    let sum = 0;
    const row = out.subarray(i * dv, (i + 1) * dv);
    for (let j = 0; j < s; j++) {
      const weight = Math.exp(weights[j] - largest);
      if (weight === 0) continue;
      sum += weight;
      excess[i] += weight * (logWeights[j] - logCounts[j]);
      for (let c = 0, at = j * dv; c < dv; c++, at++) row[c] += weight * values[at];
    }
    if (terms && rest) {
      const weight = Math.exp(terms.logWeights[i] - largest);
      let logit = 0;
      for (let c = 0; c < d; c++) logit += scale * queries[i * d + c] * rest.mean[c];
      sum += weight;
      excess[i] += weight * (terms.logWeights[i] - logit - Math.log(rest.count));
      for (let c = 0; c < dv; c++) row[c] += weight * terms.values[i * dv + c];
    }
    for (let c = 0; c < dv; c++) row[c] /= sum;
    excess[i] /= sum;
    logSums[i] = largest + Math.log(sum);
  }
  return { out, logSums, excess };
}
