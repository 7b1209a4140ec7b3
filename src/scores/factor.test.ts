import { expect, it } from 'vitest';
import { matrixOver } from '../keys.js';
import { run } from '../steps.js';
import { factorize, lowerScore, marginAt, upperScore } from './factor.js';
import { scoresOf } from './leverage.js';
import { heavyTailed } from './testing.js';

it('brackets scores, and its margin covers the bracket at the threshold', () => {
  const { data } = heavyTailed(400, 5, 1);
  const factor = run(factorize(matrixOver(data, 400, 5), 'test'));
  for (const score of run(scoresOf(factor))) {
    expect(lowerScore(factor, score)).toBeLessThanOrEqual(score);
    expect(upperScore(factor, score)).toBeGreaterThanOrEqual(score);
    expect(upperScore(factor, score) - lowerScore(factor, score)).toBeLessThan(1e-10);
    // The smallest score that is kept at a threshold equal to its upper end is itself.
    const threshold = upperScore(factor, score);
    expect(lowerScore(factor, score)).toBeGreaterThanOrEqual(threshold * (1 - marginAt(factor, threshold)));
  }
});

it('leaves rows of scale zero out', () => {
  const { data } = heavyTailed(400, 5, 2);
  const half = run(factorize(matrixOver(data, 200, 5), 'test'));
  const scale = Float64Array.from({ length: 400 }, (_, j) => (j < 200 ? 1 : 0));
  const masked = run(factorize(matrixOver(data, 400, 5), 'test', scale));
  const scores = run(scoresOf(masked));
  run(scoresOf(half)).forEach((score, j) => {
    expect(scores[j]).toBeCloseTo(score, 12);
  });
  expect(scores.subarray(200).every((score) => score === 0)).toBe(true);
});
