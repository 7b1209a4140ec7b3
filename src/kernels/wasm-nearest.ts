/** The nearest centres on the WASM kernels, points in chunks. */
import { cluster } from './generated/cluster.js';
import type { NearestCall } from './kernels.js';
import { type ClusterExports, KernelInstance, Layout } from './module.js';

/** Points that are in memory at a time. */
const CHUNK = 1024;

let shared: KernelInstance<ClusterExports> | undefined;

/** Rows with room for a multiple of `group` of them, and for the three numbers that packing goes beyond the last row. */
function rowBytes(count: number, group: number, d: number): number {
  return (Math.ceil(count / group) * group * d + 3) * 4;
}

/** In float32, products of `d` terms added up one after the other. O(n count d). */
export function wasmNearest({ points, centres, d, out }: NearestCall): void {
  const instance = (shared ??= new KernelInstance<ClusterExports>(cluster));
  const { exports } = instance;
  const n = out.length;
  const count = centres.length / d;
  const rows = Math.min(n, CHUNK);
  const layout = new Layout();
  const source = layout.take(Math.max(rowBytes(rows, 8, d), rowBytes(count, 4, d)));
  const packed = layout.take((Math.ceil(count / 4) * (d + 1) + 3) * 16);
  const numbers = layout.take(Math.ceil(rows / 8) * 32);
  const work = layout.take(exports.workBytes(d));
  instance.reserve(layout.end);
  instance.f32(source, count * d).set(centres);
  exports.packCentres(source, count, d, packed);
  for (let start = 0; start < n; start += CHUNK) {
    const end = Math.min(start + CHUNK, n);
    instance.f32(source, (end - start) * d).set(points.subarray(start * d, end * d));
    exports.nearest(source, end - start, d, packed, count, numbers, work);
    out.set(instance.i32(numbers, end - start), start);
  }
}
