/** Parts of a matrix: which rows they have, and that they read no more than they need. */
import { expect, it } from 'vitest';
import { type KeyMatrix, matrixOver } from '../keys.js';
import { spreadHalves, spreadSubset } from './subset.js';

/** Row j is (j, -j). */
function numbered(n: number): KeyMatrix {
  return matrixOver(
    Float64Array.from({ length: 2 * n }, (_, i) => (i % 2 ? -1 : 1) * (i >> 1)),
    n,
    2,
  );
}

function rowsIn(matrix: KeyMatrix): number[] {
  return Array.from(matrix.rows(0, matrix.n)).filter((_, i) => i % 2 === 0);
}

it.each([
  [1, 8],
  [31, 8],
  [100, 64],
  [5000, 640],
  [5001, 5001],
  [100_003, 1000],
])('spreads groups of rows over %i rows, %i wanted', (n, count) => {
  const matrix = numbered(n);
  const subset = spreadSubset(matrix, count, 0);
  const rows = rowsIn(subset.matrix);
  expect(rows.length).toBe(subset.matrix.n);
  expect(Math.abs(rows.length - Math.min(n, count))).toBeLessThan(32);
  expect(rows.every((row, i) => i === 0 || row > rows[i - 1])).toBe(true);
  const chosen = new Set(rows);
  for (let j = 0; j < n; j++) if (subset.has(j) !== chosen.has(j)) expect(j).toBe('chosen');
  // The same rows, however they are asked for.
  const again = Array.from({ length: subset.matrix.n }, (_, i) => subset.matrix.rows(i, i + 1)[0]);
  expect(again).toEqual(rows);
  expect(rowsIn(spreadSubset(matrix, count, 0).matrix)).toEqual(rows);
  // Each stretch of the rows has its share.
  const groups = Math.ceil(count / 32);
  const half = rows.filter((row) => row < n / 2).length;
  if (groups > 10) expect(Math.abs(half - rows.length / 2)).toBeLessThanOrEqual(32);
});

it('draws other rows for another purpose, at no fixed period', () => {
  const matrix = numbered(64_000);
  const starts = rowsIn(spreadSubset(matrix, 3200, 0).matrix).filter((_, i) => i % 32 === 0);
  const others = rowsIn(spreadSubset(matrix, 3200, 1).matrix).filter((_, i) => i % 32 === 0);
  expect(starts).not.toEqual(others);
  expect(new Set(starts.map((row) => row % 640)).size).toBeGreaterThan(10);
});

it.each([
  [40, 8],
  [5000, 640],
  [5001, 5001],
])('halves a subset of %i rows, %i wanted', (n, count) => {
  const matrix = numbered(n);
  const whole = rowsIn(spreadSubset(matrix, count, 0).matrix);
  const halves = spreadHalves(matrix, count, 0);
  const parts = halves.map((half) => rowsIn(half.matrix));
  expect([...parts[0], ...parts[1]].sort((a, b) => a - b)).toEqual(whole);
  expect(Math.abs(parts[0].length - parts[1].length)).toBeLessThanOrEqual(32);
  halves.forEach((half, i) => {
    for (const row of whole) expect(half.has(row)).toBe(parts[i].includes(row));
  });
});
