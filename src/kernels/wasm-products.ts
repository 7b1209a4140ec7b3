/** Rows times a matrix on the WASM kernels, rows in chunks. */
import { clusterInstance } from './cluster-instance.js';
import type { ProductsCall } from './kernels.js';
import { Layout } from './module.js';
import { referenceProducts } from './reference-products.js';

/** Rows that are in memory at a time. */
const CHUNK = 512;

/** Products of `d` terms, added up one after the other. O(n d width). Calls with float64 arrays go to the reference. */
export function wasmProducts(call: ProductsCall): void {
  const { rows, matrix, d, out } = call;
  if (![rows, matrix, out].every((data) => data instanceof Float32Array)) {
    referenceProducts(call);
    return;
  }
  const instance = clusterInstance();
  const { exports } = instance;
  const n = rows.length / d;
  const width = matrix.length / d;
  const most = Math.min(n, CHUNK);
  const layout = new Layout();
  const source = layout.take(most * d * 4);
  const factor = layout.take(matrix.length * 4);
  const target = layout.take(most * width * 4);
  const work = layout.take(exports.matmulBytes());
  instance.reserve(layout.end);
  instance.f32(factor, matrix.length).set(matrix);
  for (let start = 0; start < n; start += CHUNK) {
    const end = Math.min(start + CHUNK, n);
    instance.f32(source, (end - start) * d).set(rows.subarray(start * d, end * d));
    exports.matmul(source, d, false, factor, width, false, target, width, end - start, width, d, false, work);
    out.set(instance.f32(target, (end - start) * width), start * width);
  }
}
