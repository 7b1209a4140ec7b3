import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seeded } from '../../test/oracle/random.js';
import { cholesky, inverseLower } from './triangular.js';

/** C = X^T X of a random X, [2r, r]. */
function gram(r: number, seed: number): Float64Array {
  const random = seeded(seed);
  const x = Float64Array.from({ length: 2 * r * r }, () => random.gaussian());
  const out = new Float64Array(r * r);
  for (let k = 0; k < 2 * r; k++)
    for (let i = 0; i < r; i++) for (let j = 0; j < r; j++) out[i * r + j] += x[k * r + i] * x[k * r + j];
  return out;
}

const sizes = fc.tuple(fc.integer({ min: 1, max: 14 }), fc.integer());

/** Every entry is the same sequence of operations, whatever rows are worked at together: that of the textbook. */
test('the factor is that of the textbook, to the last bit', () => {
  fc.assert(
    fc.property(sizes, ([r, seed]) => {
      const c = gram(r, seed);
      const l = new Float64Array(r * r);
      for (let i = 0; i < r; i++)
        for (let j = 0; j <= i; j++) {
          let sum = c[i * r + j];
          for (let k = 0; k < j; k++) sum -= l[i * r + k] * l[j * r + k];
          l[i * r + j] = i === j ? Math.sqrt(sum) : sum / l[j * r + j];
        }
      expect(cholesky(c, r)).toEqual(l);
    }),
  );
});

test('the inverse is that of the textbook, to the last bit', () => {
  fc.assert(
    fc.property(sizes, ([r, seed]) => {
      const l = cholesky(gram(r, seed), r) as Float64Array;
      const w = new Float64Array(r * r);
      for (let i = 0; i < r; i++)
        for (let j = i; j >= 0; j--) {
          let sum = Number(i === j);
          for (let k = i; k > j; k--) sum -= w[i * r + k] * l[k * r + j];
          w[i * r + j] = sum / l[j * r + j];
        }
      expect(inverseLower(l, r)).toEqual(w);
    }),
  );
});

test('a pivot at the floor or below is refused', () => {
  const c = Float64Array.of(4, 2, 2, 1.5);
  expect(cholesky(c, 2, 0.4)).toBeDefined();
  expect(cholesky(c, 2, 0.5)).toBeUndefined();
  expect(cholesky(Float64Array.of(1, 1, 1, 1), 2)).toBeUndefined();
  expect(cholesky(Float64Array.of(Number.NaN), 1)).toBeUndefined();
});
