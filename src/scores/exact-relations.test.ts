import { expect, test } from 'vitest';
import { fromRows } from '../../test/oracle/matrix.js';
import { nearPlane } from '../../test/oracle/near-plane.js';
import { seeded } from '../../test/oracle/random.js';
import { matrixOver } from '../keys.js';
import { run } from '../steps.js';
import { doubled } from './doubled.js';
import { differentRows, rowsApart } from './exact-relations.js';

/** The rows apart along one direction, in columns of unit size, where no row stands out. */
function apart(rows: number[][], direction: number[], rowScale?: number[]): number[] {
  const { data, n, d } = fromRows(rows);
  const search = {
    matrix: matrixOver(data, n, d),
    rowScale: rowScale && Float64Array.from(rowScale),
    sizes: new Float64Array(d).fill(1),
    entryError: 0,
    nulls: [],
    resolved: new Float64Array(),
    width: 0,
  };
  return run(rowsApart(search, [doubled(Float64Array.from(direction))], Number.POSITIVE_INFINITY));
}

const plane = [
  [1, 2, 3],
  [3, -1, 2],
  [0.1, 0.2, 0.1 + 0.2],
  [2 ** -1074, 0, 2 ** -1074],
  [0, 2 ** 1000, 2 ** 1000],
  [5, -4, 1],
  [7, 1, 8],
];

test('rows of a plane have a relation; a row off by one digit, or by less than any digit of others, has not', () => {
  // In floats 0.1 + 0.2 is not the sum of 0.1 and 0.2.
  expect(apart(plane, [1, 1, -1])).toEqual([2]);
  expect(apart([...plane, [1, 1, 2 + 2 ** -51]], [1, 1, -1])).toEqual([2, 7]);
  expect(apart([...plane, [1, -1, 1e-300]], [1, 1, -1])).toEqual([2, 7]);
});

test('rows of scale 0 do not count', () => {
  expect(apart([...plane, [1, -1, 1e-300]], [1, 1, -1], [1, 1, 0, 1, 1, 1, 1, 0])).toEqual([]);
});

test('columns along which a direction is rounding do not take part', () => {
  const rows = [1, 2, 3, 4, 5, 6, 7].map((i) => [i / 3, Math.sqrt(i), i / 3]);
  expect(apart(rows, [1, 1e-12, -1])).toEqual([]);
  expect(apart(rows, [1, 1e-6, -1])).toEqual([]);
  expect(apart(rows, [1, 1, 1e-12])).toEqual([1, 2, 3, 4, 5, 6]);
});

test('rows within 1e-31 of a plane, most of them in it', () => {
  const { data, n } = nearPlane(seeded(3), 200, 0.3);
  const rows = Array.from({ length: n }, (_, j) => Array.from(data.subarray(3 * j, 3 * j + 3)));
  const found = apart(rows, [1, 1, 1]);
  expect(found.length).toBeGreaterThan(0);
  expect(found.length).toBeLessThan(n / 4);
});

test('rows are different from each other and from zero', () => {
  const { data, n, d } = fromRows([
    [1, 2],
    [0, 0],
    [1, 2],
    [1, 3],
    [4, 4],
  ]);
  expect(differentRows(matrixOver(data, n, d))).toBe(3);
  expect(differentRows(matrixOver(data, n, d), Float64Array.of(1, 1, 1, 1, 0))).toBe(2);
});
