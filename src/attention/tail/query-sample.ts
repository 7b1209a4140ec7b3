/** A few of a head's queries, and the attention that they pay: what clusters are measured by and moments are judged by. */
import type { Floats } from '../../keys.js';
import type { StoredPairs } from './stored-pairs.js';
import type { TailHead } from './tail.js';

/** Queries of a sample at most. */
const MOST = 64;

/** Queries [count, d] with what they see. */
export interface QuerySample {
  readonly rows: Floats;
  readonly count: number;
  /** [count]: the number of keys that each sees. */
  readonly visible: Uint32Array;
}

/** Queries are counted from 0 over all query heads of the group; there are fewer of the odd ones. */
const PARTS = { all: [1, 0], even: [2, 0], odd: [2, 1] } as const;

/**
 * At most 64 of the queries at equal distances: of all, or of every second one, from the first or the second on. So there is a sample to
 * make pairs by and another one to judge them by.
 */
export function sampleQueries(
  { q, n, m, d, limits }: TailHead,
  part: keyof typeof PARTS = 'all',
): QuerySample {
  const [step, offset] = PARTS[part];
  const all = Math.ceil((q.length / d - offset) / step);
  const count = Math.min(all, MOST);
  const rows = q instanceof Float32Array ? new Float32Array(count * d) : new Float64Array(count * d);
  const visible = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const at = Math.floor((i * all) / count) * step + offset;
    rows.set(q.subarray(at * d, (at + 1) * d), i * d);
    visible[i] = limits ? limits[at % m] : n;
  }
  return { rows, count, visible };
}

/** Exact outputs [count, dv] of a sample. */
export function exactOutputs(sample: QuerySample, head: TailHead): Floats {
  return outputs(sample, head, head.k, head.v, sample.visible, head.logWeights);
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
  logWeights?: Floats,
): Floats {
  const out =
    v instanceof Float32Array && rows instanceof Float32Array
      ? new Float32Array(count * dv)
      : new Float64Array(count * dv);
  attend({ q: rows, k, v, out, m: count, n: k.length / d, d, dv, scale, power, limits, logWeights });
  return out;
}
