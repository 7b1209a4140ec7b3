/** Rows times a matrix in plain TypeScript and float64: oracle of the WASM kernel, and in its place where there is no WASM SIMD. */
import type { ProductsCall } from './kernels.js';

/** O(n d width). */
export function referenceProducts({ rows, matrix, d, out }: ProductsCall): void {
  const width = matrix.length / d;
  const sums = new Float64Array(width);
  for (let at = 0, target = 0; at < rows.length; target += width) {
    sums.fill(0);
    for (let c = 0; c < d; c++, at++)
      for (let j = 0; j < width; j++) sums[j] += rows[at] * matrix[c * width + j];
    out.set(sums, target);
  }
}
