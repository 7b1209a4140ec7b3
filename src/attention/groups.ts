/** Attention of the query heads that share one key head, in blocks of queries that take some milliseconds each. */
import type { Floats } from '../keys.js';
import type { Progress, Steps } from '../steps.js';
import type { AttentionInputs } from './inputs.js';

/** Multiply-adds between two reports of progress. */
const STEP_WORK = 2 ** 26;

/** Queries of a block at least, so that a kernel's own copy of the keys costs little beside the attention itself. */
const LEAST_QUERIES = 256;

/** Counts what is done over all heads, so that small heads share one step. */
export interface Pace {
  readonly total: number;
  done: number;
  work: number;
}

/** A pace that counts the queries of all heads. */
export function paceOf({ batches, queryHeads, m }: AttentionInputs): Pace {
  return { total: batches * queryHeads * m, done: 0, work: 0 };
}

/** What the queries of a group look at: some keys [n, d] and their values [n, dv]. */
export interface GroupCall {
  /** batch * keyHeads + key head. */
  readonly index: number;
  readonly k: Floats;
  readonly v: Floats;
  readonly n: number;
  readonly dv: number;
  /** [group * m]: query i of the stacked heads sees the first limits[i] of the n keys; all of them without it. */
  readonly limits?: Uint32Array;
  /** [group * m, dv]. */
  readonly out: Floats;
}

/** Attends the group's queries, [group * m, d], to the keys of the call. */
export function* attendGroup(inputs: AttentionInputs, call: GroupCall, pace: Pace): Steps<void> {
  const { group, m, d, scale, power, attend } = inputs;
  const { index, k, v, n, dv, limits, out } = call;
  const queries = group * m;
  const q = inputs.q.subarray(index * queries * d, (index + 1) * queries * d);
  const block = Math.max(LEAST_QUERIES, Math.floor(STEP_WORK / (n * (d + dv))));
  for (let start = 0; start < queries; start += block) {
    const end = Math.min(start + block, queries);
    const blockLimits = limits?.subarray(start, end);
    const visible = blockLimits ? blockLimits.reduce((a, b) => Math.max(a, b), 0) : n;
    attend({
      q: q.subarray(start * d, end * d),
      k: k.subarray(0, visible * d),
      v: v.subarray(0, visible * dv),
      out: out.subarray(start * dv, end * dv),
      m: end - start,
      n: visible,
      d,
      dv,
      scale,
      power,
      limits: blockLimits,
    });
    pace.done += end - start;
    pace.work += (end - start) * visible * (d + dv);
    if (pace.work < STEP_WORK) continue;
    pace.work = 0;
    yield progress(pace);
  }
}

function progress({ done, total }: Pace): Progress {
  return { phase: 'attention', done, total };
}

/** [group * m]: how many of all n keys each query of a group sees under the causal mask; undefined without a mask. */
export function causalLimits({ causal, group, m, n }: AttentionInputs): Uint32Array | undefined {
  if (!causal) return undefined;
  return Uint32Array.from({ length: group * m }, (_, i) => (i % m) + n - m + 1);
}
