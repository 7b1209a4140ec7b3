import { expect, test } from 'vitest';
import { fromRows } from '../../test/oracle/matrix.js';
import { nearPlane } from '../../test/oracle/near-plane.js';
import { seeded } from '../../test/oracle/random.js';
import { type KeyMatrix, matrixOver } from '../keys.js';
import { run, type Steps } from '../steps.js';
import { differentRows } from './different-rows.js';
import { doubled } from './doubled.js';
import { rowsApart } from './exact-relations.js';

/** The rows apart along directions, in columns of unit size, where no row stands out. */
function stepsOf(matrix: KeyMatrix, directions: number[][], rowScale?: number[]): Steps<readonly number[]> {
  const { d } = matrix;
  const search = {
    matrix,
    rowScale: rowScale && Float64Array.from(rowScale),
    sizes: new Float64Array(d).fill(1),
    entryError: 0,
    nulls: [],
    resolved: new Float64Array(),
    width: 0,
  };
  const doubles = directions.map((direction) => doubled(Float64Array.from(direction)));
  return rowsApart(search, doubles, Number.POSITIVE_INFINITY);
}

function apart(rows: number[][], direction: number[], rowScale?: number[]): readonly number[] {
  const { data, n, d } = fromRows(rows);
  return run(stepsOf(matrixOver(data, n, d), [direction], rowScale));
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
  // Any row alone is in a relation.
  expect(apart(rows, [1, 1, 1e-12])).toHaveLength(6);
});

test('rows within 1e-31 of a plane, most of them in it', () => {
  const { data, n } = nearPlane(seeded(3), 200, 0.3);
  const rows = Array.from({ length: n }, (_, j) => Array.from(data.subarray(3 * j, 3 * j + 3)));
  const found = apart(rows, [1, 1, 1]);
  expect(found.length).toBeGreaterThan(0);
  expect(found.length).toBeLessThan(n / 4);
});

test('neither the rows that come first decide, nor many rows off the plane', () => {
  for (const spread of [0.3, 0.6]) {
    const { data, n } = nearPlane(seeded(5), 300, spread);
    const rows = Array.from({ length: n }, (_, j) => Array.from(data.subarray(3 * j, 3 * j + 3)));
    const off = apart(rows, [1, 1, 1]);
    const first = new Set(off);
    // Between two rows off the plane one that lies in it: no two of the plane come together as long as there are others.
    const inPlane = rows.filter((_, j) => !first.has(j));
    const others = rows.filter((_, j) => first.has(j));
    const mixed = others.flatMap((row, i) => [row, inPlane[i]]).concat(inPlane.slice(others.length));
    expect(apart(mixed, [1, 1, 1])).toEqual(others.map((_, i) => 2 * i));
  }
});

test('the relations of copied and of added columns are seen in the directions, whatever rows are off', () => {
  const random = seeded(7);
  const half = 20;
  const rows = Array.from({ length: 150 }, () => {
    const row = Array.from({ length: half }, () => random.gaussian());
    return [...row, ...row.slice(1).map((x) => 4 * x), Math.fround(row[0]) / 3];
  });
  // Two thirds of all rows differ in one digit.
  for (let j = 0; j < 100; j++) rows[j][half + (j % (half - 1))] *= 1 + 2 ** -52;
  const directions = Array.from({ length: half - 1 }, (_, i) =>
    Array.from({ length: 2 * half }, (_, c) => (c === i + 1 ? 1 : c === half + i ? -0.25 : 0)),
  );
  // As they come from a factor: in any basis, and rounded.
  const mixed = directions.map((direction, i) =>
    direction.map((x, c) => x + 0.3 * directions[(i + 1) % (half - 1)][c] + random.gaussian() * 1e-15),
  );
  const { data, n, d } = fromRows(rows);
  const steps = stepsOf(matrixOver(data, n, d), mixed);
  expect(run(steps)).toEqual(Array.from({ length: 100 }, (_, j) => j));
});

test('relations that are not simple are taken from rows, with reports, once for a matrix', () => {
  const random = seeded(9);
  const [n, d, rank] = [300, 24, 12];
  const whole = (count: number) => Array.from({ length: count }, () => random.integer(-9, 9));
  const basis = Array.from({ length: rank }, () => whole(d));
  const rows = Array.from({ length: n }, () => {
    const parts = whole(rank);
    return Array.from({ length: d }, (_, c) => basis.reduce((sum, row, i) => sum + parts[i] * row[c], 0));
  });
  const matrix = matrixOver(fromRows(rows).data, n, d);
  const directions = Array.from({ length: d - rank }, () =>
    Array.from({ length: d }, () => random.gaussian()),
  );
  const phases = (steps: Steps<readonly number[]>) => {
    const seen: string[] = [];
    expect(run(steps, { onProgress: ({ phase }) => seen.push(phase) })).toEqual([]);
    return seen;
  };
  const first = phases(stepsOf(matrix, directions));
  expect(first.filter((phase) => phase === 'relations').length).toBeGreaterThan(rank * (d - rank));
  expect(first.filter((phase) => phase === 'unresolved').length).toBeGreaterThan(n / 20);
  const weights = rows.map((_, j) => (j < 50 ? 0 : 1 + j));
  expect(phases(stepsOf(matrix, directions, weights))).not.toContain('relations');
});

test('directions that are nearly the same stand for no more relations than they have', () => {
  const apartAlong = (rows: number[][], directions: number[][]) => {
    const { data, n, d } = fromRows(rows);
    return run(stepsOf(matrixOver(data, n, d), directions));
  };
  // Of rank 3, with one relation.
  const rows = [1, 2, 3, 4, 5, 6, 7, 8].map((i) => [i, i * i, i + i * i, Math.sqrt(i)]);
  for (const other of [
    [1, 1, -1, 0],
    [0, 0, 0, 0],
    [Number.NaN, 0, 0, 0],
  ])
    expect(apartAlong(rows, [[1, 1, -1, 0], other]).length).toBeGreaterThan(0);
  // More directions than columns that are notable in them.
  const tilted = [0, 1, 2].map((i) => [1, -1 - i * 1e-5 * Math.PI, 0, 0]);
  expect(apartAlong(rows, tilted).length).toBeGreaterThan(0);
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
  // Of a matrix whose rows always come in the same memory, too.
  const equal = Float64Array.of(5, 6, 1, 2, 1, 2);
  const memory = equal.slice();
  const rows = (start: number, end: number) => {
    memory.set(equal.subarray(2 * start, 2 * end));
    return memory.subarray(0, 2 * (end - start));
  };
  expect(differentRows({ n: 3, d: 2, rows })).toBe(2);
  expect(differentRows(matrixOver(data, n, d), Float64Array.of(1, 1, 1, 1, 0))).toBe(2);
});
