/** Matrices with fewer rows than columns: every score is that of the row space, at the cost of n^2 d. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { huber, leverageScores, lewisWeights, power, sensitivities, universalSet } from '../src/index.js';
import { flat } from './guarantee/check.js';
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
const dependent = (more: fc.Arbitrary<number>) =>
  fc
    .record({
      rank: fc.integer({ min: 1, max: 4 }),
      n: fc.integer({ min: 1, max: 8 }),
      more,
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

describe.each([
  ['few', fc.integer({ min: 1, max: 30 }), 400, 400],
  // Coordinates of the rows, which cannot tell columns of too different sizes apart.
  ['many', fc.integer({ min: 130, max: 150 }), 4, 60],
])('fewer rows than columns, and these are %s', (_, more, most, numRuns) => {
  test('scores are the exact ones', () => {
    fc.assert(
      fc.property(dependent(more), fc.integer({ min: -300, max: 290 }), (rows, exponent) => {
        const keys = tensor(rows.map((row) => row.map((x) => x * 10 ** exponent)));
        const exact = exactLeverage({ data: tensor(rows).data, n: rows.length, d: rows[0].length });
        const { scores, rank, unresolved } = leverageScores(keys);
        expect(unresolved).toEqual([]);
        // Beyond the last power of ten that is a float64 the combinations are rounded, to their numerical rank.
        expect(rank).toBe(exact.rank);
        for (const [j, score] of exact.scores.entries()) expect(scores[j]).toBeCloseTo(score, 9);
      }),
      { numRuns },
    );
  });

  test('the scale of a column costs nothing', () => {
    const scale = fc.integer({ min: -most, max: most });
    fc.assert(
      fc.property(dependent(more), fc.nat(), scale, (rows, column, exponent) => {
        const at = column % rows[0].length;
        const keys = tensor(rows.map((row) => row.map((x, c) => (c === at ? x * 2 ** exponent : x))));
        const exact = exactLeverage({ data: tensor(rows).data, n: rows.length, d: rows[0].length });
        const { scores, rank, unresolved } = leverageScores(keys);
        expect({ rank, unresolved }).toEqual({ rank: exact.rank, unresolved: [] });
        for (const [j, score] of exact.scores.entries()) expect(scores[j]).toBeCloseTo(score, 9);
      }),
      { numRuns },
    );
  });

  test('no key is lost, and upper ends are upper ends, whatever the scales of columns and rows', () => {
    const scales = fc.record({ seed: fc.integer(), spread: fc.integer({ min: 0, max: 120 }) });
    fc.assert(
      fc.property(dependent(more), scales, (rows, { seed, spread }) => {
        const random = seeded(seed);
        const exponents = rows[0].map(() => (random.chance(0.2) ? random.integer(-spread, spread) : 0));
        const n = rows.length;
        // One entry that may make a row independent, by next to nothing: not below what counts as a number, 1e-28 of a row.
        const [i, at, tiny] = [
          random.integer(0, n - 1),
          random.integer(0, rows[0].length - 1),
          random.integer(-Math.min(spread, 70), 0),
        ];
        const changed = rows.map((row, j) =>
          row.map((x, c) => (x + (j === i && c === at && x === 0 ? 2 ** tiny : 0)) * 2 ** exponents[c]),
        );
        const { data } = tensor(changed);
        const exact = exactLeverage({ data, n, d: rows[0].length });
        const threshold = random.pick([0.1, 0.3, 0.6, 0.9]);
        const set = flat(universalSet(tensor(changed), { epsilon: threshold }));
        const upper = new Map(set.indices.map((j, t) => [j, set.scores[t]]));
        for (const [j, score] of exact.scores.entries()) {
          if (score > threshold * (1 + 1e-9)) expect(upper.has(j)).toBe(true);
          if (upper.has(j)) expect(upper.get(j)).toBeGreaterThanOrEqual(score * (1 - 1e-9));
          if (set.guarantee === 'minimal' && upper.has(j))
            expect(score).toBeGreaterThan(threshold * (1 - set.margin));
        }
      }),
      { numRuns },
    );
  });
});

test('a key that only one reading leaves open makes no minimal set', () => {
  const keys = tensor([
    [-2, -3, 3, 3, 0],
    [0, 0, 0, 0, 1e-21],
    [-4, -6, 6, 6, 6e-15],
    [6, 9, -9, -9, 0],
  ]);
  const set = flat(universalSet(keys, { epsilon: 0.1 }));
  expect(set.guarantee === 'superset' || !set.indices.includes(1)).toBe(true);
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
