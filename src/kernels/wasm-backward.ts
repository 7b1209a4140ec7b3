/** Gradients of attention on the WASM kernels: blocks of queries over keys that are in memory at a time. */
import { backward } from './generated/backward.js';
import type { AttendBackwardCall } from './kernels.js';
import { type BackwardExports, KernelInstance, Layout } from './module.js';
import { offsetsOf, stageOffsets } from './offsets.js';
import { referenceBackward } from './reference-attend.js';
import { factorOf, reachOf } from './wasm-attend.js';

/** Bytes of packed keys and values, and of their gradients, that are in memory at a time. */
const KEY_BYTES = 32 << 20;

/** Products of the largest norms that neither overflow nor vanish in float32, sums of many of them included. */
const LEAST = 1e-25;
const MOST = 1e30;

/** Where derivatives of |x|^p are inverse to products, norms lie between these. */
const LEAST_NORM = 1e-9;
const MOST_NORM = 1e9;

type SingleCall = AttendBackwardCall & Record<'q' | 'k' | 'v' | 'out' | 'dOut' | 'dQ', Float32Array>;

function isSingle(call: AttendBackwardCall): call is SingleCall {
  return [call.q, call.k, call.v, call.out, call.dOut, call.dQ].every((data) => data instanceof Float32Array);
}

function layOut({ n, d, dv }: AttendBackwardCall, exports: BackwardExports) {
  const tile = exports.TILE.value as number;
  const block = exports.BLOCK.value as number;
  const tileBytes = exports.tileBytes(d, dv);
  const tiles = Math.min(Math.ceil(n / tile), Math.max(1, Math.floor(KEY_BYTES / tileBytes)));
  const layout = new Layout();
  // Packing goes up to seven numbers beyond the last row.
  const rows = (width: number) => layout.take((Math.max(tile, block) * width + 8) * 4);
  return {
    tile,
    block,
    tileBytes,
    keysAtATime: tiles * tile,
    keys: rows(d),
    values: rows(dv),
    queries: rows(d),
    outs: rows(dv),
    gradients: rows(dv),
    normalisers: layout.take(block * 16),
    limits: layout.take(block * 4),
    logSums: layout.take(block * 8),
    offsets: layout.take(block * tile * 8),
    packedBlock: layout.take(exports.blockBytes(d, dv)),
    work: layout.take(exports.workBytes(d)),
    packed: layout.take(tiles * tileBytes),
    end: layout.end,
  };
}

let shared: KernelInstance<BackwardExports> | undefined;

/**
 * Gradients in float32: within 1e-5 of float64 in the Frobenius norm, relative to the same sums over absolute values, at any logits, but for
 * weights below 2^-127 of the largest, which are zero and have no gradient. Calls with float64 arrays go to the reference, and so do powers
 * below one, whose derivatives have no bound, and numbers so large or small that products might leave the range of float32.
 */
export function wasmBackward(call: AttendBackwardCall): void {
  if (!isSingle(call) || !fits(call)) {
    referenceBackward(call);
    return;
  }
  const { q, k, v, out, m, n, d, dv, scale, power, limits, normalisers, dOut, dLogSums, dQ, dLogWeights } =
    call;
  if (n === 0) dQ.fill(0);
  if (n === 0 || m === 0) return;
  const instance = (shared ??= new KernelInstance<BackwardExports>(backward));
  const { exports } = instance;
  const at = layOut(call, exports);
  instance.reserve(at.end);
  const offsets = offsetsOf(call);
  const isPower = power !== undefined;
  const factor = factorOf(call);
  // What is left out of the gradients of scores.
  const slope = isPower ? 1 : scale;

  /** Puts rows where the kernel finds them, zeros behind them up to `count`. */
  function stage(
    data: Float32Array,
    start: number,
    end: number,
    width: number,
    target: number,
    count = 0,
  ): void {
    const rows = instance.f32(target, Math.max(end - start, count) * width);
    rows.set(data.subarray(start * width, end * width));
    rows.fill(0, (end - start) * width);
  }

  function largestNorm(): number {
    let largest = 0;
    for (let first = 0; first < n; first += at.tile) {
      const end = Math.min(first + at.tile, n);
      stage(k, first, end, d, at.keys);
      largest = Math.max(largest, exports.largestNorm(at.keys, end - first, d));
    }
    return largest;
  }

  function packTile(first: number, end: number, tile: number): void {
    stage(k, first, end, d, at.keys);
    stage(v, first, end, dv, at.values);
    exports.packTile(at.keys, at.values, end - first, d, dv, tile);
  }

  function beginBlock(start: number, end: number, reach: number): void {
    stage(q, start, end, d, at.queries, at.block);
    stage(out, start, end, dv, at.outs, at.block);
    stage(dOut, start, end, dv, at.gradients, at.block);
    instance.f64(at.normalisers, 2 * (end - start)).set(normalisers.subarray(2 * start, 2 * end));
    const ends = instance.u32(at.limits, end - start);
    if (limits) ends.set(limits.subarray(start, end));
    else ends.fill(n);
    const logSums = instance.f64(at.logSums, end - start);
    if (dLogSums) logSums.set(dLogSums.subarray(start, end));
    else logSums.fill(0);
    exports.begin(
      at.queries,
      at.outs,
      at.gradients,
      at.normalisers,
      at.limits,
      at.logSums,
      end - start,
      d,
      dv,
      factor,
      reach,
      at.packedBlock,
    );
  }

  function backwardTile(first: number, count: number, tile: number, start: number, queries: number): void {
    if (offsets)
      stageOffsets(
        offsets,
        start,
        queries,
        first,
        count,
        at.tile,
        instance.f64(at.offsets, at.block * at.tile),
      );
    exports.backwardTile(
      tile,
      first,
      count,
      d,
      dv,
      factor,
      isPower,
      offsets ? at.offsets : 0,
      offsets?.byQuery ?? false,
      at.packedBlock,
      queries,
      at.work,
    );
  }

  /** Adds rows [count, width] that lie in panels of four rows by eight columns. */
  function addRows(
    panels: number,
    first: number,
    count: number,
    width: number,
    factor: number,
    target: Float64Array,
  ): void {
    const across = Math.ceil(width / 8);
    const found = instance.f32(panels, Math.ceil(count / 4) * across * 32);
    for (let j = 0; j < count; j++) {
      const row = (j >> 2) * across * 32 + (j & 3) * 8;
      const to = (first + j) * width;
      for (let c = 0; c < width; c++) target[to + c] += factor * found[row + (c >> 3) * 32 + (c & 7)];
    }
  }

  function addGradients(first: number, count: number, tile: number): void {
    addRows(exports.keyGradients(tile, d, dv), first, count, d, slope, call.dK);
    addRows(exports.valueGradients(tile, d, dv), first, count, dv, 1, call.dV);
    if (!dLogWeights) return;
    const sums = instance.f32(exports.weightGradients(tile, d, dv), count * 4);
    for (let j = 0; j < count; j++)
      dLogWeights[first + j] += sums[4 * j] + sums[4 * j + 1] + sums[4 * j + 2] + sums[4 * j + 3];
  }

  const reach = isPower ? Number.POSITIVE_INFINITY : reachOf(factor, largestNorm(), d);
  for (let from = 0; from < n; from += at.keysAtATime) {
    const to = Math.min(from + at.keysAtATime, n);
    const tiles = Array.from({ length: Math.ceil((to - from) / at.tile) }, (_, i) => {
      const first = from + i * at.tile;
      return { first, end: Math.min(first + at.tile, to), tile: at.packed + i * at.tileBytes };
    });
    for (const { first, end, tile } of tiles) packTile(first, end, tile);
    for (let start = 0; start < m; start += at.block) {
      const end = Math.min(start + at.block, m);
      beginBlock(start, end, reach);
      for (const { first, end: last, tile } of tiles)
        backwardTile(first, last - first, tile, start, end - start);
      exports.finish(at.packedBlock, end - start, d, dv, at.queries);
      const rows = instance.f32(at.queries, (end - start) * d);
      const target = dQ.subarray(start * d, end * d);
      for (let c = 0; c < rows.length; c++) target[c] = (from === 0 ? 0 : target[c]) + slope * rows[c];
    }
    for (const { first, end, tile } of tiles) addGradients(first, end - first, tile);
  }
}

/** Whether no product of a call overflows float32, or vanishes there while others do not. */
function fits({ q, k, v, dOut, m, d, dv, power }: SingleCall): boolean {
  const [queries, keys] = [normsOf(q, d), normsOf(k, d)];
  if (power !== undefined) {
    const largest = Math.max(queries.largest, keys.largest);
    if (power < 1 || largest > MOST_NORM || Math.min(queries.smallest, keys.largest || 1) < LEAST_NORM)
      return false;
  }
  const outer = normsOf(v, dv).largest * normsOf(dOut, dv).largest;
  const products = [outer, outer * m * queries.largest, outer * keys.largest];
  return products.every((product) => product === 0 || (product >= LEAST && product <= MOST));
}

/** The largest norm of rows of `width` numbers, and the smallest of those that are not zero. */
function normsOf(rows: Float32Array, width: number) {
  let largest = 0;
  let smallest = Number.POSITIVE_INFINITY;
  for (let start = 0; start < rows.length; start += width) {
    let square = 0;
    for (let c = start; c < start + width; c++) square += rows[c] * rows[c];
    largest = Math.max(largest, square);
    if (square > 0) smallest = Math.min(smallest, square);
  }
  return { largest: Math.sqrt(largest), smallest: Math.sqrt(smallest) };
}
