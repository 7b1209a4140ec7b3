import { describe, expect, it } from 'vitest';
import { exactLeverage } from '../../test/oracle/exact.js';
import { nearPlane } from '../../test/oracle/near-plane.js';
import { seeded } from '../../test/oracle/random.js';
import { randomStream } from '../random.js';
import { leverageScores } from './leverage.js';
import { sensitivities } from './sensitivity.js';
import { heavyTailed, tensorOf } from './testing.js';

describe('sensitivities', () => {
  it.each([1, 1.2, 1.5, 2, 3, 4, 6, 12])('closes the gap between query and proof for p = %d', (p) => {
    const { lower, upper, unreached } = sensitivities(heavyTailed(80, 3, 1), { p });
    expect(unreached).toBe(0);
    for (let j = 0; j < 80; j++) {
      expect(lower[j]).toBeLessThanOrEqual(upper[j]);
      expect(upper[j] - lower[j]).toBeLessThanOrEqual(2e-6 * upper[j]);
    }
  });

  it('is the leverage score for p = 2', () => {
    const keys = heavyTailed(80, 3, 2);
    const { upper } = sensitivities(keys, { p: 2 });
    leverageScores(keys).scores.forEach((score, j) => {
      expect(upper[j]).toBeCloseTo(score, 9);
    });
  });

  it('holds the exact score of rows as near to a plane as doubled precision tells', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { data, n, d } = nearPlane(seeded(seed), 6, 30);
      const truth = exactLeverage({ data, n, d });
      const { lower, upper } = sensitivities({ data, shape: [n, d] }, { p: 2 });
      for (let j = 0; j < n; j++) {
        expect(truth.compare(j, upper[j])).toBeLessThanOrEqual(0);
        expect(lower[j] === 0 || truth.compare(j, lower[j]) >= 0).toBe(true);
      }
    }
  });

  it.each([1, 2, 4])('is not moved by the scale of columns, where scales are beyond float64, p = %d', (p) => {
    const keys = (scale: number) =>
      tensorOf(8, 2, (i, c) => scale * (i + 1) * (c === 0 ? 1 : 1 + 2 ** -32 * (((i + 2) * 5) % 7)));
    const [plain, scaled] = [1, 2 ** -1000].map((scale) => sensitivities(keys(scale), { p }));
    expect(plain.upper.some((upper) => upper < 0.9)).toBe(true);
    plain.upper.forEach((upper, j) => {
      expect(scaled.upper[j]).toBeCloseTo(upper, 4);
      expect(scaled.lower[j]).toBeCloseTo(plain.lower[j], 4);
    });
  });

  it.each([1, 1.5, 3, 6])('is |x_j|^p / sum |x|^p in one dimension, p = %d', (p) => {
    const values = [1, 2, 3, 5, 8];
    const { lower, upper } = sensitivities(
      tensorOf(5, 1, (i) => values[i]),
      { p, gap: 1e-9 },
    );
    const total = values.reduce((a, b) => a + b ** p, 0);
    values.forEach((value, j) => {
      expect(upper[j]).toBeCloseTo(value ** p / total, 8);
      expect(lower[j]).toBeCloseTo(value ** p / total, 8);
    });
  });

  it.each([1, 1.5, 4])('gives independent keys 1 and c twins 1/c, p = %d', (p) => {
    const { upper, lower } = sensitivities(
      tensorOf(5, 3, (i, c) => (Math.min(i, 2) === c ? 2 : 0)),
      { p },
    );
    [1, 1, 1 / 3, 1 / 3, 1 / 3].forEach((expected, j) => {
      expect(upper[j]).toBeCloseTo(expected, 5);
      expect(lower[j]).toBeCloseTo(expected, 5);
    });
  });

  it('closes the gap for p = 1 on integers with ties, and gives zero rows exactly zero', () => {
    const random = randomStream(5);
    const keys = tensorOf(30, 3, () => Math.floor(5 * random.uniform()) - 2);
    keys.data.fill(0, 21, 24);
    const { lower, upper } = sensitivities(keys, { p: 1 });
    expect([lower[7], upper[7]]).toEqual([0, 0]);
    for (let j = 0; j < 30; j++) expect(upper[j] - lower[j]).toBeLessThanOrEqual(2e-6 * upper[j]);
  });

  it('looks at the rows that it is asked for, within its budget', () => {
    const keys = heavyTailed(200, 4, 3);
    const some = sensitivities(keys, { p: 3, indices: [7, 3] });
    const all = sensitivities(keys, { p: 3 });
    expect(some.indices).toEqual([7, 3]);
    expect(some.upper[1]).toBe(all.upper[3]);
    const poor = sensitivities(keys, { p: 3, budget: 1e5 });
    expect(poor.unreached).toBeGreaterThan(100);
    expect(poor.upper[199]).toBe(1);
    expect(poor.lower[199]).toBe(0);
  });

  it.each([1e15, 1e100, 1e307, Number.MAX_VALUE])('bounds them from both sides at p = %d', (p) => {
    const { lower, upper } = sensitivities(heavyTailed(9, 2, 4), { p });
    expect(lower.every((end, j) => end >= 0 && end <= upper[j])).toBe(true);
    expect(upper.every((end) => end <= 1)).toBe(true);
  });

  it.each([
    [{ p: 0.5 }, /p must be at least 1, got 0.5/],
    [{ p: Number.NaN }, /p must be at least 1/],
    [{ p: 3, indices: [0, 9] }, /indices must be rows 0 to 8, got 9/],
    [{ p: 3, budget: 0 }, /budget must be positive/],
    [{ p: 3, gap: -1 }, /gap must be at least 0/],
  ])('refuses %o', (options, message) => {
    expect(() => sensitivities(heavyTailed(9, 2, 4), options)).toThrow(message);
  });
});
