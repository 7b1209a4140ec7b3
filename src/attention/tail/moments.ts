/** The keys that are not kept as one Gaussian: the closed form of their softmax attention from moments of the second order. */
import type { Floats } from '../../keys.js';
import type { Steps } from '../../steps.js';
import { mean, SEGMENTS } from './mean.js';
import {
  distance,
  errorOf,
  exactOutputs,
  firstUnseen,
  type QuerySample,
  sampleQueries,
} from './query-sample.js';
import { regionsOf } from './regions.js';
import { eachAlone, type Grouping, storedPairs } from './stored-pairs.js';
import type { Tail, TailHead } from './tail.js';

/** Moments of some keys and their values: what takes their place, d^2 + d dv + d + dv + 1 numbers. */
export interface Moments {
  readonly count: number;
  /** mu [d] and the mean value [dv]. */
  readonly key: Float64Array;
  readonly value: Float64Array;
  /** C [d, d] and X [d, dv]: covariances of the keys, and of keys and values. */
  readonly keys: Float64Array;
  readonly cross: Float64Array;
}

/** The moments of the rows with the given indices. O(count d (d + dv)). */
export function momentsOf(
  k: Floats,
  v: Floats,
  { d, dv }: { d: number; dv: number },
  rows: readonly number[],
): Moments {
  const count = rows.length;
  const key = new Float64Array(d);
  const value = new Float64Array(dv);
  for (const j of rows) {
    for (let a = 0; a < d; a++) key[a] += k[j * d + a] / count;
    for (let c = 0; c < dv; c++) value[c] += v[j * dv + c] / count;
  }
  const keys = new Float64Array(d * d);
  const cross = new Float64Array(d * dv);
  for (const j of rows)
    for (let a = 0; a < d; a++) {
      const x = (k[j * d + a] - key[a]) / count;
      for (let b = 0; b < d; b++) keys[a * d + b] += x * (k[j * d + b] - key[b]);
      for (let c = 0; c < dv; c++) cross[a * dv + c] += x * (v[j * dv + c] - value[c]);
    }
  return { count, key, value, keys, cross };
}

/** What a query q gets from the keys: the log-weight log r + s <q,mu> + s^2 q^T C q / 2 and the value v + s X^T q; `Cq` is left in `work`. */
export function gaussianTerm(
  { count, key, value, keys, cross }: Moments,
  q: Floats,
  at: number,
  scale: number,
  work: Float64Array,
  out: Float64Array,
): number {
  const d = key.length;
  const dv = value.length;
  let linear = 0;
  let square = 0;
  out.set(value);
  for (let a = 0; a < d; a++) {
    const x = q[at + a];
    linear += x * key[a];
    let sum = 0;
    for (let b = 0; b < d; b++) sum += keys[a * d + b] * q[at + b];
    work[a] = sum;
    square += x * sum;
    for (let c = 0; c < dv; c++) out[c] += scale * x * cross[a * dv + c];
  }
  return Math.log(count) + scale * linear + (scale * scale * square) / 2;
}

/**
 * Adds the closed form to attention over pairs: outputs [m, dv] and log sums [m] of queries [m, d] become those with one term more.
 * O(d (d + dv)) a query.
 */
export function addMoments(
  moments: Moments,
  q: Floats,
  scale: number,
  out: Floats,
  logSums: Float64Array,
): void {
  const d = moments.key.length;
  const dv = moments.value.length;
  const work = new Float64Array(d);
  const term = new Float64Array(dv);
  for (let i = 0; i < logSums.length; i++) {
    const logWeight = gaussianTerm(moments, q, i * d, scale, work, term);
    const share = 1 / (1 + Math.exp(logSums[i] - logWeight));
    for (let c = 0; c < dv; c++) out[i * dv + c] += share * (term[c] - out[i * dv + c]);
    logSums[i] = Math.max(logWeight, logSums[i]) + Math.log1p(Math.exp(-Math.abs(logWeight - logSums[i])));
  }
}

/** `count` - 1 keys, the moments of the others that all queries see, and means of those that come later. */
function* grouped(head: TailHead, count: number): Steps<Grouping> {
  const { n, m, causal, choose, always } = head;
  const common = causal ? n - m + 1 : n;
  const most = Math.max(1, Math.min(count - always.length, Math.floor(count / 2)));
  const regions = regionsOf(head, SEGMENTS, most);
  const kept = Math.max(1, count - regions.length);
  const members = eachAlone(n, yield* choose(kept));
  const rest: number[] = [];
  let next = kept;
  for (const { start, end } of regions) {
    const light: number[] = [];
    for (let j = start; j < end; j++) if (members[j] < 0) light.push(j);
    if (end <= common) rest.push(...light);
    else if (light.length > 0) {
      for (const j of light) members[j] = next;
      next++;
    }
  }
  return { members, rest };
}

/** The error of the closed form on a sample. */
function errorWithMoments(
  sample: QuerySample,
  head: TailHead,
  grouping: Grouping,
  rest: readonly number[],
  exact: Floats,
): number {
  const { k, v, d, dv, scale, attend } = head;
  const pairs = storedPairs(k, v, grouping);
  const out = exact.slice();
  const logSums = new Float64Array(sample.count);
  const limits = Uint32Array.from(sample.visible, (visible) => firstUnseen(pairs.last, visible));
  const { keys, values, logWeights } = pairs;
  const n = logWeights.length;
  attend({
    q: sample.rows,
    k: keys,
    v: values,
    out,
    m: sample.count,
    n,
    d,
    dv,
    scale,
    limits,
    logWeights,
    logSums,
  });
  addMoments(momentsOf(k, v, head, rest), sample.rows, scale, out, logSums);
  return distance(out, exact);
}

/**
 * Keys as the selector chooses them and the closed form of the rest. Where attention to the rest is concentrated the form overshoots, so each
 * head is tried on at most 32 of its queries, and takes the tail `mean` where that errs less.
 */
export const moments: Tail = {
  name: 'moments',
  single: false,
  softmaxOnly: true,
  *group(head, count) {
    const byMean = yield* mean.group(head, count);
    if (count === head.always.length) return byMean;
    const byMoments = yield* grouped(head, count);
    const { rest = [] } = byMoments;
    if (rest.length === 0) return byMean;
    const sample = sampleQueries(head, 'between');
    const exact = exactOutputs(sample, head);
    const wanted = errorWithMoments(sample, head, byMoments, rest, exact);
    return wanted < errorOf(sample, head, storedPairs(head.k, head.v, byMean), exact) ? byMoments : byMean;
  },
};
