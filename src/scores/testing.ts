/** Keys for tests, drawn by seed. */
import type { Tensor } from '../keys.js';
import { randomStream } from '../random.js';

/** An [n, d] tensor of entries draw(i, c). */
export function tensorOf(n: number, d: number, draw: (i: number, c: number) => number) {
  const data = Float64Array.from({ length: n * d }, (_, i) => draw(Math.floor(i / d), i % d));
  return { data, shape: [n, d] } as const satisfies Tensor;
}

/** Gaussian keys whose rows are divided by |gaussian| + 0.1, so that a few are heavy. */
export function heavyTailed(n: number, d: number, seed: number) {
  const random = randomStream(seed);
  const sizes = Float64Array.from({ length: n }, () => 1 / (Math.abs(random.normal()) + 0.1));
  return tensorOf(n, d, (i) => sizes[i] * random.normal());
}

/** A B for a random invertible B: the same scores, another condition number. */
export function mixed(
  keys: { data: Float64Array; shape: readonly [number, number] },
  b: readonly (readonly number[])[],
) {
  const [n, d] = keys.shape;
  return tensorOf(n, d, (i, c) => {
    let sum = 0;
    for (let k = 0; k < d; k++) sum += keys.data[i * d + k] * b[k][c];
    return sum;
  });
}
