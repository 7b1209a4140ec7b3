import { describe, expect, it } from 'vitest';
import { exactLeverage } from '../../test/oracle/exact.js';
import { GrowingGram } from './growing-gram.js';
import { independent } from './independent.js';
import { RankOneScores } from './rank-one.js';
import { heavyTailed, tensorOf } from './testing.js';

const [n, d, before] = [90, 5, 40];

/** Scores of row 0 and of each new row, from a factor of the first 40 rows and updates by the others. */
function* updated(data: Float64Array) {
  const gram = new GrowingGram(d);
  const row = (j: number) => data.slice(j * d, (j + 1) * d);
  for (let j = 0; j < before; j++) gram.add(row(j));
  const scores = new RankOneScores(gram.factor()!);
  const image = new Float64Array(d);
  let first = scores.image(row(0), image, 0);
  for (let j = before; j < n; j++) {
    const change = scores.add(row(j));
    if (!change) return;
    first -= image.reduce((sum, z, c) => sum + z * change.direction[c], 0) ** 2;
    yield { position: j, first, own: change.score, scores };
  }
}

describe('updates row by row', () => {
  it('agree with exact arithmetic, within the thresholds', () => {
    const { data } = heavyTailed(n, d, 3);
    let steps = 0;
    for (const { position, first, own, scores } of updated(data)) {
      const exact = exactLeverage({ data: data.slice(0, (position + 1) * d), n: position + 1, d }).scores;
      expect(scores.steps).toBe(++steps);
      for (const [score, truth] of [
        [first, exact[0]],
        [own, exact[position]],
      ]) {
        const { light, heavy } = scores.thresholds(truth);
        expect(score).toBeGreaterThanOrEqual(light);
        expect(score).toBeLessThan(heavy);
        expect(heavy - light).toBeLessThan(1e-9);
      }
    }
    expect(steps).toBe(n - before);
  });

  it('refuse a column that was zero and rows that are too large, and change nothing by it', () => {
    const drawn = heavyTailed(n, d, 4).data;
    const keys = tensorOf(n, d, (i, c) => (c === 4 ? 0 : drawn[i * d + c]));
    const gram = new GrowingGram(d);
    for (let j = 0; j < n; j++) gram.add(keys.data.slice(j * d, (j + 1) * d));
    const scores = new RankOneScores(gram.factor()!);
    expect(scores.width).toBe(4);
    const { light } = scores.thresholds(0.1);
    expect(scores.add(Float64Array.of(0, 0, 0, 0, 1e-300))).toBeUndefined();
    expect(scores.add(Float64Array.of(1e9, 0, 0, 0, 0))).toBeUndefined();
    expect(scores.add(Float64Array.of(1e300, 1e300, 0, 0, 0))).toBeUndefined();
    expect(scores.thresholds(0.1).light).toBe(light);
    expect(scores.add(Float64Array.of(300, 0, 0, 0, 0))?.score).toBeGreaterThan(0.9);
  });
});

describe('a growing Gram', () => {
  it.each([
    ['fewer rows than columns', [1, 2, 3, 4, 5, 6], 2],
    ['dependent columns', [1, 2, 3, 2, 4, 1, 3, 6, 0, 0.1, 0.2, 5], 4],
    ['squares that underflow', [1e-200, 0, 0, 0, 1, 0, 0, 0, 1], 3],
    ['squares that overflow', [1e200, 0, 0, 0, 1, 0, 0, 0, 1], 3],
  ])('gives no factor for %s', (_, data, rows) => {
    const gram = new GrowingGram(3);
    for (let j = 0; j < rows; j++) gram.add(Float64Array.from(data.slice(j * 3, j * 3 + 3)));
    expect(gram.factor()).toBeUndefined();
  });
});

describe('independent rows', () => {
  it.each([
    ['rows of all sizes', [1e-60, 1, 0, 1e60, 0, 3], 2, true],
    ['copies', [1, 2, 3, 1, 2, 3], 2, false],
    ['copies up to rounding', [1, 2, 3, 1, 2, 3 + 1e-14], 2, false],
    ['more rows than columns', [1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1], 4, false],
    ['a row of zeros', [1, 2, 3, 0, 0, 0], 2, false],
  ])('%s', (_, data, rows, expected) => {
    expect(independent(Float64Array.from(data), rows, 3)).toBe(expected);
  });
});
