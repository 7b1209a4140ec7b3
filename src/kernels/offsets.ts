/** What masks and log-weights add to the logarithms of weights, taken relative to the largest for each query. */
import type { Floats } from '../keys.js';
import type { AttendCall, AttendMask } from './kernels.js';

/** Weights further apart than exp of this need a shift that is of each query's own. */
const MOST_SPREAD = 64;

/** What of a call offsets are made of. */
type OffsetCall = Pick<AttendCall, 'm' | 'n' | 'limits' | 'logWeights' | 'mask'>;

/** Offsets o_ij <= 0: what is added for query i and key j is o_ij + shifts[i]. */
export interface Offsets {
  /** [m]; finite. */
  readonly shifts: Float64Array;
  /** Whether offsets differ between queries. */
  readonly byQuery: boolean;
  /** Writes `factor` times the offsets of query i for `count` keys from `first` on, `step` apart from target[at] on. */
  fill(
    i: number,
    first: number,
    count: number,
    factor: number,
    target: Float64Array,
    at: number,
    step: number,
  ): void;
}

/**
 * Writes the offsets of the queries [query, query + queries) for `count` keys from `first` on as the kernels read them: one for each key, or
 * [tile, 8] for each group of eight queries; in powers of two.
 */
export function stageOffsets(
  offsets: Offsets,
  query: number,
  queries: number,
  first: number,
  count: number,
  tile: number,
  target: Float64Array,
): void {
  if (!offsets.byQuery) {
    offsets.fill(0, first, count, Math.LOG2E, target, 0, 1);
    return;
  }
  const size = tile * 8;
  // Lanes without a query see nothing.
  if (queries % 8 > 0)
    target.fill(Number.NEGATIVE_INFINITY, Math.floor(queries / 8) * size, Math.ceil(queries / 8) * size);
  for (let i = 0; i < queries; i++) {
    const lane = Math.floor(i / 8) * size + (i % 8);
    offsets.fill(query + i, first, count, Math.LOG2E, target, lane, 8);
  }
}

/**
 * The offsets of a call, undefined where nothing is added. Scores that are added to an offset thus lose no digits to a large one that all keys
 * of a query share.
 */
export function offsetsOf(call: OffsetCall): Offsets | undefined {
  const { logWeights, mask } = call;
  if (mask) return maskOffsets(call, mask);
  return logWeights && keyOffsets(call, logWeights);
}

function keyOffsets(call: OffsetCall, logWeights: Floats): Offsets {
  let largest = Number.NEGATIVE_INFINITY;
  let smallest = Number.POSITIVE_INFINITY;
  for (const b of logWeights) {
    if (b === Number.NEGATIVE_INFINITY) continue;
    largest = Math.max(largest, b);
    smallest = Math.min(smallest, b);
  }
  // Under limits the largest may be out of sight.
  if (call.limits && largest - smallest > MOST_SPREAD)
    return maskOffsets(call, { data: new Float64Array(1), stride: 0, step: 0 });
  const shift = Number.isFinite(largest) ? largest : 0;
  return {
    shifts: new Float64Array(call.m).fill(shift),
    byQuery: false,
    fill(_, first, count, factor, target, at, step) {
      for (let j = 0; j < count; j++) target[at + j * step] = factor * (logWeights[first + j] - shift);
    },
  };
}

function maskOffsets(call: OffsetCall, mask: AttendMask): Offsets {
  const { m, n, limits, logWeights } = call;
  const shifts = new Float64Array(m);
  // Visible or not has offsets of zero as it is.
  if (!(mask.data instanceof Uint8Array) || logWeights)
    for (let i = 0; i < m; i++) {
      // One row for all queries has one largest entry, unless they see different keys.
      const isSame = i > 0 && mask.stride === 0 && (!limits || limits[i] === limits[i - 1]);
      const largest = isSame ? shifts[i - 1] : largestOf(mask, i, limits ? limits[i] : n, logWeights);
      if (largest > Number.NEGATIVE_INFINITY) shifts[i] = largest;
    }
  return {
    shifts,
    byQuery: true,
    fill(i, first, count, factor, target, at, every) {
      const shift = shifts[i];
      const { data, stride, step } = mask;
      let from = i * stride + first * step;
      const end = at + count * every;
      if (data instanceof Uint8Array)
        for (let to = at; to < end; to += every, from += step)
          target[to] = data[from] === 0 ? Number.NEGATIVE_INFINITY : 0;
      else if (!logWeights)
        for (let to = at; to < end; to += every, from += step) target[to] = factor * (data[from] - shift);
      else for (let to = at; to < end; to += every, from += step) target[to] = data[from];
      if (logWeights)
        for (let to = at, j = first; to < end; to += every, j++)
          target[to] = factor * (target[to] + logWeights[j] - shift);
    },
  };
}

/** The largest number that is added for query i among the first `end` keys. */
function largestOf({ data, stride, step }: AttendMask, i: number, end: number, logWeights?: Floats): number {
  const hides = data instanceof Uint8Array;
  let largest = Number.NEGATIVE_INFINITY;
  let from = i * stride;
  for (let j = 0; j < end; j++, from += step) {
    let x = data[from];
    if (hides) x = x === 0 ? Number.NEGATIVE_INFINITY : 0;
    if (logWeights) x += logWeights[j];
    if (x > largest) largest = x;
  }
  return largest;
}
