import { describe, expect, it } from 'vitest';
import { matrixOver } from '../keys.js';
import { randomStream } from '../random.js';
import { run } from '../steps.js';
import { leverageScores } from './leverage.js';
import { lewisBounds, lewisWeights } from './lewis.js';
import { heavyTailed, tensorOf } from './testing.js';

const sum = (values: Float64Array) => values.reduce((a, b) => a + b, 0);

describe('lewisWeights', () => {
  it.each([0.2, 0.5, 1, 1.5, 3, 4, 8])('is the fixed point w = tau(W^{1/2-1/p} K) for p = %d', (p) => {
    const keys = heavyTailed(300, 4, 1);
    const { weights, certificate, rank } = lewisWeights(keys, { p, iterations: 300 });
    const scaled = tensorOf(300, 4, (i, c) => keys.data[i * 4 + c] * weights[i] ** (1 / 2 - 1 / p));
    const { scores } = leverageScores(scaled);
    expect(certificate).toBeLessThan(1 + 1e-5);
    expect(sum(weights)).toBeCloseTo(rank, 4);
    for (let j = 0; j < 300; j++) expect(scores[j] / weights[j]).toBeCloseTo(1, 4);
  });

  it('is the leverage score for p = 2', () => {
    const keys = heavyTailed(300, 4, 2);
    const { weights, iterations } = lewisWeights(keys, { p: 2 });
    expect(iterations).toBe(1);
    leverageScores(keys).scores.forEach((score, j) => {
      expect(weights[j]).toBeCloseTo(score, 10);
    });
  });

  it('gives zero rows no weight, and tiny rows some', () => {
    const keys = tensorOf(
      5,
      2,
      (i, c) =>
        [
          [0, 0],
          [1, 0],
          [0, 1],
          [1e-200, 0],
          [1e-200, 1e-200],
        ][i][c],
    );
    const { weights } = lewisWeights(keys, { p: 0.01 });
    expect(weights[0]).toBe(0);
    expect(weights[3]).toBeGreaterThan(0);
  });

  it('says how far it came, and bounds sensitivities even then', () => {
    const keys = heavyTailed(200, 3, 3);
    const random = randomStream(4);
    for (const p of [0.5, 1, 4, 20]) {
      const one = run(lewisBounds(matrixOver(keys.data, 200, 3), 'test', { p, iterations: 1, tolerance: 0 }));
      expect(one.iterations).toBe(1);
      expect(one.certificate).toBeGreaterThan(1.01);
      for (let trial = 0; trial < 200; trial++) {
        const y = [random.normal(), random.normal(), random.normal()];
        const powers = Array.from(
          { length: 200 },
          (_, j) => Math.abs(y.reduce((total, value, c) => total + value * keys.data[j * 3 + c], 0)) ** p,
        );
        const total = powers.reduce((a, b) => a + b, 0);
        powers.forEach((value, j) => {
          expect(value / total).toBeLessThanOrEqual(one.upper[j] * (1 + 1e-12));
        });
      }
    }
  });

  it.each([1e-300, 1e300, Number.MAX_VALUE])('loses no row and bounds it by a number at p = %d', (p) => {
    const { weights, rank } = lewisWeights(heavyTailed(9, 2, 5), { p });
    expect(rank).toBe(2);
    expect(weights.every((weight) => weight > 0)).toBe(true);
    const { data } = heavyTailed(9, 2, 5);
    const effort = { p, iterations: 30, tolerance: 0.01 };
    const { upper } = run(lewisBounds(matrixOver(data, 9, 2), 'test', effort));
    expect(upper.every((end) => end >= 0 && end <= 1)).toBe(true);
    expect(sum(upper)).toBeGreaterThan(0.5);
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('refuses p = %d', (p) => {
    expect(() => lewisWeights(heavyTailed(9, 2, 5), { p })).toThrow(
      `lewisWeights: p must be a positive number, got ${p}`,
    );
  });
});
