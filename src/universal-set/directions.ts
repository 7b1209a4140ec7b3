/** Approximate leading eigenvectors of a symmetric matrix, by power iteration (docs/algorithms.md, section 7: cheap certified bounds). */
import { goldenPart } from '../random.js';

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
  const found: Direction[] = [];
  const image = new Float64Array(d);
  while (found.length < Math.min(count, d)) {
    const vector = Float64Array.from(
      { length: d },
      (_, c) => goldenPart((found.length * d + c + 1) ** 2) - 0.5,
    );
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
  for (let i = 0; i < x.length; i++) out[i] = dot(x, a, i * x.length);
}

/** sum_c x_c y_(at + c): four sums at a time, as one would wait for itself. */
export function dot(x: Float64Array, y: Float64Array, at = 0): number {
  const even = x.length & ~3;
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  for (let c = 0; c < even; c += 4) {
    s0 += x[c] * y[at + c];
    s1 += x[c + 1] * y[at + c + 1];
    s2 += x[c + 2] * y[at + c + 2];
    s3 += x[c + 3] * y[at + c + 3];
  }
  for (let c = even; c < x.length; c++) s0 += x[c] * y[at + c];
  return s0 + s1 + (s2 + s3);
}

function normalise(x: Float64Array): void {
  const size = Math.sqrt(dot(x, x));
  if (size > 0) for (let c = 0; c < x.length; c++) x[c] /= size;
}

function takeOut(x: Float64Array, direction: Float64Array): void {
  const part = dot(x, direction);
  for (let c = 0; c < x.length; c++) x[c] -= part * direction[c];
}
