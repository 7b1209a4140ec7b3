/** K T as if computed in twice the precision: compensated dot products (Ogita, Rump, Oishi, "Accurate sum and dot product", 2005). */
import type { KeyMatrix } from '../keys.js';
import { compensatedDot } from './accurate-dot.js';
import type { Basis } from './basis.js';

/** The rows of K diag(columnScale) T, each entry correct to u |x| + d^2 u^2 |k| |T|; computed as they are read. */
export function compensatedProduct(matrix: KeyMatrix, basis: Basis, columnScale?: Float64Array): KeyMatrix {
  const { n, d } = matrix;
  const { width } = basis;
  // Row i holds column i of T.
  const columns = new Float64Array(width * d);
  for (let i = 0; i < width; i++) columns.set(basis.column(i), i * d);
  const key = new Float64Array(d);
  return {
    n,
    d: width,
    rows(start, end) {
      const input = matrix.rows(start, end);
      const out = new Float64Array((end - start) * width);
      for (let j = 0; j < end - start; j++) {
        for (let c = 0; c < d; c++) key[c] = input[j * d + c] * (columnScale ? columnScale[c] : 1);
        for (let i = 0; i < width; i++) out[j * width + i] = compensatedDot(key, 0, columns, i * d, d);
      }
      return out;
    },
  };
}
