/** Vectors in twice the precision, as high + low parts. */
import { compensatedDot, productError } from './accurate-dot.js';

/** high + low, entry by entry. */
export interface Doubled {
  readonly high: Float64Array;
  readonly low: Float64Array;
}

/** A vector of float64 with nothing below. */
export function doubled(high: Float64Array): Doubled {
  return { high, low: new Float64Array(high.length) };
}

/** target += factor other: each entry to some u^2 of its terms. */
export function addMultiple(target: Doubled, factor: number, other: Doubled): void {
  const { high, low } = target;
  for (let c = 0; c < high.length; c++) {
    const product = factor * other.high[c];
    const sum = high[c] + product;
    const part = sum - high[c];
    const error = high[c] - (sum - part) + (product - part);
    const tail = low[c] + error + productError(factor, other.high[c], product) + factor * other.low[c];
    high[c] = sum + tail;
    low[c] = tail - (high[c] - sum);
  }
}

/** x^T y, to some d u^2 of its terms beside one rounding. */
export function doubledProduct(x: Doubled, y: Doubled): number {
  let tail = 0;
  for (let c = 0; c < x.high.length; c++) tail += x.low[c] * y.high[c] + x.high[c] * y.low[c];
  return compensatedDot(x.high, 0, y.high, 0, x.high.length, tail);
}
