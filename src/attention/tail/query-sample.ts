/** A few of a head's queries, and the attention that they pay: what clusters are measured by and moments are judged by. */
import type { Floats } from '../../keys.js';
import type { Steps } from '../../steps.js';
import { dotProducts, STEP_WORK } from '../selectors/points.js';
import type { StoredPairs } from './stored-pairs.js';
import type { TailHead } from './tail.js';

/** Queries of a sample at most. */
const MOST = 32;

/** Queries [count, d] with what they see. */
export interface QuerySample {
  readonly rows: Floats;
  readonly count: number;
  /** [count]: the number of keys that each sees. */
  readonly visible: Uint32Array;
}

/**
 * At most 32 of the queries at equal distances, from the first one on or from between those: a sample to make pairs by, and another one
 * to judge them by.
 */
export function sampleQueries({ q, n, m, d, causal }: TailHead, which: 'first' | 'between'): QuerySample {
  const all = q.length / d;
  const count = Math.min(all, MOST);
  const rows = q instanceof Float32Array ? new Float32Array(count * d) : new Float64Array(count * d);
  const visible = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const at = Math.floor(((i + (which === 'first' ? 0 : 0.5)) * all) / count);
    rows.set(q.subarray(at * d, (at + 1) * d), i * d);
    visible[i] = causal ? (at % m) + n - m + 1 : n;
  }
  return { rows, count, visible };
}

/** What a sample of queries attends to, with softmax weights. */
export interface SampleMass {
  /** [n]: the probabilities of each key, summed over the queries. */
  readonly mass: Float64Array;
  /** [count]: log sum_j exp(scale <q,k_j>). */
  readonly logSums: Float64Array;
}

/** O(n d) a query. */
export function* massOf(sample: QuerySample, { k, n, d, scale }: TailHead): Steps<SampleMass> {
  const keys = k instanceof Float64Array ? k : new Float64Array(k);
  const rows = new Float64Array(sample.rows);
  const mass = new Float64Array(n);
  const logSums = new Float64Array(sample.count);
  const scores = new Float64Array(n);
  let work = 0;
  for (let i = 0; i < sample.count; i++) {
    const visible = sample.visible[i];
    dotProducts(rows, i, keys, visible, d, scores);
    let largest = Number.NEGATIVE_INFINITY;
    for (let j = 0; j < visible; j++) largest = Math.max(largest, scores[j]);
    let total = 0;
    for (let j = 0; j < visible; j++) {
      scores[j] = Math.exp(scale * (scores[j] - largest));
      total += scores[j];
    }
    for (let j = 0; j < visible; j++) mass[j] += scores[j] / total;
    logSums[i] = scale * largest + Math.log(total);
    work += visible * d;
    if (work < STEP_WORK) continue;
    work = 0;
    yield { phase: 'query sample', done: i, total: sample.count };
  }
  return { mass, logSums };
}

/** Exact outputs [count, dv] of a sample. */
export function exactOutputs(sample: QuerySample, head: TailHead): Floats {
  return outputs(sample, head, head.k, head.v, sample.visible);
}

/** |a - exact| in the Frobenius norm, a being what the sample gets from stored pairs. */
export function errorOf(sample: QuerySample, head: TailHead, pairs: StoredPairs, exact: Floats): number {
  const limits = Uint32Array.from(sample.visible, (visible) => firstUnseen(pairs.last, visible));
  const out = outputs(sample, head, pairs.keys, pairs.values, limits, pairs.logWeights);
  return distance(out, exact);
}

/** |a - b| in the Frobenius norm. */
export function distance(a: Floats, b: Floats): number {
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i] - b[i]));
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += largest > 0 ? ((a[i] - b[i]) / largest) ** 2 : 0;
  return largest * Math.sqrt(sum);
}

/** How many pairs a query sees that sees the first `visible` keys. */
export function firstUnseen(last: Int32Array, visible: number): number {
  let low = 0;
  let high = last.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (last[middle] < visible) low = middle + 1;
    else high = middle;
  }
  return low;
}

function outputs(
  { rows, count }: QuerySample,
  { d, dv, scale, power, attend }: TailHead,
  k: Floats,
  v: Floats,
  limits: Uint32Array,
  logWeights?: Float64Array,
): Floats {
  const out =
    v instanceof Float32Array && rows instanceof Float32Array
      ? new Float32Array(count * dv)
      : new Float64Array(count * dv);
  attend({ q: rows, k, v, out, m: count, n: k.length / d, d, dv, scale, power, limits, logWeights });
  return out;
}
