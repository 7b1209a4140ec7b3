/** Approximate leading eigenvectors of a symmetric matrix, by power iteration (docs/algorithms.md, section 7: cheap certified bounds). */
import { randomStream } from '../random.js';

/** A unit vector v, its Rayleigh quotient v^T A v, and |A v - (v^T A v) v|^2, which is 0 for an eigenvector. */
export interface Direction {
  readonly vector: Float64Array;
  readonly value: number;
  readonly residual: number;
}

const ITERATIONS = 12;

/**
 * About the `count` largest eigenvalues of A [d, d], positive semi-definite, and their directions, largest first. Nothing is guaranteed of
 * them. O(count d^2).
 */
export function leadingDirections(a: Float64Array, d: number, count: number): Direction[] {
  const random = randomStream(d);
  const found: Direction[] = [];
  const image = new Float64Array(d);
  while (found.length < Math.min(count, d)) {
    const vector = Float64Array.from({ length: d }, () => random.normal());
    for (let step = 0; step < ITERATIONS; step++) {
      for (const { vector: other } of found) takeOut(vector, other);
      normalise(vector);
      if (step === ITERATIONS - 1) break;
      times(a, vector, image);
      vector.set(image);
    }
    found.push(directionOf(a, vector));
  }
  return found.sort((x, y) => y.value - x.value);
}

/** What A makes of a unit vector. */
export function directionOf(a: Float64Array, vector: Float64Array): Direction {
  const image = new Float64Array(vector.length);
  times(a, vector, image);
  const value = dot(vector, image);
  return { vector, value, residual: Math.max(0, dot(image, image) - value * value) };
}

function times(a: Float64Array, x: Float64Array, out: Float64Array): void {
  const d = x.length;
  for (let i = 0; i < d; i++) {
    let sum = 0;
    for (let k = 0; k < d; k++) sum += a[i * d + k] * x[k];
    out[i] = sum;
  }
}

export function dot(x: Float64Array, y: Float64Array): number {
  let sum = 0;
  for (let c = 0; c < x.length; c++) sum += x[c] * y[c];
  return sum;
}

function normalise(x: Float64Array): void {
  const size = Math.sqrt(dot(x, x));
  if (size > 0) for (let c = 0; c < x.length; c++) x[c] /= size;
}

function takeOut(x: Float64Array, direction: Float64Array): void {
  const part = dot(x, direction);
  for (let c = 0; c < x.length; c++) x[c] -= part * direction[c];
}
