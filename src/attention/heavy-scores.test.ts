import { describe, expect, it } from 'vitest';
import { type LpCoreset, lpCoreset } from '../scores/coreset.js';
import { heavyTailed } from '../scores/testing.js';
import { parseWeight } from '../weights/parse.js';
import { power } from '../weights/power.js';
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

  it.each([
    1e-300, 1e-18, 1, 1e17, 1e100, 1e300,
  ])('knows an orthogonal query from keys of size %d', (size) => {
    const queries = { data: Float64Array.of(1, -1, 1, 0), shape: [2, 2] };
    const keys = { data: Float64Array.of(size, size), shape: [1, 2] };
    for (const p of [1, 1.5, 2, 4]) {
      const found = heavyScores(queries, keys, { epsilon: 0.5, f: power(p) });
      expect(found).toMatchObject({ rows: [1], cols: [0] });
      expect('scores' in found && found.scores[0]).toBeCloseTo(1, 12);
    }
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

describe('heavyScores over a coreset', () => {
  const q = heavyTailed(40, 3, 10);
  const k = heavyTailed(3000, 3, 11);
  const at = (i: number, j: number) => i * 3000 + j;

  it.each([0.5, 1, 1.5, 2, 3])('lists all that is heavy, in intervals that hold the scores, p = %d', (p) => {
    const epsilon = p < 1 ? 0.001 : 0.003;
    const f = parseWeight(`power:${p}`);
    const normaliser = lpCoreset(k, { p, eta: 0.5, seed: 1 });
    expect(normaliser.guarantee).toBe('probable');
    const exact = heavyScores(q, k, { epsilon, f });
    const { rows, cols, scores, intervals, guarantee } = heavyScores(q, k, { epsilon, f, normaliser });
    expect(exact).toMatchObject({ guarantee: 'exact', intervals: null });
    expect(guarantee).toBe('probable');
    expect(intervals).toMatchObject({ eta: 0.5, delta: 0.01 });
    const listed = new Set(rows.map((i, t) => at(i, cols[t])));
    exact.rows.forEach((i, t) => {
      expect(listed).toContain(at(i, exact.cols[t]));
    });
    expect(rows.length).toBeGreaterThan(exact.rows.length);
    const { lower, upper } = intervals!;
    const all = bruteForce(q.data, k.data, 3, f.value);
    rows.forEach((i, t) => {
      const score = all[i][cols[t]];
      expect(upper[t]).toBeGreaterThanOrEqual(epsilon * (1 - 1e-9));
      expect(lower[t]).toBeLessThanOrEqual(score * (1 + 1e-9));
      expect(upper[t]).toBeGreaterThanOrEqual(score * (1 - 1e-9));
      expect(lower[t]).toBeGreaterThan(0);
      expect(Math.abs(scores[t] / score - 1)).toBeLessThan(0.5);
    });
  });

  it('is exact over all keys', () => {
    const f = parseWeight('power:1.5');
    const { guarantee, intervals, ...rest } = heavyScores(q, k, { epsilon: 0.01, f });
    const over = heavyScores(q, k, { epsilon: 0.01, f, normaliser: lpCoreset(k, { p: 1.5, rows: 3000 }) });
    expect(over).toMatchObject({ guarantee, ...rest });
    expect(over.intervals).toEqual({ lower: rest.scores, upper: rest.scores, eta: 0, delta: 0 });
  });

  it('takes the word of the caller for a coreset that was drawn by rows', () => {
    const f = parseWeight('power:1');
    const normaliser = lpCoreset(k, { p: 1, rows: 500, seed: 1 });
    expect(() => heavyScores(q, k, { epsilon: 0.01, f, normaliser })).toThrow(
      /^heavyScores: normaliser was drawn by rows and promises no eta: give eta in \[0, 1\), or draw it by eta$/,
    );
    const { guarantee, intervals } = heavyScores(q, k, { epsilon: 0.01, f, normaliser, eta: 0.3 });
    expect(guarantee).toBe('assumed');
    expect(intervals).toMatchObject({ eta: 0.3, delta: null });
  });

  it('has upper ends that hold, and no lower ones, where a coreset is plainly wrong', () => {
    const f = parseWeight('power:1');
    // The heaviest key is missing and others are, too.
    const { indices, weights, ...rest } = lpCoreset(k, { p: 1, rows: 500, seed: 1 });
    const wrong = { ...rest, indices: indices.slice(0, 1), weights: [1] };
    const exact = heavyScores(q, k, { epsilon: 0.05, f });
    const { rows, cols, intervals } = heavyScores(q, k, { epsilon: 0.05, f, normaliser: wrong, eta: 0.1 });
    exact.rows.forEach((i, t) => {
      const place = rows.findIndex((row, s) => row === i && cols[s] === exact.cols[t]);
      expect(place).toBeGreaterThanOrEqual(0);
      expect(intervals!.upper[place]).toBeGreaterThanOrEqual(exact.scores[t]);
      expect(intervals!.lower[place]).toBe(0);
    });
    const empty = { ...rest, indices: [], weights: [] };
    expect(
      heavyScores(q, k, { epsilon: 0.05, f, normaliser: empty, eta: 0 }).cols.length,
    ).toBeGreaterThanOrEqual(exact.cols.length);
  });

  it('takes one coreset for each key head', () => {
    const options = { epsilon: 0.05, f: parseWeight('power:1') };
    const keys = { data: k.data, shape: [1, 2, 1500, 3] } as const;
    const queries = { data: q.data, shape: [1, 4, 10, 3] } as const;
    const normaliser = lpCoreset(keys, { p: 1, eta: 0.6 });
    const { heads } = heavyScores(queries, keys, { ...options, normaliser });
    const alone = heavyScores(
      { data: q.data.subarray(60, 90), shape: [10, 3] },
      { data: k.data.subarray(4500), shape: [1500, 3] },
      { ...options, normaliser: normaliser.heads[1] },
    );
    expect(heads[2]).toEqual({ batch: 0, head: 2, ...alone });
    expect(() => heavyScores(queries, keys, { ...options, normaliser: normaliser.heads[0] })).toThrow(
      /one coreset for each of 2 key heads, got 1$/,
    );
  });

  const good = lpCoreset(k, { p: 2, eta: 0.6 });
  const byRows = lpCoreset(k, { p: 2, rows: 90 });
  it.each<[string, object, RegExp]>([
    ['null', { normaliser: null }, /normaliser must be a result of lpCoreset for these keys, got null$/],
    ['a number', { normaliser: 3 }, /normaliser must be a result of lpCoreset for these keys, got 3$/],
    [
      'other keys',
      { normaliser: lpCoreset(q, { p: 2, rows: 9 }) },
      /normaliser is of keys \[40,3\], got keys \[3000,3\]/,
    ],
    ['another power', { normaliser: good, f: parseWeight('power:1') }, /is for power:2, got f = power:1$/],
    ['another weight', { normaliser: good, f: parseWeight('huber:1') }, /is for power:2, got f = huber:1$/],
    ['an index too many', { normaliser: { ...good, weights: good.weights.slice(1) } }, /got another$/],
    ['an index beyond', { normaliser: { ...good, indices: [3000], weights: [1] } }, /got another$/],
    ['indices in disorder', { normaliser: { ...good, indices: [2, 1], weights: [1, 1] } }, /got another$/],
    ['a weight below 1', { normaliser: { ...good, indices: [1], weights: [0.5] } }, /got another$/],
    ['an eta of 1', { normaliser: { ...good, eta: 1 } }, /got another$/],
    [
      'a second eta',
      { normaliser: good, eta: 0.1 },
      /eta is for a coreset drawn by rows, this one has eta = 0.6, got 0.1$/,
    ],
    ['eta = 1', { normaliser: byRows, eta: 1 }, /eta must be in \[0, 1\), got 1$/],
    ['eta NaN', { normaliser: byRows, eta: Number.NaN }, /eta must be in \[0, 1\), got NaN$/],
    ['eta alone', { eta: 0.1 }, /eta belongs to a normaliser, which is not given, got 0.1$/],
    [
      'coresets of no head',
      { normaliser: { heads: [undefined] } },
      /one coreset for each of 1 key heads, got 1$/,
    ],
  ])('refuses %s', (_, options, message) => {
    expect(() => heavyScores(q, k, { epsilon: 0.1, ...options } as never)).toThrow(message);
  });

  it('refuses a coreset that is none among heads', () => {
    const keys = { data: k.data, shape: [1, 1, 3000, 3] } as const;
    const queries = { data: q.data, shape: [1, 1, 40, 3] } as const;
    expect(() =>
      heavyScores(queries, keys, {
        epsilon: 0.1,
        normaliser: { heads: [undefined as unknown as LpCoreset & { batch: 0; head: 0 }] },
      }),
    ).toThrow(/^heavyScores: normaliser is of keys/);
  });
});

describe('heavyScores at the ends of the numbers', () => {
  const rounded = (scores: readonly number[]) => scores.map((score) => Math.round(score * 1e9) / 1e9);
  const least = Number.MIN_VALUE;

  it.each([
    1,
    2 ** 8,
    2 ** 40,
    2 ** 500,
  ])('keeps the digits of keys that are %d times the least number', (size) => {
    const keys = { data: Float64Array.of(3 * least * size, 4 * least * size), shape: [2, 1] } as const;
    const found = heavyScores({ data: Float64Array.of(1.3), shape: [1, 1] }, keys, { epsilon: 0.62 });
    expect([found.cols, rounded(found.scores)]).toEqual([[1], [0.64]]);
  });

  it('finds products that are below all numbers', () => {
    const keys = { data: Float64Array.of(1, 0, 0, 3e-200, 0, 4e-200), shape: [3, 2] } as const;
    const query = { data: Float64Array.of(0, 1e-150), shape: [1, 2] } as const;
    expect(rounded(heavyScores(query, keys, { epsilon: 0.5 }).scores)).toEqual([0.64]);
    const far = { data: Float64Array.of(1e150, 1e-100), shape: [1, 2] } as const;
    const alone = { data: keys.data.subarray(2), shape: [2, 2] } as const;
    expect(rounded(heavyScores(far, alone, { epsilon: 0.5 }).scores)).toEqual([0.64]);
  });

  it.each([1e301, 8e307])('takes keys of size %d whose products cancel', (size) => {
    const data = Float64Array.of(size, size, size, -size, 2 * size, size);
    const found = heavyScores(
      { data: Float64Array.of(1, -1), shape: [1, 2] },
      { data, shape: [3, 2] },
      { epsilon: 0.15 },
    );
    expect([found.cols, rounded(found.scores)]).toEqual([
      [1, 2],
      [0.8, 0.2],
    ]);
  });
});
