/** Lazy sets: what they promise, when they are not used, and that they are one function of the keys. */
import { describe, expect, it } from 'vitest';
import { type KeyMatrix, matrixOver } from '../keys.js';
import { randomStream } from '../random.js';
import { leverageScores } from '../scores/leverage.js';
import { heavyTailed, tensorOf } from '../scores/testing.js';
import { run } from '../steps.js';
import { lazySet } from './lazy.js';
import { spreadSubset } from './subset.js';
import { universalSet } from './universal-set.js';

const epsilon = 0.05;
const n = 17_000;
const d = 8;

const gaussian = (seed: number, entry: (i: number, c: number, normal: () => number) => number) => {
  const { normal } = randomStream(seed);
  return tensorOf(n, d, (i, c) => entry(i, c, normal));
};
const matrixOf = ({ data }: { data: Float64Array }): KeyMatrix => matrixOver(data, n, d);

const subset = spreadSubset(matrixOver(new Float64Array(n * d), n, d), (8 * d) / epsilon, 0);

describe('the lazy set', () => {
  it('is the default for many keys: a superset within the bound, with upper scores', () => {
    const keys = heavyTailed(n, d, 1);
    const { scores } = leverageScores(keys);
    const set = universalSet(keys, { epsilon: 0.01 });
    const exact = universalSet(keys, { epsilon: 0.01, exact: true });
    expect(exact).toMatchObject({ guarantee: 'minimal', scoreKind: 'exact', total: d });
    expect(set).toMatchObject({ guarantee: 'superset', scoreKind: 'upper', total: null, undecided: [] });
    expect(set).toMatchObject({ rank: d, sizeBound: d / 0.01, n, d, certificate: null });
    expect(exact.indices.length).toBeGreaterThan(3);
    for (const j of exact.indices) expect(set.indices).toContain(j);
    expect(set.indices.length).toBeLessThanOrEqual(set.sizeBound);
    set.indices.forEach((j, i) => {
      expect(set.scores[i]).toBeGreaterThanOrEqual(scores[j] * (1 - 1e-12));
    });
  });

  it('is not used for few keys or little work, a large epsilon, or top', () => {
    const keys = heavyTailed(n, d, 2);
    expect(universalSet(keys, { epsilon: (15.9 * d) / n }).guarantee).toBe('minimal');
    expect(universalSet(keys, { epsilon: 0.6 }).guarantee).toBe('minimal');
    expect(universalSet(keys, { top: 5 }).guarantee).toBe('minimal');
    expect(universalSet(heavyTailed(4000, d, 2), { epsilon: (17 * d) / 4000 }).guarantee).toBe('minimal');
  });

  it.each<[string, (i: number, c: number, normal: () => number) => number]>([
    ['a column that is zero but for one row', (i, c, normal) => (c === 3 ? Number(i === 4321) : normal())],
    [
      'two equal columns but for one row',
      (i, c, normal) => (c < 2 ? Number(i === 17 && c === 1) + (i % 7) : normal()),
    ],
    [
      'a condition number of 1e9',
      (i, c, normal) => (c === 0 ? 1e9 * Math.sin(i) : (c === 1 ? 1e9 * Math.sin(i) : 0) + normal()),
    ],
    // What an adversary would do, who knows which rows are taken.
    ['a subset of small rows', (i, _, normal) => (subset.has(i) ? 0.01 : 1) * normal()],
    ['squares that overflow', (i, c, normal) => normal() * (i === 5 && c === 1 ? 1e200 : 1)],
  ])('gives way to the exact set for %s', (_, entry) => {
    const keys = gaussian(3, entry);
    const exact = universalSet(keys, { epsilon, exact: true });
    const set = universalSet(keys, { epsilon });
    expect(run(lazySet(matrixOf(keys), epsilon))).toBeUndefined();
    expect(set).toEqual(exact);
  });

  it('keeps rows alone in a direction that the subset sees only as noise', () => {
    const alone = [100, 2000, n - 1];
    const keys = gaussian(4, (i, c, normal) =>
      c >= 5 ? (alone[c - 5] === i ? 1 : 1e-4 * normal()) : normal(),
    );
    const set = universalSet(keys, { epsilon });
    expect(set.guarantee).toBe('superset');
    expect(set.indices).toEqual(alone);
    // Added to the Gram once, they have their exact scores but for the noise that the subset lacks.
    for (const score of set.scores) expect(score).toBeCloseTo(1, 3);
  });

  it.each([
    ['a little above the scores: float64 tells them from it', 1 + 1e-7, 'superset', 0],
    ['between the scores and what float64 tells from them', 1 + 1e-15, 'minimal', 1024],
    ['a little below the scores', 1 - 1e-7, 'superset', 1024],
  ])('never has more than d/epsilon keys: epsilon %s', (_, factor, guarantee, count) => {
    // Of 1024 rows that share all of the weight, each has the score d/1024, but for what the others are.
    const heavy = new Map(Array.from({ length: 1024 }, (_, t) => [Math.floor((t * n) / 1024) + (t % 13), t]));
    const sign = (t: number, c: number) => ([1, 2, 4].filter((bit) => t & c & bit).length % 2 ? -1 : 1);
    const keys = tensorOf(n, d, (i, c) => {
      const t = heavy.get(i);
      return t === undefined ? 1e-20 * sign(i, c) : sign(t, c);
    });
    const threshold = (d / 1024) * factor;
    const set = universalSet(keys, { epsilon: threshold });
    expect(set.guarantee).toBe(guarantee);
    expect(set.indices.length).toBe(count);
    if (guarantee === 'superset') expect(count).toBeLessThanOrEqual(set.sizeBound);
  });

  it('is certain to some 1e-3 by a Gram in float32, and by one in float64 where scales or conditioning ask for it', () => {
    const { data } = heavyTailed(n, d, 7);
    const plain = universalSet({ data, shape: [n, d] }, { epsilon });
    expect(plain.guarantee).toBe('superset');
    expect(plain.margin).toBeGreaterThan(2e-6);
    expect(plain.margin).toBeLessThan(1e-3);
    const { scores } = leverageScores({ data, shape: [n, d] });
    const lean = (x: number, i: number) => (i % d === 0 ? x : data[i - (i % d)] + 1e-3 * x);
    const changed: [string, (x: number, i: number) => number][] = [
      ['squares below float32', (x) => x * 2 ** -60],
      ['squares above float32', (x) => x * 2 ** 70],
      ['entries below float32', (x) => x * 2 ** -200],
      ['columns of very different sizes', (x, i) => x * 2 ** (40 * (i % d) - 150)],
      ['columns that are nearly equal', lean],
    ];
    for (const [what, change] of changed) {
      const keys = { data: data.map(change), shape: [n, d] } as const;
      const set = universalSet(keys, { epsilon });
      expect(set.guarantee, what).toBe('superset');
      expect(set.margin, what).toBeLessThan(2e-6);
      const own = change === lean ? leverageScores(keys).scores : scores;
      own.forEach((score, j) => {
        if (score >= epsilon) expect(set.indices, what).toContain(j);
      });
    }
  });

  it('names the row of a number that is not finite, wherever it is', () => {
    for (const [row, bad] of [
      [0, Number.NaN],
      [777, Number.POSITIVE_INFINITY],
      [n - 1, Number.NEGATIVE_INFINITY],
      [3333, Number.NaN],
    ])
      for (const Type of [Float32Array, Float64Array]) {
        const { data } = heavyTailed(n, d, 5);
        data[row * d + 6] = bad;
        expect(() => universalSet({ data: Type.from(data), shape: [n, d] }, { epsilon })).toThrow(
          `universalSet: keys must be finite, got ${bad} at row ${row}, column 6`,
        );
      }
  });

  it('is a function of the keys: not of their type, their scale by powers of two, or who reads them', () => {
    const data = Float32Array.from(heavyTailed(n, d, 6).data);
    const expected = universalSet({ data, shape: [n, d] }, { epsilon });
    expect(expected.guarantee).toBe('superset');
    expect(universalSet({ data: Float64Array.from(data), shape: [n, d] }, { epsilon })).toEqual(expected);
    expect(universalSet({ data: data.map((x) => x * 2 ** 20), shape: [n, d] }, { epsilon })).toEqual(
      expected,
    );
    const buffer = new Float32Array(n * d);
    const reader: KeyMatrix = {
      n,
      d,
      rows(start, end) {
        buffer.fill(Number.NaN);
        buffer.set(data.subarray(start * d, end * d));
        return buffer.subarray(0, (end - start) * d);
      },
    };
    expect(universalSet(reader, { epsilon })).toEqual(expected);
  });
});
