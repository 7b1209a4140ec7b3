import { describe, expect, it } from 'vitest';
import { matrixOver } from '../keys.js';
import { randomStream } from '../random.js';
import { leverageScores, leverageScoresAsync } from './leverage.js';
import { heavyTailed, mixed, tensorOf } from './testing.js';

const sum = (values: Float64Array) => values.reduce((a, b) => a + b, 0);

/** A random matrix whose rows shrink to 10^-digits: condition number about 10^digits. */
function illConditioned(d: number, digits: number, seed: number): number[][] {
  const random = randomStream(seed);
  return Array.from({ length: d }, (_, k) =>
    Array.from({ length: d }, () => random.normal() * 10 ** ((-digits * k) / (d - 1))),
  );
}

describe('leverageScores', () => {
  it('sums to the rank and is at most 1', () => {
    const { scores, rank } = leverageScores(heavyTailed(3000, 7, 1));
    expect(rank).toBe(7);
    expect(sum(scores)).toBeCloseTo(7, 10);
    expect(Math.max(...scores)).toBeLessThanOrEqual(1);
  });

  it.each([2, 4, 6, 8, 10])('is the same for K A with condition number 1e%i', (digits) => {
    const keys = heavyTailed(500, 6, 2);
    const plain = leverageScores(keys);
    const other = leverageScores(mixed(keys, illConditioned(6, digits, 3)));
    // K A is rounded to float64 itself, which is worth about 10^digits u.
    const allowed = other.margin + 1e-12 + 10 ** digits * 1e-15;
    for (let j = 0; j < 500; j++) expect(Math.abs(other.scores[j] - plain.scores[j])).toBeLessThan(allowed);
    expect(other.margin).toBeLessThan(1e-4);
  });

  it.each([
    1e-160, 1e-18, 1e17, 1e160,
  ])('does not depend on the scale %d of the keys or of a column', (scale) => {
    const keys = heavyTailed(200, 4, 4);
    const plain = leverageScores(keys).scores;
    const all = leverageScores(tensorOf(200, 4, (i, c) => keys.data[i * 4 + c] * scale)).scores;
    const one = leverageScores(
      tensorOf(200, 4, (i, c) => keys.data[i * 4 + c] * (c === 2 ? scale : 1)),
    ).scores;
    for (let j = 0; j < 200; j++) {
      expect(all[j]).toBeCloseTo(plain[j], 12);
      expect(one[j]).toBeCloseTo(plain[j], 12);
    }
  });

  it('knows degenerate keys', () => {
    expect([...leverageScores({ data: Float64Array.of(5), shape: [1, 1] }).scores]).toEqual([1]);
    const zero = leverageScores({ data: new Float32Array(6), shape: [3, 2] });
    expect([...zero.scores]).toEqual([0, 0, 0]);
    expect(zero.rank).toBe(0);
    // Fewer keys than columns: each is alone in its direction.
    const few = leverageScores(tensorOf(3, 8, (i, c) => Math.sin((1 + i * 8 + c) ** 2)));
    expect(few.rank).toBe(3);
    for (const score of few.scores) expect(score).toBeCloseTo(1, 12);
    // Twins share a direction.
    const twins = leverageScores(tensorOf(4, 2, (i, c) => (i < 2 ? [3, 4][c] : [0, i - 1][c])));
    expect(twins.scores[0]).toBeCloseTo(0.5, 12);
    expect(twins.scores[1]).toBeCloseTo(0.5, 12);
  });

  it('gives a product of low rank its rank', () => {
    const random = randomStream(5);
    const left = Array.from({ length: 100 }, () => [random.normal(), random.normal(), random.normal()]);
    const right = Array.from({ length: 3 }, () => Array.from({ length: 8 }, () => random.normal()));
    const { rank, scores, unresolved } = leverageScores(
      tensorOf(100, 8, (i, c) => left[i].reduce((total, value, k) => total + value * right[k][c], 0)),
    );
    expect(rank).toBe(3);
    expect(unresolved).toEqual([]);
    expect(sum(scores)).toBeCloseTo(3, 10);
  });

  it.each([
    1e-3, 1e-9, 1e-13, 1e-17, 1e-100,
  ])('finds a key of size %d that is alone in its direction', (size) => {
    const random = randomStream(6);
    const rows = Array.from({ length: 100 }, (_, i) => {
      const both = random.normal();
      // Only row 50 tells the first two columns apart.
      return i === 50 ? [size, -size, 0] : [both, both, random.normal()];
    });
    const { scores, rank } = leverageScores(tensorOf(100, 3, (i, c) => rows[i][c]));
    expect(scores[50]).toBeCloseTo(1, 6);
    expect(rank).toBe(3);
  });

  it.each([
    ['NaN', Number.NaN],
    ['infinity', Number.NEGATIVE_INFINITY],
  ])('refuses %s with row and column', (_, value) => {
    const keys = tensorOf(3000, 3, (i, c) => (i === 2900 && c === 1 ? value : 1 + c));
    expect(() => leverageScores(keys)).toThrow(
      new RangeError(`leverageScores: keys must be finite, got ${value} at row 2900, column 1`),
    );
  });

  it('centres: the scores of rows less their mean, plus 1/n', () => {
    const keys = heavyTailed(300, 3, 7);
    const mean = [0, 1, 2].map((c) => keys.data.reduce((a, b, i) => (i % 3 === c ? a + b : a), 0) / 300);
    const shifted = tensorOf(300, 3, (i, c) => keys.data[i * 3 + c] + 1e5);
    const expected = leverageScores(tensorOf(300, 3, (i, c) => keys.data[i * 3 + c] - mean[c])).scores;
    const { scores, rank } = leverageScores(shifted, { centre: true });
    expect(rank).toBe(4);
    for (let j = 0; j < 300; j++) expect(scores[j]).toBeCloseTo(expected[j] + 1 / 300, 8);
  });

  it('is the same for chunks of any matrix, blocking or not, and for heads', async () => {
    const keys = heavyTailed(2500, 5, 8);
    const { scores } = leverageScores(keys);
    const inner = matrixOver(keys.data, 2500, 5);
    const copying = { n: 2500, d: 5, rows: (start: number, end: number) => inner.rows(start, end).slice() };
    expect(leverageScores(copying).scores).toEqual(scores);
    expect((await leverageScoresAsync(keys)).scores).toEqual(scores);
    const two = new Float64Array(25000);
    two.set(keys.data);
    two.set(keys.data, 12500);
    const { heads } = leverageScores({ data: two, dims: [1, 2, 2500, 5] });
    expect(heads.map(({ batch, head }) => [batch, head])).toEqual([
      [0, 0],
      [0, 1],
    ]);
    expect(heads[1].scores).toEqual(scores);
  });

  it('stops where its signal says so', async () => {
    const keys = heavyTailed(5000, 5, 9);
    const phases: string[] = [];
    const controller = new AbortController();
    const onProgress = ({ phase, done, total }: { phase: string; done: number; total: number }) => {
      phases.push(phase);
      expect(done).toBeLessThanOrEqual(total);
      if (phases.length === 3) controller.abort(new Error('enough'));
    };
    expect(() => leverageScores(keys, { signal: controller.signal, onProgress })).toThrow('enough');
    expect(phases.length).toBe(3);
    await expect(leverageScoresAsync(keys, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
  });
});
