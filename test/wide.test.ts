/** Matrices with fewer rows than columns: every score is that of the row space, at the cost of n^2 d. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { huber, leverageScores, lewisWeights, power, sensitivities, universalSet } from '../src/index.js';
import { exactLeverage } from './oracle/exact.js';
import { svdLeverage } from './oracle/orthogonal.js';
import { seeded } from './oracle/random.js';

function tensor(rows: readonly (readonly number[])[]) {
  return { data: Float64Array.from(rows.flat()), shape: [rows.length, rows[0].length] as const };
}

function gaussian(n: number, d: number, seed = 1): number[][] {
  const random = seeded(seed);
  return Array.from({ length: n }, () => Array.from({ length: d }, () => random.gaussian()));
}

/** Rows that are small whole combinations of a few rows of whole numbers, so that their rank is exact. */
const dependent = fc
  .record({
    rank: fc.integer({ min: 1, max: 4 }),
    n: fc.integer({ min: 1, max: 8 }),
    more: fc.integer({ min: 1, max: 30 }),
    seed: fc.integer(),
  })
  .map(({ rank, n, more, seed }) => {
    const random = seeded(seed);
    const whole = () => random.integer(-3, 3);
    const basis = Array.from({ length: rank }, () => Array.from({ length: n + more }, whole));
    return Array.from({ length: n }, () => {
      const parts = Array.from({ length: rank }, whole);
      return basis[0].map((_, c) => parts.reduce((sum, part, i) => sum + part * basis[i][c], 0));
    });
  });

test('scores of fewer rows than columns are the exact ones', () => {
  fc.assert(
    fc.property(dependent, fc.integer({ min: -300, max: 290 }), (rows, exponent) => {
      const keys = tensor(rows.map((row) => row.map((x) => x * 10 ** exponent)));
      const exact = exactLeverage({ data: tensor(rows).data, n: rows.length, d: rows[0].length });
      const { scores, rank, unresolved } = leverageScores(keys);
      expect(unresolved).toEqual([]);
      // Beyond the last power of ten that is a float64 the combinations are rounded, to their numerical rank.
      expect(rank).toBe(exact.rank);
      for (const [j, score] of exact.scores.entries()) expect(scores[j]).toBeCloseTo(score, 9);
    }),
    { numRuns: 300 },
  );
});

describe.each([
  [3, 1600],
  [3, 20000],
  [60, 64],
])('%d rows of %d columns', (n, d) => {
  test('are alone where they are independent, whatever is asked of them', () => {
    const keys = tensor(gaussian(n, d));
    const all = Array.from({ length: n }, (_, j) => j);
    const { scores, rank } = leverageScores(keys);
    expect(rank).toBe(n);
    expect(scores.every((score) => score === 1)).toBe(true);
    expect(Array.from(lewisWeights(keys, { p: 1 }).weights)).toEqual(all.map(() => 1));
    const { lower, upper } = sensitivities(keys, { p: 3, indices: [0] });
    expect(lower[0]).toBeGreaterThan(1 - 1e-9);
    expect(upper[0]).toBe(1);
    for (const f of [power(2), power(1), power(4), huber(1)])
      for (const centre of [false, true])
        expect(universalSet(keys, { epsilon: 1, f, centre }).indices).toEqual(all);
    expect(universalSet(keys, { epsilon: 1 }).guarantee).toBe('minimal');
  });

  test('share what they have twice, and zeros have nothing', () => {
    const rows = gaussian(n, d);
    rows[n - 1] = rows[0];
    rows[1] = rows[1].map(() => 0);
    const keys = tensor(rows);
    const { scores, rank } = leverageScores(keys);
    const expected = rows.map((_, j) => (j === 1 ? 0 : j === 0 || j === n - 1 ? 0.5 : 1));
    for (const [j, score] of expected.entries()) expect(scores[j]).toBeCloseTo(score, 12);
    expect(rank).toBe(n - 2);
    const set = universalSet(keys, { epsilon: 0.6 });
    expect(set.indices).toEqual(expected.flatMap((score, j) => (score === 1 ? [j] : [])));
    expect(set.guarantee).toBe('minimal');
  });
});

test('a dependent wide matrix has the scores of a singular value decomposition', () => {
  const [n, rank, d] = [40, 25, 90];
  const left = gaussian(n, rank);
  const right = gaussian(rank, d, 2);
  const rows = left.map((parts) =>
    right[0].map((_, c) => parts.reduce((sum, x, i) => sum + x * right[i][c], 0)),
  );
  const keys = tensor(rows);
  const found = leverageScores(keys);
  expect(found.rank).toBe(rank);
  const { scores } = svdLeverage({ data: keys.data, n, d });
  for (const [j, score] of scores.entries()) expect(found.scores[j]).toBeCloseTo(score, 9);
  // At face value the rounding of the product makes every row independent.
  expect(universalSet(keys, { epsilon: 1 }).indices.length).toBe(n);
});

describe('rows that nearly depend on others', () => {
  test.each([1e-6, 1e-14, 1e-20])('are alone in sets, off by %d', (off) => {
    const [first] = gaussian(1, 8);
    const keys = tensor([
      first,
      first.map((x, c) => (c === 7 ? 0 : x)),
      first.map((x, c) => (c === 7 ? off : x)),
    ]);
    const exact = exactLeverage({ data: keys.data, n: 3, d: 8 });
    const { indices } = universalSet(keys, { epsilon: 0.3 });
    exact.scores.forEach((score, j) => {
      if (score >= 0.3) expect(indices).toContain(j);
    });
  });

  test('a row far smaller than all others is alone where they have nothing', () => {
    const rows = gaussian(4, 9).map((row) => [...row, 0]);
    rows[3] = rows[2];
    const tiny = [...gaussian(1, 9, 5)[0].map((x) => x * 1e-17), 1e-17];
    const { scores } = leverageScores(tensor([...rows, tiny]));
    expect(scores[4]).toBe(1);
    expect(scores[3]).toBeCloseTo(0.5, 9);
  });
});

test('rows from one end of the numbers to the other are kept', () => {
  const [row] = gaussian(1, 6);
  const keys = tensor([1e300, 1, 1e-300, 5e-324].map((size) => row.map((x) => x * size)));
  expect(universalSet(keys, { epsilon: 0.5 }).indices).toContain(0);
  const apart = tensor([1e300, 1e-300].map((size, i) => gaussian(2, 6)[i].map((x) => x * size)));
  expect(universalSet(apart, { epsilon: 1 }).indices).toEqual([0, 1]);
});

test('the first number that is not finite is named', () => {
  const rows = gaussian(2, 5);
  rows[1][3] = Number.NaN;
  expect(() => leverageScores(tensor(rows))).toThrow(
    new RangeError('leverageScores: keys must be finite, got NaN at row 1, column 3'),
  );
  expect(() => universalSet(tensor(rows), { epsilon: 0.1, f: huber(1) })).toThrow(
    /got NaN at row 1, column 3/,
  );
});
