/** Accuracy of leverage scores on hard numbers: against exact arithmetic where that is affordable, orthogonal methods beyond. */
import { describe, expect, test } from 'vitest';
import { leverageScores, universalSet } from '../src/index.js';
import { flat } from './guarantee/check.js';
import { filip, longley, wampler } from './oracle/designs.js';
import { exactLeverage } from './oracle/exact.js';
import { conditioned, generators, toFloat32 } from './oracle/generators.js';
import { fromRows, type Matrix, tensor } from './oracle/matrix.js';
import { qrLeverage } from './oracle/orthogonal.js';
import { type Random, seeded } from './oracle/random.js';

function largestError(scores: ArrayLike<number>, truth: ArrayLike<number>): number {
  let largest = 0;
  for (let j = 0; j < truth.length; j++) {
    const error = Math.abs(scores[j] - truth[j]);
    largest = error <= largest ? largest : error; // a NaN would win
  }
  return largest;
}

function make(name: string, random: Random, n: number, d: number): Matrix {
  const generator = generators.find((entry) => entry.name === name);
  if (!generator) throw new Error(`no generator ${name}`);
  return generator.make(random, n, d);
}

describe('condition numbers after column scaling', () => {
  test.each([1, 2, 3, 4, 5, 6, 8, 10, 12])('1e%d, float64: 300 x 6 against exact arithmetic', (reach) => {
    for (let seed = 0; seed < 4; seed++) {
      const matrix = conditioned(seeded(seed), 300, 6, reach);
      const { scores, margin, unresolved } = flat(leverageScores(tensor(matrix)));
      const error = largestError(scores, exactLeverage(matrix).scores);
      expect(error).toBeLessThan(1e-5);
      expect(error).toBeLessThanOrEqual(margin);
      expect(margin).toBeLessThan(reach <= 3 ? 1e-7 : 1e-4);
      expect(unresolved).toEqual([]);
    }
  });

  test.each([1, 2, 3, 4, 5])('1e%d, float32', (reach) => {
    const matrix = toFloat32(conditioned(seeded(reach), 300, 6, reach));
    const { scores } = flat(leverageScores(tensor(matrix)));
    expect(largestError(scores, exactLeverage(matrix).scores)).toBeLessThan(1e-5);
  });

  test.each([0, 3, 6])('1e%d at 3000 x 64, float64 and float32: scores and sets against QR', (reach) => {
    const drawn = conditioned(seeded(reach), 3000, 64, reach);
    for (const matrix of reach < 6 ? [drawn, toFloat32(drawn)] : [drawn]) {
      const truth = qrLeverage(matrix);
      const { scores, rank } = flat(leverageScores(tensor(matrix)));
      expect(rank).toBe(64);
      expect(largestError(scores, truth.scores)).toBeLessThan(1e-5);
      const epsilon = 0.03;
      const { indices, margin } = flat(universalSet(tensor(matrix), { epsilon }));
      const kept = new Set(indices);
      truth.scores.forEach((score, j) => {
        if (score > epsilon + 1e-8) expect(kept).toContain(j);
        if (score < epsilon * (1 - margin) - 1e-8) expect(kept).not.toContain(j);
      });
      expect(indices.length).toBeGreaterThan(0);
    }
  });
});

describe('bad column scaling costs nothing', () => {
  const random = seeded(5);
  const matrix = make('student-3', random, 400, 8);
  const { d } = matrix;
  const before = flat(leverageScores(tensor(matrix)));

  test('powers of two from 2^-60 to 2^60', () => {
    const scales = Array.from({ length: d }, () => 2 ** random.integer(-60, 60));
    const after = flat(
      leverageScores(tensor({ ...matrix, data: matrix.data.map((x, i) => x * scales[i % d]) })),
    );
    expect(largestError(after.scores, before.scores)).toBeLessThan(1e-13);
    expect(after.margin).toBeLessThan(4 * before.margin);
  });

  test('powers of ten from 1e-18 to 1e17', () => {
    const scales = Array.from({ length: d }, (_, c) => 10 ** (-18 + 5 * c));
    const scaled = { ...matrix, data: matrix.data.map((x, i) => x * scales[i % d]) };
    const after = flat(leverageScores(tensor(scaled)));
    expect(largestError(after.scores, exactLeverage(scaled).scores)).toBeLessThan(1e-12);
    expect(after.margin).toBeLessThan(4 * before.margin);
  });

  test.each([1e-300, 1e-160, 1e160, 1e300])('all keys times %g', (scale) => {
    const scaled = { ...matrix, data: matrix.data.map((x) => x * scale) };
    const after = flat(leverageScores(tensor(scaled)));
    expect(largestError(after.scores, before.scores)).toBeLessThan(1e-12);
    expect(flat(universalSet(tensor(scaled), { epsilon: 0.1 })).indices).toEqual(
      flat(universalSet(tensor(matrix), { epsilon: 0.1 })).indices,
    );
  });
});

test.each([
  { name: 'Filip', matrix: filip() },
  { name: 'Longley', matrix: longley() },
  { name: 'Wampler', matrix: wampler() },
])('NIST $name within 1e-8', ({ matrix }) => {
  const { scores, rank, margin } = flat(leverageScores(tensor(matrix)));
  expect(rank).toBe(matrix.d);
  expect(largestError(scores, exactLeverage(matrix).scores)).toBeLessThan(Math.min(1e-8, margin));
});

/** Degenerate keys with what is known of them. */
const degenerate: { name: string; rows: number[][]; rank: number; scores: number[] }[] = [
  { name: 'one key', rows: [[3, 4]], rank: 1, scores: [1] },
  { name: 'one number', rows: [[-7]], rank: 1, scores: [1] },
  { name: 'one column', rows: [[1], [0], [-1], [Math.SQRT2]], rank: 1, scores: [0.25, 0, 0.25, 0.5] },
  {
    name: 'nothing but zeros',
    rows: [
      [0, 0],
      [0, 0],
      [0, 0],
    ],
    rank: 0,
    scores: [0, 0, 0],
  },
  {
    name: 'fewer keys than columns',
    rows: [
      [1, 2, 3],
      [4, 5, 6],
    ],
    rank: 2,
    scores: [1, 1],
  },
  {
    name: 'copies',
    rows: [
      [1, 2],
      [1, 2],
      [3, -1],
      [1, 2],
    ],
    rank: 2,
    scores: [1 / 3, 1 / 3, 1, 1 / 3],
  },
  {
    name: 'zero rows and a zero column',
    rows: [
      [0, 0],
      [0, 2],
      [0, 0],
      [0, 1],
    ],
    rank: 1,
    scores: [0, 0.8, 0, 0.2],
  },
  {
    name: 'dependent columns',
    rows: [
      [1, 2, 3],
      [2, 4, 6],
      [1, 1, 2],
    ],
    rank: 2,
    scores: [0.2, 0.8, 1],
  },
  {
    name: 'a key alone at 1e-7',
    rows: [
      [1, 0],
      [1, 0],
      [1, 0],
      [1, 1e-7],
    ],
    rank: 2,
    scores: [1 / 3, 1 / 3, 1 / 3, 1],
  },
  {
    name: 'a key alone at the smallest number',
    rows: [
      [1, 0],
      [1, 0],
      [1, 5e-324],
    ],
    rank: 2,
    scores: [0.5, 0.5, 1],
  },
  {
    name: 'the largest numbers',
    rows: [
      [1.7e308, 0],
      [1.7e308, 0],
      [0, 1.7e308],
    ],
    rank: 2,
    scores: [0.5, 0.5, 1],
  },
  {
    name: 'tiny beside huge',
    rows: [
      [1e17, 1e-18],
      [1e17, -1e-18],
      [0, 1e-18],
    ],
    rank: 2,
    scores: [5 / 6, 5 / 6, 1 / 3],
  },
];

test.each(degenerate)('$name', ({ rows, rank, scores }) => {
  const matrix = fromRows(rows);
  const got = flat(leverageScores(tensor(matrix)));
  expect(got.rank).toBe(rank);
  expect(largestError(got.scores, scores)).toBeLessThan(1e-12);
  expect(largestError(exactLeverage(matrix).scores, scores)).toBeLessThan(1e-15);
  const set = flat(universalSet(tensor(matrix), { epsilon: 0.3 }));
  expect(set.indices).toEqual(Array.from(scores.keys()).filter((j) => scores[j] >= 0.3));
});

describe('rank', () => {
  test('of products of low rank in float64: what is nothing but rounding is no direction', () => {
    for (let seed = 0; seed < 50; seed++) {
      const random = seeded(seed);
      const matrix = make('products of low rank', random, random.integer(8, 200), random.integer(2, 12));
      const truth = exactLeverage(matrix.span ?? matrix);
      const { rank, scores, unresolved } = flat(leverageScores(tensor(matrix)));
      expect(rank).toBe(truth.rank);
      expect(unresolved).toEqual([]);
      expect(largestError(scores, truth.scores)).toBeLessThan(1e-8);
    }
  });

  test('scores sum to it', () => {
    for (const { make: draw, conditioning } of generators) {
      if (conditioning === 'bad') continue;
      const { scores, rank } = flat(leverageScores(tensor(draw(seeded(3), 500, 7))));
      expect(Math.abs(scores.reduce((a, b) => a + b, 0) - rank)).toBeLessThan(1e-5);
    }
  });
});

test('float32 keys are taken at face value', () => {
  const single = toFloat32(make('student-2', seeded(8), 200, 6));
  const double = { ...single, data: Float64Array.from(single.data) };
  expect(flat(leverageScores(tensor(single))).scores).toEqual(flat(leverageScores(tensor(double))).scores);
});

test.each([
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
])('%s is refused with its place', (bad) => {
  const matrix = make('gaussian', seeded(1), 1500, 3);
  matrix.data[1300 * 3 + 2] = bad;
  for (const keys of [tensor(matrix), tensor(toFloat32(matrix))])
    for (const call of [
      () => leverageScores(keys),
      () => universalSet(keys, { epsilon: 0.1 }),
      () => universalSet(keys, { epsilon: 0.1, centre: true }),
    ])
      expect(call).toThrow(new RegExp(`${bad} at row 1300, column 2`));
});

test.each([65, 145])('a key that one query sees alone is kept beside columns of 1e%d', (exponent) => {
  // The query (2, -1, 0) gives 0, -10^(exponent - 65), 0, 0.
  const [large, small] = [10 ** exponent, 10 ** (exponent - 65)];
  const data = Float64Array.of(large, 2 * large, 1, small, 3 * small, 1, 0, 0, 1, 0, 0, 1);
  expect(flat(universalSet({ data, shape: [4, 3] }, { epsilon: 0.6 })).indices).toContain(1);
});
