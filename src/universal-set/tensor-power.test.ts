import { expect, test } from 'vitest';
import { seeded } from '../../test/oracle/random.js';
import { matrixOver } from '../keys.js';
import { tensorDimension, tensorPower } from './tensor-power.js';

test.each([
  [1, 5],
  [3, 2],
  [5, 3],
  [2, 7],
])('products of tensors are powers of products: d = %d, order %d', (d, order) => {
  const random = seeded(d + order);
  const rows = Float64Array.from({ length: 2 * d }, () => random.gaussian());
  const tensors = tensorPower(matrixOver(rows, 2, d), order);
  expect(tensors.d).toBe(tensorDimension(d, order));
  const images = tensors.rows(0, 2);
  const product = (a: Float64Array, b: Float64Array) => a.reduce((sum, x, i) => sum + x * b[i], 0);
  const expected = product(rows.subarray(0, d), rows.subarray(d)) ** order;
  const size = Math.sqrt(
    product(rows.subarray(0, d), rows.subarray(0, d)) * product(rows.subarray(d), rows.subarray(d)),
  );
  const found = product(
    images.subarray(0, tensors.d) as Float64Array,
    images.subarray(tensors.d) as Float64Array,
  );
  expect(Math.abs(found - expected)).toBeLessThan(1e-13 * size ** order);
});

test('what leaves float64 is NaN, what is zero stays zero', () => {
  const rows = Float64Array.of(1e-200, 0);
  expect([...tensorPower(matrixOver(rows, 1, 2), 2).rows(0, 1)]).toEqual([Number.NaN, 0, 0]);
});
