/** Attention of the query heads that share one key head, in blocks of queries that take some milliseconds each. */
import type { AttendMask } from '../kernels/kernels.js';
import type { Floats } from '../keys.js';
import type { Progress, Steps } from '../steps.js';
import type { AttentionInputs } from './inputs.js';
import { isHidden, logWeightsOfHead, maskOfQueries } from './masks.js';

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
  /** Which keys of the head these are, for its mask; all unless given. */
  readonly columns?: readonly number[];
  /** [n]. */
  readonly logWeights?: Floats;
  /** [group * m, dv]. */
  readonly out: Floats;
  /** [group * m], written: as in an `AttendCall`. */
  readonly logSums?: Float64Array;
}

/** Where a key head is, counted over all batches. */
export function placeOfGroup({ keyHeads }: AttentionInputs, index: number) {
  return { batch: Math.floor(index / keyHeads), head: index % keyHeads };
}

/** [n]: the caller's log-weights of a key head, of the keys in `columns` if given; undefined where there are none. */
export function groupLogWeights(
  inputs: AttentionInputs,
  index: number,
  columns?: readonly number[],
): Floats | undefined {
  const { batch, head } = placeOfGroup(inputs, index);
  return inputs.logWeights && logWeightsOfHead(inputs.logWeights, batch, head, inputs.n, columns);
}

/** The mask of the queries [start, end) of a group, all of one query head; undefined where there is none. */
export function groupMask(
  inputs: AttentionInputs,
  index: number,
  start: number,
  end: number,
  columns?: readonly number[],
): AttendMask | undefined {
  const { attnMask, group, m } = inputs;
  if (!attnMask) return undefined;
  const { batch, head } = placeOfGroup(inputs, index);
  const [within, row] = [Math.floor(start / m), start % m];
  return maskOfQueries(attnMask, batch, head * group + within, row, row + end - start, columns);
}

/** Whether mask and log-weights leave the key j visible to the query i of a group; nothing is said of the causal mask. */
export function visibility(inputs: AttentionInputs, index: number): (i: number, j: number) => boolean {
  const { attnMask, m, group } = inputs;
  const logWeights = groupLogWeights(inputs, index);
  const { batch, head } = placeOfGroup(inputs, index);
  return (i, j) =>
    !(logWeights?.[j] === Number.NEGATIVE_INFINITY) &&
    !(attnMask && isHidden(attnMask, batch, head * group + Math.floor(i / m), i % m, j));
}

/** Attends the group's queries, [group * m, d], to the keys of the call. */
export function* attendGroup(inputs: AttentionInputs, call: GroupCall, pace: Pace): Steps<void> {
  const { group, m, d, scale, power, attend, attnMask } = inputs;
  const { index, k, v, n, dv, limits, columns, logWeights, out, logSums } = call;
  const queries = group * m;
  const q = inputs.q.subarray(index * queries * d, (index + 1) * queries * d);
  const block = Math.max(LEAST_QUERIES, Math.floor(STEP_WORK / (n * (d + dv))));
  for (let start = 0, end = 0; start < queries; start = end) {
    // Each query head has rows of the mask of its own.
    const headEnd = attnMask ? start - (start % m) + m : queries;
    end = Math.min(start + block, headEnd);
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
      logWeights: logWeights?.subarray(0, visible),
      mask: groupMask(inputs, index, start, end, columns),
      logSums: logSums?.subarray(start, end),
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
