/** `npm run soak` on a million rows: every planted key is found, in the memory that a hundred million may take. */
import { expect, test } from 'vitest';
import { plantedRows } from '../../bench/planted.js';
import { faultsOf, MOST_BYTES, soak } from '../../bench/soaking.js';
import { built } from '../packaging/built.js';

test('a million rows from standard input', async () => {
  built('cli.js');
  const reported: number[] = [];
  const { peak, faults } = await soak(1_000_000, (rows) => reported.push(rows));
  expect(faults).toEqual([]);
  expect(peak).toBeGreaterThan(20e6);
  expect(peak).toBeLessThan(MOST_BYTES);
  expect(reported.at(-1)).toBe(1_000_000);
});

test('planted rows stand at both ends, and there are as many rows as were asked for', () => {
  const { heavy, pieces } = plantedRows(100_000, 16, 0.01);
  const rows = [...pieces()].map((piece) => piece.length / 16);
  expect(rows.reduce((sum, count) => sum + count)).toBe(100_000);
  expect([heavy[0], heavy.at(-1)]).toEqual([0, 99_999]);
});

test('a set that is not the planted one is at fault', () => {
  const right = { n: 9, guarantee: 'minimal', indices: [0, 4, 8] };
  const heavy = [0, 4, 8];
  expect(faultsOf(right, 9, heavy)).toEqual([]);
  expect(faultsOf({ ...right, indices: [0, 4] }, 9, heavy)).toEqual(['planted rows are lost: 8']);
  expect(faultsOf({ ...right, indices: [0, 3, 4, 8] }, 9, heavy)).toEqual([
    'rows are in the set that are not heavy: 3',
  ]);
  expect(faultsOf({ ...right, n: 8, guarantee: 'superset' }, 9, heavy)).toEqual([
    '8 rows were counted',
    'the set must be minimal, got superset',
  ]);
});
