/** Points on the WASM kernels, rows in chunks. */
import type { Floats } from '../keys.js';
import { clusterInstance } from './cluster-instance.js';
import type { DistancesCall, PointColumns, Spread, SumsCall } from './kernels.js';
import { Layout } from './module.js';
import { referencePoints, referenceSpread, referenceSums } from './reference-points.js';

/** Rows that are in memory at a time. */
const CHUNK = 512;

/** Factors between these are numbers of float32 with all their digits. */
const LEAST_FACTOR = 1e-30;
const MOST_FACTOR = 1e30;

/** In float64. O(n d). Rows in float64 go to the reference. */
export function wasmSpread(rows: Floats, d: number, shares?: Float64Array): Spread {
  if (!(rows instanceof Float32Array)) return referenceSpread(rows, d, shares);
  const instance = clusterInstance();
  const { exports } = instance;
  const n = rows.length / d;
  const layout = new Layout();
  const source = layout.take(CHUNK * d * 4);
  const numbers = layout.take(CHUNK * 4);
  const total = layout.take(d * 8);
  const factors = shares ? layout.take(CHUNK * 8) : 0;
  instance.reserve(layout.end);
  const chunks = (visit: (count: number) => void) => {
    for (let start = 0; start < n; start += CHUNK) {
      const end = Math.min(start + CHUNK, n);
      instance.f32(source, (end - start) * d).set(rows.subarray(start * d, end * d));
      if (shares) instance.f64(factors, end - start).set(shares.subarray(start, end));
      visit(end - start);
    }
  };
  const sums = instance.f64(total, d).fill(0);
  // All rows are added to one sum.
  instance.i32(numbers, CHUNK).fill(0);
  chunks((count) => exports.addToSums(source, count, d, numbers, factors, total));
  const all = shares ? 1 : n;
  for (let c = 0; c < d; c++) sums[c] /= all;
  let squares = 0;
  chunks((count) => {
    squares += exports.spread(source, count, d, total, factors);
  });
  return { mean: sums.slice(), deviation: Math.sqrt(squares / all) };
}

/** In float64. O(n d). Rows in float64 go to the reference. */
export function wasmSums(call: SumsCall): Float64Array {
  const { rows, d, members, weights, groups } = call;
  if (!(rows instanceof Float32Array)) return referenceSums(call);
  const instance = clusterInstance();
  const { exports } = instance;
  const layout = new Layout();
  const source = layout.take(CHUNK * d * 4);
  const numbers = layout.take(CHUNK * 4);
  const factors = layout.take(CHUNK * 8);
  const total = layout.take(groups * d * 8);
  instance.reserve(layout.end);
  const sums = instance.f64(total, groups * d).fill(0);
  for (let start = 0; start < members.length; start += CHUNK) {
    const end = Math.min(start + CHUNK, members.length);
    instance.f32(source, (end - start) * d).set(rows.subarray(start * d, end * d));
    instance.i32(numbers, end - start).set(members.subarray(start, end));
    instance.f64(factors, end - start).set(weights.subarray(start, end));
    exports.addToSums(source, end - start, d, numbers, factors, total);
  }
  return sums.slice();
}

/** In float32 from the differences. O(n d). */
export function wasmDistances({ points, width, d, centres, members }: DistancesCall): Float64Array {
  const instance = clusterInstance();
  const { exports } = instance;
  const n = members.length;
  const layout = new Layout();
  const source = layout.take(CHUNK * width * 4);
  const given = layout.take(centres.length * 4);
  const numbers = layout.take(CHUNK * 4);
  const squares = layout.take(CHUNK * 8);
  instance.reserve(layout.end);
  instance.f32(given, centres.length).set(centres);
  const out = new Float64Array(n);
  for (let start = 0; start < n; start += CHUNK) {
    const end = Math.min(start + CHUNK, n);
    instance.f32(source, (end - start) * width).set(points.subarray(start * width, end * width));
    instance.i32(numbers, end - start).set(members.subarray(start, end));
    exports.distances(source, end - start, d, width * 4, given, numbers, squares);
    out.set(instance.f64(squares, end - start), start);
  }
  return out;
}

/** In float32. O(n d), with a matrix O(n d^2). Rows in float64, and factors out of its range, go to the reference. */
export function wasmPoints(groups: readonly PointColumns[], out: Float32Array): void {
  const fits = ({ rows, factor }: PointColumns) =>
    rows instanceof Float32Array && factor > LEAST_FACTOR && factor < MOST_FACTOR;
  if (!groups.every(fits)) {
    referencePoints(groups, out);
    return;
  }
  const instance = clusterInstance();
  const { exports } = instance;
  const width = groups.reduce((sum, { d }) => sum + d, 0);
  const n = out.length / width;
  const layout = new Layout();
  const most = Math.max(...groups.map(({ d }) => d));
  const source = layout.take(CHUNK * most * 4);
  const target = layout.take(CHUNK * width * 4);
  const work = layout.take(exports.matmulBytes());
  const placed = groups.map(({ d, mean, matrix }) => ({
    mean: { at: layout.take(d * 4), numbers: Float32Array.from(mean) },
    matrix: matrix && { at: layout.take(matrix.length * 4), numbers: matrix },
  }));
  instance.reserve(layout.end);
  for (const { mean, matrix } of placed)
    for (const array of [mean, matrix])
      if (array) instance.f32(array.at, array.numbers.length).set(array.numbers);
  for (let start = 0; start < n; start += CHUNK) {
    const end = Math.min(start + CHUNK, n);
    const count = end - start;
    let column = target;
    groups.forEach(({ rows, d, factor }, g) => {
      const { mean, matrix } = placed[g];
      instance.f32(source, count * d).set(rows.subarray(start * d, end * d) as Float32Array);
      if (matrix) {
        exports.centre(source, count, d, mean.at, factor, source, d * 4);
        exports.matmul(source, d, false, matrix.at, d, false, column, width, count, d, d, false, work);
      } else exports.centre(source, count, d, mean.at, factor, column, width * 4);
      column += d * 4;
    });
    out.set(instance.f32(target, count * width), start * width);
  }
}
