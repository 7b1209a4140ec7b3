import { expect, test } from 'vitest';
import { heavyScores } from '../attention/heavy-scores.js';
import { matrixOver } from '../keys.js';
import { randomStream } from '../random.js';
import { run } from '../steps.js';
import { universalSet } from '../universal-set/universal-set.js';
import { bruteForceSteps, worstQueries } from './proof.js';

/** Shares of the query (1, 1): 1/4 of 4 + 1 + 0 + 1 = 6 is (4, 1, 0, 1)/6. */
const keys = matrixOver(Float64Array.of(2, 0, 0, 1, 1, -1, 0, 1), 4, 2);
const queries = matrixOver(Float64Array.of(1, 1, 0, 0), 2, 2);

test('brute force counts the scores that reach epsilon, and those outside the set', () => {
  const found = run(bruteForceSteps(queries, keys, new Set([0]), 1 / 6));
  expect(found).toEqual({ scores: 8, heavy: 3, outside: 2 });
});

test('the worst query of a key reaches its leverage score, and no random query goes beyond', () => {
  const random = randomStream(3);
  const [n, d] = [40, 4];
  const data = Float64Array.from(
    { length: n * d },
    (_, i) => (random.uniform() - 0.5) * (i % 9 === 0 ? 8 : 1),
  );
  const matrix = matrixOver(data, n, d);
  // All keys in the set, with a score of zero: the difference is then the largest score of all.
  const all = worstQueries(matrix, new Map(Array.from({ length: n }, (_, j) => [j, 0])));
  const none = worstQueries(matrix, new Map());
  expect(all.difference).toBe(none.mostOutside);
  const tries = matrixOver(
    Float64Array.from({ length: 4000 * d }, () => random.uniform() - 0.5),
    4000,
    d,
  );
  const beyond = run(bruteForceSteps(tries, matrix, new Set(), none.mostOutside * (1 + 1e-12)));
  expect(beyond.heavy).toBe(0);
  const near = run(bruteForceSteps(tries, matrix, new Set(), none.mostOutside * 0.8));
  expect(near.heavy).toBeGreaterThan(0);
});

test('reported scores that are wrong show', () => {
  const worst = worstQueries(keys, new Map([[0, 0.5]]));
  expect(worst.leastInside).toBeGreaterThan(0.7);
  expect(worst.difference).toBeCloseTo(worst.leastInside - 0.5, 12);
});

test('queries along which products cancel are judged by their digits', () => {
  // Rank 2 in six dimensions, in float64: along queries from the other four, products are rounding alone.
  const random = randomStream(4);
  const [n, d] = [60, 6];
  const [left, right] = [n * 2, 2 * d].map((size) =>
    Float64Array.from({ length: size }, () => random.normal()),
  );
  const data = Float64Array.from({ length: n * d }, (_, i) => {
    const [j, c] = [Math.floor(i / d), i % d];
    return left[2 * j] * right[c] + left[2 * j + 1] * right[d + c];
  });
  const rows = [right.subarray(0, d), right.subarray(d)];
  const across = Float64Array.from({ length: 40 * d }, () => random.normal());
  for (let i = 0; i < 40; i++) {
    const query = across.subarray(i * d, (i + 1) * d);
    // Twice, so that what is left is rounding; the two rows first made orthogonal.
    const first = rows[0];
    const along = dot(rows[1], first) / dot(first, first);
    const second = rows[1].map((entry, c) => entry - along * first[c]);
    for (let pass = 0; pass < 2; pass++)
      for (const row of [first, second]) {
        const part = dot(query, row) / dot(row, row);
        for (let c = 0; c < d; c++) query[c] -= part * row[c];
      }
  }
  const keys = matrixOver(data, n, d);
  const tries = matrixOver(across, 40, d);
  for (const epsilon of [0.1, 0.25]) {
    const set = new Set(universalSet(keys, { epsilon, exact: true }).indices);
    const { heavy, outside } = run(bruteForceSteps(tries, keys, set, epsilon));
    expect(heavyScores(tries, keys, { epsilon }).scores.length).toBe(heavy);
    expect(outside).toBe(0);
  }
});

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, entry, c) => sum + entry * b[c], 0);
}
