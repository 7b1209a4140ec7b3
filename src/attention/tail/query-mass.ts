/** What a few queries attend to: the weights that each key gets from them. */
import type { Attend, AttendCall } from '../../kernels/kernels.js';
import type { Steps } from '../../steps.js';
import { rowsOf } from '../rows.js';
import type { QuerySample } from './query-sample.js';
import type { TailHead } from './tail.js';

/** Multiply-adds between two reports of progress. */
const STEP_WORK = 2 ** 25;

/**
 * [n]: the attention weights of each key, summed over the sample, O(n d) a query. With L_i the log sum of the weights w_ij of query i, the log
 * sum of w_ij / exp(L_i) over the queries is that of an attention in which keys ask and queries are asked, of log-weights -L_i.
 */
export function* massOf(sample: QuerySample, head: TailHead): Steps<Float64Array> {
  const { k, n, d, scale, power, logWeights, attend } = head;
  const { count, visible } = sample;
  const rows = Math.max(1, Math.floor(STEP_WORK / (count * d)));
  const weights = new Float64Array(count).fill(Number.NEGATIVE_INFINITY);
  for (let start = 0; start < n; start += rows) {
    const end = Math.min(start + rows, n);
    const limits = visible.map((limit) => Math.min(Math.max(limit, start) - start, end - start));
    const sums = logSumsOf(attend, {
      q: sample.rows,
      k: k.subarray(start * d, end * d),
      d,
      scale,
      power,
      limits,
      logWeights: logWeights?.subarray(start, end),
    });
    for (let i = 0; i < count; i++) weights[i] = logAdd(weights[i], sums[i]);
    if (end < n) yield { phase: 'query sample', done: end, total: 2 * n };
  }
  // Those that see most come first: each key is seen by the first of them.
  const order = [...visible.keys()].sort((a, b) => visible[b] - visible[a]);
  const asked = {
    k: rowsOf(sample.rows, d, order),
    logWeights: Float64Array.from(order, (i) =>
      weights[i] === Number.NEGATIVE_INFINITY ? weights[i] : -weights[i],
    ),
  };
  const mass = new Float64Array(n);
  let seeing = count;
  for (let start = 0; start < n; start += rows) {
    const end = Math.min(start + rows, n);
    const limits = new Uint32Array(end - start);
    for (let j = start; j < end; j++) {
      while (seeing > 0 && visible[order[seeing - 1]] <= j) seeing--;
      limits[j - start] = seeing;
    }
    const q = k.subarray(start * d, end * d);
    mass.set(logSumsOf(attend, { ...asked, q, d, scale, power, limits }), start);
    yield { phase: 'query sample', done: n + end, total: 2 * n };
  }
  for (let j = 0; j < n; j++) mass[j] = Math.exp(mass[j] + (logWeights?.[j] ?? 0));
  return mass;
}

/** [m]: the logarithms of the sums of weights of an attention without values. */
function logSumsOf(
  attend: Attend,
  call: Pick<AttendCall, 'q' | 'k' | 'd' | 'scale' | 'power' | 'logWeights'> & {
    readonly limits: Uint32Array;
  },
): Float64Array {
  const { q, k, d, limits } = call;
  const [m, n] = [q.length / d, k.length / d];
  const single = q instanceof Float32Array && k instanceof Float32Array;
  const zeros = (length: number) => (single ? new Float32Array(length) : new Float64Array(length));
  const logSums = new Float64Array(m);
  attend({
    ...call,
    limits: limits.every((limit) => limit === n) ? undefined : limits,
    v: zeros(n),
    out: zeros(m),
    m,
    n,
    dv: 1,
    logSums,
  });
  return logSums;
}

/** log(e^a + e^b). */
function logAdd(a: number, b: number): number {
  const most = Math.max(a, b);
  return most === Number.NEGATIVE_INFINITY ? most : most + Math.log1p(Math.exp(Math.min(a, b) - most));
}
