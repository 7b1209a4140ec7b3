import { expect, it } from 'vitest';
import { matrixOver } from '../keys.js';
import { type Progress, run } from '../steps.js';
import { factorize, lowerScore, marginAt, upperScore } from './factor.js';
import { scoresOf } from './leverage.js';
import { RowCoordinates } from './row-space.js';
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

it('leaves rows of scale zero out where they are far beyond the range of the others', () => {
  const row = [1e-8, 1e-18, 1e-217, 86];
  const data = Float64Array.from([row, row, [1e40, 2e43, 3e103, 1], row].flat());
  const factor = run(factorize(matrixOver(data, 4, 4), 'test', Float64Array.of(1, 1, 0, 1)));
  [1 / 3, 1 / 3, 0, 1 / 3].forEach((expected, j) => {
    expect(run(scoresOf(factor))[j]).toBeCloseTo(expected, 12);
  });
});

it('concludes nothing from what is not a number', () => {
  const data = Float64Array.from([1e-217, 1, 1e-217, 1, 1e103, 1]);
  // The last row counts, but no number holds what it is once columns are scaled.
  const factor = run(factorize(matrixOver(data, 3, 2), 'test', Float64Array.of(1, 1, 1e-320)));
  expect(factor.absolute).toBe(1);
  expect(upperScore(factor, Number.NaN)).toBe(1);
});

it('keeps every row where leaving some out opens others again and again', () => {
  // Of each pair of columns but the first, two rows alone know more than the sum, and they are left out for what they alone know of the pair before.
  const pairs = 40;
  const d = 2 * pairs;
  const rows: number[][] = [];
  const row = (entries: Record<number, number>) =>
    rows.push(Array.from({ length: d }, (_, c) => entries[c] ?? 0));
  for (let t = 0; t < d; t += 2) {
    for (const x of [1, 2]) row({ [t]: x, [t + 1]: x });
    if (t > 0) for (const x of [1e-15, -1e-15]) row({ [t]: 1e-12, [t + 1]: -1e-12, [t - 2]: x, [t - 1]: -x });
  }
  let grams = 0;
  const onProgress = ({ phase, done, total }: Progress) => {
    if (phase === 'gram' && done === total) grams++;
  };
  const matrix = matrixOver(Float64Array.from(rows.flat()), rows.length, d);
  const { unresolved } = run(factorize(matrix, 'test'), { onProgress });
  expect(unresolved).toEqual(Array.from(rows.keys()));
  expect(grams).toBeLessThan(100);
  // Those too that were open before.
  const coordinates = new RowCoordinates(matrix.rows(0, rows.length) as Float64Array, rows.length, d, 0, [1]);
  expect(run(factorize(coordinates, 'test')).unresolved).toEqual(unresolved);
});
