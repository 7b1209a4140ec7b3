/**
 * Attention on the WASM kernels: queries and keys in chunks, so that memory is bounded for any number of
 * them.
 */

import { attend } from './generated/attend.js';
import type { AttendCall } from './kernels.js';
import { type AttendExports, KernelInstance, Layout } from './module.js';
import { type Offsets, offsetsOf, stageOffsets } from './offsets.js';
import { referenceAttend } from './reference-attend.js';

/** Bytes of packed keys and values that are in memory at a time, and of the records of a chunk of queries. */
const KEY_BYTES = 16 << 20;
const QUERY_BYTES = 1 << 20;

/** Queries that share a record, see assembly/records.ts. */
const GROUP = 8;

/** The least factor of scores: far below all that makes a difference, and its inverse is a number. */
const LEAST_FACTOR = 1e-200;

/** Where the largest score starts: below all of them, and for power weights below all but zero. */
const LOWEST = -1e300;
const LEAST = 1e-300;

/** Where the largest norm of a key is between these, no product of float32 overflows in a narrow group or loses what counts. */
const LEAST_NORM = 1e-27;
const MOST_NORM = 1e30;

type SingleCall = AttendCall & Record<'q' | 'k' | 'v' | 'out', Float32Array>;

function isSingle(call: AttendCall): call is SingleCall {
  return [call.q, call.k, call.v, call.out].every((data) => data instanceof Float32Array);
}

/**
 * What the norm of a query is multiplied by to bound its exponents, given the largest norm of a key; infinite beyond float32. Sums of pieces of
 * 16 terms are off by some 16 + d/16 units: up to d = 128 that is allowed for.
 */
export function reachOf(factor: number, norm: number, d: number): number {
  const growth = Math.max(1, (16 + d / 16) / 24);
  return norm < MOST_NORM ? growth * Math.abs(factor) * Math.max(norm, LEAST_NORM) : Number.POSITIVE_INFINITY;
}

/** What scores are multiplied by to be exponents of two, or the power. */
export function factorOf({ scale, power }: Pick<AttendCall, 'scale' | 'power'>): number {
  const factor = power ?? scale * Math.LOG2E;
  const size = Math.min(Math.max(Math.abs(factor), LEAST_FACTOR), Number.MAX_VALUE);
  return factor < 0 ? -size : size;
}

/** How many keys and queries are in memory at a time, and where. */
function layOut({ m, n, d, dv }: AttendCall, offsets: Offsets | undefined, exports: AttendExports) {
  const tile = exports.TILE.value as number;
  const keyBytes = tile * d * 4;
  const tileBytes = keyBytes + tile * Math.ceil(dv / 4) * 16;
  const tiles = Math.min(Math.ceil(n / tile), Math.max(1, Math.floor(KEY_BYTES / tileBytes)));
  const recordBytes = exports.recordBytes(d, dv);
  const groups = Math.min(Math.ceil(m / GROUP), Math.max(1, Math.floor(QUERY_BYTES / recordBytes)));
  const rowsAtATime = Math.max(tile, groups * GROUP);
  const layout = new Layout();
  const offsetCount = tile * (offsets?.byQuery ? groups * GROUP : 1);
  return {
    tile,
    keyBytes,
    tileBytes,
    keysAtATime: tiles * tile,
    queriesAtATime: groups * GROUP,
    rowsAtATime,
    // Packing and `finish` go up to three numbers beyond the last row.
    rows: layout.take((rowsAtATime * Math.max(d, dv) + 3) * 4),
    limits: layout.take(groups * GROUP * 4),
    work: layout.take(exports.workBytes(d)),
    records: layout.take(groups * recordBytes),
    packed: layout.take(tiles * tileBytes),
    offsetCount,
    offsets: offsets && layout.take(offsetCount * 8),
    normalisers: layout.take(groups * GROUP * 16),
    end: layout.end,
  };
}

let shared: KernelInstance<AttendExports> | undefined;

/**
 * Attention in float32: within 1e-5 of float64, relative to the same attention of |v|, at any logits and powers, but for weights below 2^-127 of the
 * largest, which are zero.
 * Calls with float64 arrays go to the reference.
 */
export function wasmAttend(call: AttendCall): void {
  if (!isSingle(call)) {
    referenceAttend(call);
    return;
  }
  const { q, k, v, out, m, n, d, dv, power, limits, logSums, normalisers } = call;
  const instance = (shared ??= new KernelInstance<AttendExports>(attend));
  const { exports } = instance;
  const offsets = offsetsOf(call);
  const at = layOut(call, offsets, exports);
  instance.reserve(at.end);

  function stage(data: Float32Array, start: number, end: number): void {
    instance.f32(at.rows, end - start).set(data.subarray(start, end));
  }

  function largestNorm(): number {
    let largest = 0;
    for (let row = 0; row < n; row += at.rowsAtATime) {
      const end = Math.min(row + at.rowsAtATime, n);
      stage(k, row * d, end * d);
      largest = Math.max(largest, exports.largestNorm(at.rows, end - row, d));
    }
    return largest;
  }

  function packTile(first: number, count: number, target: number): void {
    stage(k, first * d, (first + count) * d);
    exports.packKeys(at.rows, count, d, target);
    stage(v, first * dv, (first + count) * dv);
    exports.packValues(at.rows, count, dv, target + at.keyBytes);
  }

  /** Puts the offsets of `count` keys from `first` on where the kernel finds them; its address, 0 without offsets. */
  function offsetsAt(query: number, queries: number, first: number, count: number): number {
    if (!offsets || !at.offsets) return 0;
    const target = instance.f64(at.offsets, at.offsetCount);
    stageOffsets(offsets, query, queries, first, count, at.tile, target);
    return at.offsets;
  }

  const isPower = power !== undefined;
  // Softmax in powers of two.
  const factor = factorOf(call);
  const reach = isPower ? Number.POSITIVE_INFINITY : reachOf(factor, largestNorm(), d);
  const isRatio = isPower && !offsets;
  const lowest = isRatio ? LEAST : LOWEST;
  for (let query = 0; query < m; query += at.queriesAtATime) {
    const queries = Math.min(at.queriesAtATime, m - query);
    const groups = Math.ceil(queries / GROUP);
    stage(q, query * d, (query + queries) * d);
    const ends = instance.u32(at.limits, queries);
    if (limits) ends.set(limits.subarray(query, query + queries));
    else ends.fill(n);
    exports.begin(at.rows, queries, d, dv, factor, reach, lowest, at.limits, at.records);
    for (let first = 0; first < n; first += at.tile) {
      const count = Math.min(at.tile, n - first);
      const keys = at.packed + ((first % at.keysAtATime) / at.tile) * at.tileBytes;
      // Keys that all fit stay packed from the first chunk of queries on.
      if (query === 0 || n > at.keysAtATime) packTile(first, count, keys);
      exports.attendTile(
        keys,
        keys + at.keyBytes,
        first,
        count,
        d,
        dv,
        factor,
        isPower,
        offsetsAt(query, queries, first, count),
        offsets?.byQuery ?? false,
        at.records,
        groups,
        at.work,
      );
    }
    exports.finish(at.records, queries, d, dv, at.rows);
    out.set(instance.f32(at.rows, queries * dv), query * dv);
    if (!logSums && !normalisers) continue;
    exports.normalisers(at.records, queries, d, dv, factor, at.normalisers);
    const found = instance.f64(at.normalisers, queries * 2);
    normalisers?.set(found, query * 2);
    if (logSums)
      for (let i = 0; i < queries; i++) {
        const [largest, total] = found.subarray(2 * i, 2 * i + 2);
        const exponent = isRatio ? factor * Math.log2(largest) : Math.abs(factor) * largest;
        logSums[query + i] = (offsets?.shifts[query + i] ?? 0) + (exponent + Math.log2(total)) * Math.LN2;
      }
  }
}
