import { describe, expect, it } from 'vitest';
import { heavyTailed } from '../scores/testing.js';
import { parseWeight } from '../weights/parse.js';
import { heavyScores } from './heavy-scores.js';

function bruteForce(q: Float64Array, k: Float64Array, d: number, value: (x: number) => number): number[][] {
  return Array.from({ length: q.length / d }, (_, i) => {
    const weights = Array.from({ length: k.length / d }, (_, j) => {
      let dot = 0;
      for (let c = 0; c < d; c++) dot += q[i * d + c] * k[j * d + c];
      return value(dot);
    });
    const total = weights.reduce((a, b) => a + b, 0);
    return weights.map((weight) => weight / total);
  });
}

describe('heavyScores', () => {
  it.each([
    'power:0.5',
    'power:1',
    'power:2',
    'power:3',
    'huber:1',
    'tukey:5',
    'cauchy:1',
    'l1l2:2',
  ])('equals brute force for %s', (name) => {
    const f = parseWeight(name);
    const q = heavyTailed(60, 4, 1);
    const k = heavyTailed(150, 4, 2);
    const { rows, cols, scores } = heavyScores(q, k, { epsilon: 0.05, f });
    const expected = bruteForce(q.data, k.data, 4, f.value).flatMap((row, i) =>
      row.flatMap((score, j) => (score >= 0.05 ? [{ i, j, score }] : [])),
    );
    expect(rows).toEqual(expected.map(({ i }) => i));
    expect(cols).toEqual(expected.map(({ j }) => j));
    expected.forEach(({ score }, t) => {
      expect(scores[t]).toBeCloseTo(score, 10);
    });
  });

  it('does not depend on the scale of queries and keys, as far as numbers reach', () => {
    const q = heavyTailed(20, 3, 3);
    const k = heavyTailed(50, 3, 4);
    for (const p of [1, 2, 6]) {
      const f = parseWeight(`power:${p}`);
      const plain = heavyScores(q, k, { epsilon: 0.1, f });
      for (const scale of [1e-100, 1e100]) {
        const scaled = heavyScores(
          { data: q.data.map((entry) => entry * scale), shape: q.shape },
          { data: k.data.map((entry) => entry * scale), shape: k.shape },
          { epsilon: 0.1, f },
        );
        expect(scaled.cols).toEqual(plain.cols);
        scaled.scores.forEach((score, t) => {
          expect(score).toBeCloseTo(plain.scores[t], 9);
        });
      }
    }
  });

  it('finds scores of products that would underflow', () => {
    const keys = { data: Float64Array.of(1e-201, 0, 0, 1e-200, 1e-201, 1e-200), shape: [3, 2] } as const;
    const q = { data: Float64Array.of(1e-200, 1e-200), shape: [1, 2] } as const;
    const { cols, scores } = heavyScores(q, keys, { epsilon: 0.3 });
    expect(cols).toEqual([1, 2]);
    expect(scores[1]).toBeCloseTo(1.21 / 2.22, 10);
    expect(() => heavyScores(q, keys, { epsilon: 0.3, f: parseWeight('huber:1') })).toThrow(
      /huber:1 of query 0 underflow/,
    );
  });

  it('gives queries that are orthogonal to every key, or zero, no scores', () => {
    const result = heavyScores(
      { data: Float64Array.of(0, 1, 0, 0, 1, 0), shape: [3, 2] },
      { data: Float64Array.of(1, 0, 2, 0), shape: [2, 2] },
      { epsilon: 0.1 },
    );
    expect(result).toMatchObject({ rows: [2, 2], cols: [0, 1] });
  });

  it('reads key head floor(h key heads / heads) for query head h', () => {
    const q = heavyTailed(4 * 5, 2, 5);
    const k = heavyTailed(2 * 9, 2, 6);
    const { heads } = heavyScores(
      { data: q.data, shape: [1, 4, 5, 2] },
      { data: k.data, shape: [1, 2, 9, 2] },
      { epsilon: 0.2 },
    );
    const alone = heavyScores(
      { data: q.data.subarray(20, 30), shape: [5, 2] },
      { data: k.data.subarray(18, 36), shape: [9, 2] },
      { epsilon: 0.2 },
    );
    expect(heads.length).toBe(4);
    expect(heads[2]).toEqual({ batch: 0, head: 2, ...alone });
  });

  it.each([
    [[2, 3], /queries \[2,3\] do not match keys \[9,2\]/],
    [[1, 1, 3, 2], /queries \[1,1,3,2\] do not match keys \[9,2\]/],
  ])('refuses queries of shape %o', (shape, message) => {
    const q = { data: new Float64Array(6).fill(1), shape };
    expect(() => heavyScores(q, heavyTailed(9, 2, 7), { epsilon: 0.1 })).toThrow(message);
  });

  it('refuses numbers that are not finite, and weights that leave the range of numbers', () => {
    const k = heavyTailed(9, 2, 8);
    expect(() =>
      heavyScores({ data: Float64Array.of(1, Number.NaN), shape: [1, 2] }, k, { epsilon: 0.1 }),
    ).toThrow('heavyScores: queries must be finite, got NaN at row 0, column 1');
    const tiny = { data: Float64Array.of(1e-200, 1e-200), shape: [1, 2] };
    expect(() => heavyScores(tiny, k, { epsilon: 0.1, f: parseWeight('tukey:1') })).toThrow(
      /tukey:1 of query 0 underflow/,
    );
    expect(() => heavyScores(tiny, k, { epsilon: 0 })).toThrow(/epsilon must be in/);
  });
});
