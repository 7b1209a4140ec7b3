/**
 * Attention on the WASM kernels: queries and keys in chunks, so that memory is bounded for any number of
 * them.
 */

import { attend } from './generated/attend.js';
import type { AttendCall } from './kernels.js';
import { type AttendExports, KernelInstance, Layout } from './module.js';
import { referenceAttend } from './reference-attend.js';

/** Bytes of packed keys and values that are in memory at a time, and of the records of a chunk of queries. */
const KEY_BYTES = 16 << 20;
const QUERY_BYTES = 1 << 20;

/** Queries that share a record, see assembly/attend.ts. */
const GROUP = 8;

/** Where the largest score starts: below every logit; for power weights, at the least normal number. */
const LOWEST = -3e38;
const LEAST = 2 ** -126;

type NarrowCall = AttendCall & Record<'q' | 'k' | 'v' | 'out', Float32Array>;

function isNarrow(call: AttendCall): call is NarrowCall {
  return [call.q, call.k, call.v, call.out].every((data) => data instanceof Float32Array);
}

/**
 * What queries are multiplied by, given the largest entries of queries and keys. Softmax: scale and log2(e),
 * as the kernel works with powers of two. Power weights, which no factor changes: the power of two that
 * brings the largest scores near 1. Undefined where float32 would overflow or lose digits.
 */
function queryFactor({ scale, power, d }: AttendCall, query: number, key: number): number | undefined {
  if (power !== undefined && !(power > 0)) return undefined;
  if (query * key === 0 || (power === undefined && scale === 0)) return 0;
  const exponent = (x: number) => Math.floor(Math.log2(x));
  const factor = power === undefined ? scale * Math.LOG2E : 2 ** -(exponent(query) + exponent(key));
  const size = Math.abs(factor) * query;
  const inRange = (x: number) => x > 2 ** -100 && x < 2 ** 100;
  return inRange(size) && inRange(key) && size * key * d < 1e38 ? factor : undefined;
}

/** How many keys and queries are in memory at a time, and where. */
function layOut({ m, n, d, dv }: AttendCall, exports: AttendExports) {
  const tile = exports.TILE.value as number;
  const keyBytes = tile * d * 4;
  const tileBytes = keyBytes + tile * Math.ceil(dv / 4) * 16;
  const tiles = Math.min(Math.ceil(n / tile), Math.max(1, Math.floor(KEY_BYTES / tileBytes)));
  const recordBytes = exports.recordBytes(d, dv);
  const groups = Math.min(Math.ceil(m / GROUP), Math.max(1, Math.floor(QUERY_BYTES / recordBytes)));
  const rowsAtATime = Math.max(tile, groups * GROUP);
  const layout = new Layout();
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
    scores: layout.take(tile * GROUP * 4),
    records: layout.take(groups * recordBytes),
    packed: layout.take(tiles * tileBytes),
    end: layout.end,
  };
}

let shared: KernelInstance<AttendExports> | undefined;

/** Attention in float32. Calls with float64 arrays, or beyond the range of float32, go to the reference. */
export function wasmAttend(call: AttendCall): void {
  if (!isNarrow(call)) {
    referenceAttend(call);
    return;
  }
  const { q, k, v, out, m, n, d, dv, power = 0, limits } = call;
  const instance = (shared ??= new KernelInstance<AttendExports>(attend));
  const { exports } = instance;
  const at = layOut(call, exports);
  instance.reserve(at.end);

  function stage(data: Float32Array, start: number, end: number): void {
    instance.f32(at.rows, end - start).set(data.subarray(start, end));
  }

  function magnitude(data: Float32Array): number {
    let largest = 0;
    const step = at.rowsAtATime * d;
    for (let start = 0; start < data.length; start += step) {
      const end = Math.min(start + step, data.length);
      stage(data, start, end);
      largest = Math.max(largest, exports.largestMagnitude(at.rows, end - start));
    }
    return largest;
  }

  function packTile(first: number, count: number, target: number): void {
    stage(k, first * d, (first + count) * d);
    exports.packKeys(at.rows, count, d, target);
    stage(v, first * dv, (first + count) * dv);
    exports.packValues(at.rows, count, dv, target + at.keyBytes);
  }

  const factor = queryFactor(call, magnitude(q), magnitude(k));
  if (factor === undefined) {
    referenceAttend(call);
    return;
  }

  const lowest = power > 0 ? LEAST : LOWEST;
  for (let query = 0; query < m; query += at.queriesAtATime) {
    const queries = Math.min(at.queriesAtATime, m - query);
    const groups = Math.ceil(queries / GROUP);
    stage(q, query * d, (query + queries) * d);
    const ends = instance.u32(at.limits, queries);
    if (limits) ends.set(limits.subarray(query, query + queries));
    else ends.fill(n);
    exports.begin(at.rows, queries, d, dv, factor, lowest, at.limits, at.records);
    for (let first = 0; first < n; first += at.tile) {
      const count = Math.min(at.tile, n - first);
      const keys = at.packed + ((first % at.keysAtATime) / at.tile) * at.tileBytes;
      // Keys that all fit stay packed from the first chunk of queries on.
      if (query === 0 || n > at.keysAtATime) packTile(first, count, keys);
      exports.attendTile(keys, keys + at.keyBytes, first, count, d, dv, power, at.records, groups, at.scores);
    }
    exports.finish(at.records, queries, d, dv, at.rows);
    out.set(instance.f32(at.rows, queries * dv), query * dv);
  }
}
