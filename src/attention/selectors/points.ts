/** Keys as points in float64, and the products and distances of points. */
import type { Floats, KeyMatrix } from '../../keys.js';

/** Multiply-adds of a selector between two reports of progress. */
export const STEP_WORK = 2 ** 23;

/** The largest absolute value. */
export function largestOf(data: Floats): number {
  let largest = 0;
  for (let i = 0; i < data.length; i++) {
    const x = Math.abs(data[i]);
    if (x > largest) largest = x;
  }
  return largest;
}

/** s, a power of two such that no entry times s^2 is much above 1. Twice s, because 1 over a denormal number overflows. */
export function halfScale(data: Floats): number {
  const largest = largestOf(data);
  return largest > 0 ? 2 ** Math.trunc(-Math.log2(largest) / 2) : 1;
}

/**
 * The rows with the given indices, [rows.length, d], less their mean and divided by a power of two near the largest entry of
 * all keys, so that squared distances neither overflow nor underflow.
 */
export function pointsOf(keys: KeyMatrix, indices: readonly number[]): Float64Array {
  const { n, d } = keys;
  const data = keys.rows(0, n);
  const half = halfScale(data);
  const points = new Float64Array(indices.length * d);
  const mean = new Float64Array(d);
  let at = 0;
  for (const j of indices)
    for (let c = 0; c < d; c++) {
      points[at] = data[j * d + c] * half * half;
      mean[c] += points[at++] / indices.length;
    }
  for (let row = 0; row < points.length; row += d) for (let c = 0; c < d; c++) points[row + c] -= mean[c];
  return points;
}

/** The same in float32, the largest entry near 1, so that squared distances are in its range. */
export function singlePoints(keys: KeyMatrix, indices: readonly number[]): Float32Array {
  const points = pointsOf(keys, indices);
  const half = halfScale(points);
  const single = new Float32Array(points.length);
  for (let i = 0; i < points.length; i++) single[i] = points[i] * half * half;
  return single;
}

/** |a_i - b_j|^2 of row i of `a` and row j of `b`, both of d columns. */
export function squaredDistance(a: Float64Array, i: number, b: Float64Array, j: number, d: number): number {
  let sum = 0;
  for (let c = 0, x = i * d, y = j * d; c < d; c++, x++, y++) {
    const difference = a[x] - b[y];
    sum += difference * difference;
  }
  return sum;
}

/** out[j] = <a_i, b_j> for the first `count` rows of b; four at a time, so that no sum waits for another. */
export function dotProducts(
  a: Float64Array,
  i: number,
  b: Float64Array,
  count: number,
  d: number,
  out: Float64Array,
): void {
  const start = i * d;
  let j = 0;
  for (; j + 3 < count; j += 4) {
    const at = j * d;
    let sum0 = 0;
    let sum1 = 0;
    let sum2 = 0;
    let sum3 = 0;
    for (let c = 0; c < d; c++) {
      const x = a[start + c];
      sum0 += x * b[at + c];
      sum1 += x * b[at + d + c];
      sum2 += x * b[at + 2 * d + c];
      sum3 += x * b[at + 3 * d + c];
    }
    out[j] = sum0;
    out[j + 1] = sum1;
    out[j + 2] = sum2;
    out[j + 3] = sum3;
  }
  for (; j < count; j++) {
    let sum = 0;
    for (let c = 0; c < d; c++) sum += a[start + c] * b[j * d + c];
    out[j] = sum;
  }
}

/** The index of the largest value, the lowest one among equals. */
export function largestIndex(values: Float64Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}
