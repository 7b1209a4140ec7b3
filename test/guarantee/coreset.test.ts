/** Row samples of `lpCoreset` against queries that look for their weakest direction; uniform samples of the same size fall to these. */
import { describe, expect, test } from 'vitest';
import { type LpCoreset, lpCoreset } from '../../src/index.js';
import { attackSample, type Extremes, exactExtremes, whitened } from '../oracle/distortion.js';
import { type Matrix, tensor } from '../oracle/matrix.js';
import { seeded } from '../oracle/random.js';
import { flat } from './check.js';

const [n, d] = [2500, 3];

function rows(seed: number, entry: (i: number, c: number, normal: () => number) => number): Matrix {
  const random = seeded(seed);
  const data = Float64Array.from({ length: n * d }, (_, i) =>
    entry(Math.floor(i / d), i % d, () => random.gaussian()),
  );
  return { data, n, d };
}

const centres = Array.from({ length: 4 * d }, (_, i) => Math.sin(i * i + 1));
/** Each with whether a uniform sample must fail: a direction that few rows hold. */
const subjects: Record<string, { matrix: Matrix; uniformFails: boolean }> = {
  gaussian: { matrix: rows(1, (_, __, normal) => normal()), uniformFails: false },
  'heavy-tailed': { matrix: rows(2, (_, __, normal) => normal() / Math.abs(normal())), uniformFails: true },
  coherent: {
    matrix: rows(3, (i, c, normal) =>
      i % 1000 === 7 ? (c === 2 ? 50 : 0) : c < 2 ? normal() : 1e-3 * normal(),
    ),
    uniformFails: true,
  },
  clustered: {
    matrix: rows(4, (i, c, normal) => centres[(i === 1234 ? 3 : i % 2) * d + c] + 1e-5 * normal()),
    uniformFails: true,
  },
  spiked: { matrix: rows(5, (i, _, normal) => (i === 1432 ? 1e6 : 1) * normal()), uniformFails: true },
};

function rowWeights({ indices, weights }: Pick<LpCoreset, 'indices' | 'weights'>): Float64Array {
  const out = new Float64Array(n);
  indices.forEach((j, t) => {
    out[j] = weights[t];
  });
  return out;
}

const distortion = ({ least, most }: Extremes) => Math.max(1 - least, most - 1);

describe.each(Object.entries(subjects))('%s rows', (_, { matrix, uniformFails }) => {
  const white = whitened(matrix);
  const worst = (weights: Float64Array, p: number) => {
    const found = attackSample(white, weights, p, seeded(p));
    return Math.max(distortion(found), p === 2 ? distortion(exactExtremes(white, weights)) : 0);
  };

  test.each([0.5, 1, 1.5, 2, 3])('hold 1 +- eta at every query that is found, p = %d', (p) => {
    const sample = flat(lpCoreset(tensor(matrix), { p, eta: 0.45, seed: 1 }));
    expect(sample.guarantee).toBe('probable');
    expect(sample.indices.length).toBeLessThan(n);
    expect(worst(rowWeights(sample), p)).toBeLessThan(0.45);
  });

  test.each([1, 1.5, 4])('few are enough where they are drawn by Lewis weights, p = %d', (p) => {
    const sample = flat(lpCoreset(tensor(matrix), { p, rows: 200, seed: 2 }));
    const random = seeded(6);
    const uniform = Float64Array.from({ length: n }, () => (random.chance(200 / n) ? n / 200 : 0));
    expect(worst(rowWeights(sample), p)).toBeLessThan(0.6);
    if (uniformFails) expect(worst(uniform, p)).toBeGreaterThan(0.8);
  });
});

test('ascent for p = 2 ends at the eigenvalues', () => {
  for (const { matrix } of Object.values(subjects)) {
    const white = whitened(matrix);
    const weights = rowWeights(flat(lpCoreset(tensor(matrix), { p: 2, rows: 150, seed: 3 })));
    const exact = exactExtremes(white, weights);
    const found = attackSample(white, weights, 2, seeded(7));
    expect(found.least).toBeCloseTo(exact.least, 3);
    expect(found.most).toBeCloseTo(exact.most, 3);
  }
});
