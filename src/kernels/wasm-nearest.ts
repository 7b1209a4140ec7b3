/** The nearest centres on the WASM kernels, points in chunks. */
import { clusterInstance } from './cluster-instance.js';
import type { NearestCall } from './kernels.js';
import { Layout } from './module.js';

/** Points that are in memory at a time. */
const CHUNK = 512;

/** Rows with room for a multiple of `group` of them, and for the three numbers that packing goes beyond the last row. */
function rowBytes(count: number, group: number, d: number): number {
  return (Math.ceil(count / group) * group * d + 3) * 4;
}

/** In float32, products of `d` terms added up one after the other; sums of points in float64. O(n count d). */
export function wasmNearest({ points, centres, d, out, distances, sums, weights }: NearestCall): void {
  const instance = clusterInstance();
  const { exports } = instance;
  const n = out.length;
  const count = centres.length / d;
  const rows = Math.min(n, CHUNK);
  const layout = new Layout();
  const source = layout.take(rowBytes(rows, 8, d));
  const given = layout.take(rowBytes(count, 4, d));
  const packed = layout.take((Math.ceil(count / 4) * (d + 1) + 3) * 16);
  const numbers = layout.take(Math.ceil(rows / 8) * 32);
  const squares = layout.take(rows * 8);
  const totals = layout.take(sums ? sums.length * 8 : 0);
  const factors = weights ? layout.take(rows * 8) : 0;
  const work = layout.take(exports.workBytes(d));
  instance.reserve(layout.end);
  instance.f32(given, count * d).set(centres);
  exports.packCentres(given, count, d, packed);
  if (sums) instance.f64(totals, sums.length).set(sums);
  for (let start = 0; start < n; start += CHUNK) {
    const end = Math.min(start + CHUNK, n);
    instance.f32(source, (end - start) * d).set(points.subarray(start * d, end * d));
    exports.nearest(source, end - start, d, packed, count, numbers, work);
    out.set(instance.i32(numbers, end - start), start);
    if (distances) {
      exports.distances(source, end - start, d, d * 4, given, numbers, squares);
      distances.set(instance.f64(squares, end - start), start);
    }
    if (!sums) continue;
    if (weights) instance.f64(factors, end - start).set(weights.subarray(start, end));
    exports.addToSums(source, end - start, d, numbers, factors, totals);
  }
  sums?.set(instance.f64(totals, sums.length));
}
