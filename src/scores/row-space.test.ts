import { expect, test } from 'vitest';
import { matrixOver } from '../keys.js';
import { run } from '../steps.js';
import { rowSpaces } from './row-space.js';

test('L has as many columns as there are independent rows, and zeros for rows that are left out', () => {
  const rows = [
    [3, 0, 0, 1, 2],
    [0, 1, 0, 0, 5],
    [3, 2, 0, 1, 12],
    [0, 0, 0, 0, 0],
  ];
  const matrix = matrixOver(Float64Array.from(rows.flat()), 4, 5);
  const whole = run(rowSpaces(matrix, 'test'));
  expect(whole.numerical).toBe(whole.faceValue);
  expect([whole.numerical.n, whole.numerical.d]).toEqual([4, 2]);
  const part = run(rowSpaces(matrix, 'test', Float64Array.of(0, 1, 1, 1))).numerical;
  expect([part.n, part.d]).toEqual([4, 2]);
  expect(Array.from(part.rows(0, 1))).toEqual([0, 0]);
  expect(Array.from(part.rows(3, 4))).toEqual([0, 0]);
});

test('what is rounding at the numerical rank is a column more at face value', () => {
  const row = [1, 0.5, 0.25, 0.125];
  const data = Float64Array.from([...row, ...row.map((x, c) => x * (1 + c * 2 ** -50))]);
  const { numerical, faceValue } = run(rowSpaces(matrixOver(data, 2, 4), 'test'));
  expect([numerical.d, faceValue.d]).toEqual([1, 2]);
});
