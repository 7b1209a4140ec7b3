/** Dot products that stay accurate where their terms cancel (Ogita, Rump, Oishi, "Accurate sum and dot product", 2005). */
import type { Floats } from '../keys.js';

/** 2^27 + 1: splits a float64 into two halves whose products are exact (Veltkamp, Dekker). */
const SPLITTER = 134217729;
const LARGEST_SPLIT = 2 ** 990;
const SCALE = 2 ** 64;
/** A plain sum below this part of its terms' sizes is computed again, as if in twice the precision. */
const CANCELLATION = 1e-4;

/** sum_c a[i + c] b[j + c] over d terms: relative error about d^2 1e-32 |a|^T|b| / |a^T b| + 1e-12. */
export function accurateDot(a: Floats, i: number, b: Floats, j: number, d: number): number {
  let sum = 0;
  let sizes = 0;
  for (let c = 0; c < d; c++) {
    const term = a[i + c] * b[j + c];
    sum += term;
    sizes += Math.abs(term);
  }
  return Math.abs(sum) >= CANCELLATION * sizes ? sum : compensatedDot(a, i, b, j, d);
}

/** a^T (high + low) as if in twice the precision, for a vector that is kept in two parts. */
export function doubledDot(a: Floats, i: number, high: Floats, low: Floats, d: number): number {
  let tail = 0;
  for (let c = 0; c < d; c++) tail += a[i + c] * low[c];
  return compensatedDot(a, i, high, 0, d, tail);
}

/** sum_c a[i + c] b[j + c] + tail as if in twice the precision. */
export function compensatedDot(a: Floats, i: number, b: Floats, j: number, d: number, tail = 0): number {
  let sum = 0;
  let correction = tail;
  for (let c = 0; c < d; c++) {
    const x = a[i + c];
    const y = b[j + c];
    const product = x * y;
    const next = sum + product;
    const part = next - sum;
    correction += sum - (next - part) + (product - part) + productError(x, y, product);
    sum = next;
  }
  return sum + correction;
}

/** x y - fl(x y), exactly. */
export function productError(x: number, y: number, product: number): number {
  if (Math.abs(x) > LARGEST_SPLIT || Math.abs(y) > LARGEST_SPLIT) return largeProductError(x, y, product);
  const bigX = SPLITTER * x;
  const highX = bigX - (bigX - x);
  const lowX = x - highX;
  const bigY = SPLITTER * y;
  const highY = bigY - (bigY - y);
  const lowY = y - highY;
  return lowX * lowY - (product - highX * highY - lowX * highY - highX * lowY);
}

/** The same where the split would overflow: it is made of a smaller number. */
function largeProductError(x: number, y: number, product: number): number {
  return Math.abs(x) > Math.abs(y)
    ? productError(x / SCALE, y, product / SCALE) * SCALE
    : productError(x, y / SCALE, product / SCALE) * SCALE;
}
