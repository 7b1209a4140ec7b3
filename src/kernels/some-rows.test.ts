/** Rows by their indices: which they are, that no more is read than needed, and that threads which see the matrix pick them themselves. */
import { expect, it } from 'vitest';
import { type KeyMatrix, matrixOver } from '../keys.js';
import type { RowRun } from './messages.js';
import { rowWork } from './row-work.js';
import { SomeRows } from './some-rows.js';

/** Row j is (j, -j). */
function numbered(n: number, buffer = new ArrayBuffer(16 * n) as ArrayBufferLike): KeyMatrix {
  const data = new Float64Array(buffer);
  for (let i = 0; i < data.length; i++) data[i] = (i % 2 ? -1 : 1) * (i >> 1);
  return matrixOver(data, n, 2);
}

/** A matrix, and the calls that read it. */
function watched(all: KeyMatrix) {
  const calls: [number, number][] = [];
  const matrix = {
    ...all,
    rows: (start: number, end: number) => {
      calls.push([start, end]);
      return all.rows(start, end);
    },
  };
  return { calls, matrix };
}

function rowsIn(matrix: KeyMatrix): number[] {
  return Array.from(matrix.rows(0, matrix.n)).filter((_, i) => i % 2 === 0);
}

const indices = [3, 4, 1000, 1023, 1024, 3000, 3001, 3002, 4999];

it('reads rows by their indices, each block at most once for each call', () => {
  const { calls, matrix } = watched(numbered(5000));
  expect(rowsIn(new SomeRows(matrix, indices))).toEqual(indices);
  expect(calls).toEqual([
    [3, 1024],
    [1024, 1025],
    [3000, 3003],
    [4999, 5000],
  ]);
  expect(rowsIn(new SomeRows(matrix, [])).length).toBe(0);
});

it('reads what lies apart by itself where fewer rows are taken together', () => {
  const { calls, matrix } = watched(numbered(5000));
  const some = new SomeRows(matrix, indices, 32);
  expect(rowsIn(some)).toEqual(indices);
  expect(calls).toEqual([
    [3, 5],
    [1000, 1024],
    [1024, 1025],
    [3000, 3003],
    [4999, 5000],
  ]);
  for (let start = 0; start < indices.length; start++)
    expect(Array.from(some.rows(start, indices.length))).toEqual(
      indices.slice(start).flatMap((j) => [j, -j]),
    );
});

it('sends indices in place of rows that threads see', () => {
  const source = numbered(5000, new SharedArrayBuffer(80_000));
  const offer = { phase: 'gram', task: { kind: 'gram', plan: { d: 2 } }, collect() {} } as const;
  const runOf = (matrix: KeyMatrix) => rowWork({ ...offer, matrix }, 2).input(0).input as RowRun;
  const run = runOf(new SomeRows(source, indices));
  expect(run.indices).toEqual(indices);
  expect(run.rows).toBeUndefined();
  // Of rows that nobody else sees they are copied.
  expect(runOf(new SomeRows(numbered(5000), indices)).rows).toEqual(new SomeRows(source, indices).rows(0, 9));
});
