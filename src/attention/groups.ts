/** Attention of the query heads that share one key head, in blocks of queries that take some milliseconds each. */
import { type AttendPiece, type Pace, passOverCalls, type Share } from '../kernels/attend-pass.js';
import type { AttendBackwardCall, AttendMask } from '../kernels/kernels.js';
import { referenceAttend } from '../kernels/reference-attend.js';
import type { Floats } from '../keys.js';
import type { Steps } from '../steps.js';

import type { AttentionInputs } from './inputs.js';
import { logWeightsOfHead, maskOfQueries } from './masks.js';

/** Multiply-adds of a piece: some milliseconds. */
const PIECE_WORK = 2 ** 25;

/** Queries of a piece at least, so that a kernel's own copy of the keys, and gradients of all keys, cost little beside the rest. */
const LEAST_QUERIES = 256;
const LEAST_BACKWARD = 512;

/** The products of the backward pass are this many times those of the forward pass. */
const BACKWARD_WORK = 2.5;

/** A pace that counts the queries of all heads. */
export function paceOf({ batches, queryHeads, m }: AttentionInputs, phase = 'attention'): Pace {
  return { phase, total: batches * queryHeads * m, done: 0, work: 0 };
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
  /** [group * m, 2], written: as in an `AttendCall`, for {@link backwardGroups}. */
  readonly normalisers?: Float64Array;
}

/** The gradients of a group, from those of its outputs: as in an `AttendBackwardCall`, of group * m queries. */
export type GroupBackwardCall = Omit<GroupCall, 'logSums' | 'normalisers'> &
  Pick<AttendBackwardCall, 'normalisers' | 'dOut' | 'dLogSums' | 'dQ' | 'dK' | 'dV' | 'dLogWeights'>;

/** Where a key head is, counted over all batches. */
export function placeOfGroup({ keyHeads }: AttentionInputs, index: number) {
  return { batch: Math.floor(index / keyHeads), head: index % keyHeads };
}

/** The rows of a group in an array of all query heads, `width` numbers a row. */
export function groupRows<Data extends Floats>(
  { group, m }: AttentionInputs,
  index: number,
  data: Data,
  width: number,
): Data {
  return data.subarray(index * group * m * width, (index + 1) * group * m * width) as Data;
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

/** Some queries of a group, and how many of its keys they may see. */
interface Block {
  readonly start: number;
  readonly end: number;
  readonly visible: number;
}

/** The queries of a group in blocks that do not depend on who works through them. */
function blocksOf(
  inputs: AttentionInputs,
  { n, dv, limits }: GroupCall | GroupBackwardCall,
  least: number,
): Block[] {
  const { group, m, d, attnMask } = inputs;
  const size = Math.max(least, Math.floor(PIECE_WORK / (n * (d + dv))));
  const blocks: Block[] = [];
  for (let start = 0, end = 0; start < group * m; start = end) {
    // Each query head has rows of the mask of its own.
    end = Math.min(start + size, attnMask ? start - (start % m) + m : group * m);
    const visible = limits ? limits.subarray(start, end).reduce((a, b) => Math.max(a, b), 0) : n;
    blocks.push({ start, end, visible });
  }
  return blocks;
}

/** What both passes tell the kernels of a block. */
function blockCall(
  inputs: AttentionInputs,
  { index, k, v, dv, limits, columns, logWeights, out }: GroupCall | GroupBackwardCall,
  { start, end, visible }: Block,
  share: Share,
) {
  const { group, m, d, scale, power, attend } = inputs;
  const first = index * group * m;
  return {
    q: inputs.q.subarray((first + start) * d, (first + end) * d),
    k: share(k).subarray(0, visible * d),
    v: share(v).subarray(0, visible * dv),
    m: end - start,
    n: visible,
    d,
    dv,
    scale,
    power,
    limits: limits?.subarray(start, end),
    logWeights: logWeights?.subarray(0, visible),
    mask: groupMask(inputs, index, start, end, columns),
    single: out instanceof Float32Array,
    reference: attend === referenceAttend,
  };
}

/** Attends the queries of groups, each [group * m, d], to the keys of its call. */
export function attendGroups(inputs: AttentionInputs, calls: readonly GroupCall[], pace: Pace): Steps<void> {
  const { d } = inputs;
  const pieces = calls.flatMap((call) =>
    blocksOf(inputs, call, LEAST_QUERIES).map((block): AttendPiece<'attend'> => {
      const { start, end, visible } = block;
      const { dv, out, logSums, normalisers } = call;
      const asks = (['logSums', 'normalisers'] as const).filter((name) => call[name]);
      return {
        rows: end - start,
        work: (end - start) * visible * (d + dv),
        plan: (share) => ({ ...blockCall(inputs, call, block, share), asks }),
        into: {
          out: out.subarray(start * dv, end * dv),
          logSums: logSums?.subarray(start, end),
          normalisers: normalisers?.subarray(2 * start, 2 * end),
        },
        collect(part) {
          out.set(part.out, start * dv);
          if (part.logSums) logSums?.set(part.logSums, start);
          if (part.normalisers) normalisers?.set(part.normalisers, 2 * start);
        },
      };
    }),
  );
  return passOverCalls('attend', pieces, pace);
}

/** The gradients of {@link attendGroups}. */
export function backwardGroups(
  inputs: AttentionInputs,
  calls: readonly GroupBackwardCall[],
  pace: Pace,
): Steps<void> {
  const { d } = inputs;
  const pieces = calls.flatMap((call) =>
    blocksOf(inputs, call, LEAST_BACKWARD).map((block): AttendPiece<'backward'> => {
      const { start, end, visible } = block;
      const { dv, out, normalisers, dOut, dLogSums, dLogWeights } = call;
      return {
        rows: end - start,
        work: BACKWARD_WORK * (end - start) * visible * (d + dv),
        plan: (share) => ({
          ...blockCall(inputs, call, block, share),
          out: out.subarray(start * dv, end * dv),
          normalisers: normalisers.subarray(2 * start, 2 * end),
          dOut: dOut.subarray(start * dv, end * dv),
          dLogSums: dLogSums?.subarray(start, end),
          asksLogWeights: dLogWeights !== undefined,
        }),
        collect(part) {
          call.dQ.set(part.dQ, start * d);
          addTo(call.dK, part.dK);
          addTo(call.dV, part.dV);
          if (dLogWeights && part.dLogWeights) addTo(dLogWeights, part.dLogWeights);
        },
      };
    }),
  );
  return passOverCalls('backward', pieces, pace);
}

function addTo(sums: Float64Array, part: Float64Array): void {
  for (let i = 0; i < part.length; i++) sums[i] += part[i];
}

/** [group * m]: how many of all n keys each query of a group sees under the causal mask; undefined without a mask. */
export function causalLimits({ causal, group, m, n }: AttentionInputs): Uint32Array | undefined {
  if (!causal) return undefined;
  return Uint32Array.from({ length: group * m }, (_, i) => (i % m) + n - m + 1);
}
