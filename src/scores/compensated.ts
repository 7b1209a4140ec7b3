/** K T as if computed in twice the precision: compensated dot products (Ogita, Rump, Oishi, "Accurate sum and dot product", 2005). */
import type { KeyMatrix } from '../keys.js';
import type { Basis } from './basis.js';

/** 2^27 + 1: splits a float64 into two halves whose products are exact (Veltkamp, Dekker). */
const SPLITTER = 134217729;

/** The rows of K diag(columnScale) T, each entry correct to u |x| + d^2 u^2 |k| |T|; computed as they are read. */
export function compensatedProduct(matrix: KeyMatrix, basis: Basis, columnScale?: Float64Array): KeyMatrix {
  const { n, d } = matrix;
  const { width } = basis;
  // Transposed and split once: row i holds column i of T.
  const high = new Float64Array(width * d);
  const low = new Float64Array(width * d);
  for (let i = 0; i < width; i++)
    for (let c = 0; c < d; c++) {
      const value = basis.matrix[c * width + i];
      const big = SPLITTER * value;
      high[i * d + c] = big - (big - value);
      low[i * d + c] = value - high[i * d + c];
    }
  const key = new Float64Array(d);
  const keyHigh = new Float64Array(d);
  return {
    n,
    d: width,
    rows(start, end) {
      const input = matrix.rows(start, end);
      const out = new Float64Array((end - start) * width);
      for (let j = 0; j < end - start; j++) {
        for (let c = 0; c < d; c++) {
          key[c] = input[j * d + c] * (columnScale ? columnScale[c] : 1);
          const big = SPLITTER * key[c];
          keyHigh[c] = big - (big - key[c]);
        }
        for (let i = 0; i < width; i++) {
          let sum = 0;
          let correction = 0;
          for (let c = 0; c < d; c++) {
            const th = high[i * d + c];
            const tl = low[i * d + c];
            const kl = key[c] - keyHigh[c];
            const product = key[c] * (th + tl);
            const productError = kl * tl - (product - keyHigh[c] * th - kl * th - keyHigh[c] * tl);
            const next = sum + product;
            const part = next - sum;
            correction += sum - (next - part) + (product - part) + productError;
            sum = next;
          }
          out[j * width + i] = sum + correction;
        }
      }
      return out;
    },
  };
}
