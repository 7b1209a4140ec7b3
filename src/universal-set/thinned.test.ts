import { expect, test } from 'vitest';
import { exactLeverage } from '../../test/oracle/exact.js';
import { nearPlane } from '../../test/oracle/near-plane.js';
import { seeded } from '../../test/oracle/random.js';
import { matrixOver } from '../keys.js';
import { sensitivities } from '../scores/sensitivity.js';
import { run } from '../steps.js';
import { thinned } from './thinned.js';

const everything = (n: number) => Array.from({ length: n }, (_, index) => ({ index, lower: 0, upper: 1 }));

test('x^2: exactly the rows that reach epsilon, however near they are to a plane', () => {
  const { data, n, d } = nearPlane(seeded(3), 700, 1);
  const epsilon = 0.01;
  const truth = exactLeverage({ data, n, d });
  const left = run(thinned(matrixOver(data, n, d), everything(n), { p: 2, epsilon }));
  const heavy = everything(n).filter(({ index }) => truth.compare(index, epsilon) >= 0);
  expect(left.map(({ index }) => index)).toEqual(heavy.map(({ index }) => index));
  expect(left.length).toBeGreaterThan(0);
  for (const { index, upper } of left) expect(truth.compare(index, upper)).toBeLessThanOrEqual(0);
});

test('in whatever order the rows are named', () => {
  const { data, n, d } = nearPlane(seeded(3), 700, 1);
  const matrix = matrixOver(data, n, d);
  const options = { p: 2, epsilon: 0.01 };
  const left = run(thinned(matrix, everything(n), options));
  expect(left.length).toBeGreaterThan(0);
  expect(run(thinned(matrix, everything(n).reverse(), options))).toEqual(left);
});

test.each([4, 6])('|x|^%d: all rows that reach epsilon, and few others', (p) => {
  const random = seeded(p);
  const [n, d, epsilon] = [800, 2, 0.05];
  const data = Float64Array.from({ length: n * d }, () => random.gaussian() / random.uniform());
  const left = run(thinned(matrixOver(data, n, d), everything(n), { p, epsilon }));
  const { lower } = sensitivities({ data, shape: [n, d] }, { p });
  const kept = new Map(left.map(({ index, upper }) => [index, upper]));
  for (let j = 0; j < n; j++) if (lower[j] >= epsilon) expect(kept.get(j)).toBeGreaterThanOrEqual(lower[j]);
  expect(left.length).toBeGreaterThan(0);
  expect(left.length).toBeLessThanOrEqual((2 * d ** (p / 2)) / epsilon);
});

test('few rows are left as they are', () => {
  const data = Float64Array.of(1, 2, 3, 4);
  const kept = [{ index: 1, upper: 0.5 }];
  expect(run(thinned(matrixOver(data, 4, 1), kept, { p: 2, epsilon: 0.4 }))).toBe(kept);
});
