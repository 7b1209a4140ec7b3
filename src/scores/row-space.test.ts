import { expect, test } from 'vitest';
import { matrixOver } from '../keys.js';
import { run } from '../steps.js';
import { rowSpaces } from './row-space.js';

/** Rows of 130 columns, with zeros behind; few columns are not for coordinates of rows. */
function wide(rows: readonly (readonly number[])[]) {
  const data = new Float64Array(rows.length * 130);
  rows.forEach((row, i) => {
    data.set(row, i * 130);
  });
  return matrixOver(data, rows.length, 130);
}

test('L has as many columns as there are independent rows, and zeros for rows that are left out', () => {
  const matrix = wide([[3, 0, 0, 1, 2], [0, 1, 0, 0, 5], [3, 2, 0, 1, 12], []]);
  const whole = run(rowSpaces(matrix, 'test'));
  if (!whole) throw new Error('no coordinates');
  expect(whole.numerical).toMatchObject({ n: 4, d: 2, unresolved: [] });
  // That nothing is left of one of the three is certain for copies alone.
  expect(whole.faceValue).toMatchObject({ n: 4, d: 2 });
  expect(whole.faceValue.unresolved).toHaveLength(1);
  const copies = run(rowSpaces(wide([[3, 0, 0, 1, 2], [0, 1], [3, 0, 0, 1, 2], []]), 'test'));
  expect(copies?.numerical).toBe(copies?.faceValue);
  const part = run(rowSpaces(matrix, 'test', Float64Array.of(0, 1, 1, 1)))?.numerical;
  expect(part).toMatchObject({ n: 4, d: 2, unresolved: [] });
  expect(Array.from(part?.rows(0, 1) ?? [])).toEqual([0, 0]);
  expect(Array.from(part?.rows(3, 4) ?? [])).toEqual([0, 0]);
});

test('what is rounding at the numerical rank is a column more at face value', () => {
  const row = [1, 0.5, 0.25, 0.125];
  const spaces = run(rowSpaces(wide([row, row.map((x, c) => x * (1 + c * 2 ** -50))]), 'test'));
  expect([spaces?.numerical.d, spaces?.faceValue.d]).toEqual([1, 2]);
});

test('few columns are left as they are, unless the rows are independent', () => {
  const rows = [Float64Array.of(1, 2, 3), Float64Array.of(2, 4, 6), Float64Array.of(2, 4, 7)];
  const of = (...chosen: number[]) =>
    run(
      rowSpaces(matrixOver(Float64Array.from(chosen.flatMap((i) => [...rows[i]])), chosen.length, 3), 'test'),
    );
  expect(of(0, 1)).toBeUndefined();
  expect(of(0, 2)?.numerical).toMatchObject({ n: 2, d: 2, unresolved: [] });
});
