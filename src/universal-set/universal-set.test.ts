import { describe, expect, it } from 'vitest';
import { seeded } from '../../test/oracle/random.js';
import { randomStream } from '../random.js';
import { leverageScores } from '../scores/leverage.js';
import { sensitivities } from '../scores/sensitivity.js';
import { heavyTailed, tensorOf } from '../scores/testing.js';
import { huber } from '../weights/huber.js';
import { power } from '../weights/power.js';
import { tukey } from '../weights/tukey.js';
import { peelingPlan } from './peeling.js';
import { universalSet } from './universal-set.js';

const keysOf = (d: number, entries: readonly number[]) =>
  tensorOf(entries.length / d, d, (i, c) => entries[i * d + c]);

describe('universalSet for p = 2', () => {
  it('is the keys of leverage >= epsilon, with their scores', () => {
    const keys = heavyTailed(2000, 6, 1);
    const { scores } = leverageScores(keys);
    const set = universalSet(keys, { epsilon: 0.02 });
    const expected = Array.from(scores.keys()).filter((j) => scores[j] >= 0.02);
    expect(expected.length).toBeGreaterThan(5);
    expect(set).toMatchObject({ n: 2000, d: 6, rank: 6, f: 'power:2', epsilon: 0.02, guarantee: 'minimal' });
    expect(set).toMatchObject({
      scoreKind: 'exact',
      total: 6,
      sizeBound: 300,
      certificate: null,
      undecided: [],
    });
    expect(set.indices).toEqual(expected);
    set.indices.forEach((j, i) => {
      expect(set.scores[i]).toBeCloseTo(scores[j], 10);
    });
  });

  it('is the same set for float32 keys, which take the float32 filter first', () => {
    const keys = heavyTailed(5000, 9, 2);
    const single = { data: Float32Array.from(keys.data), shape: keys.shape };
    const rounded = { data: Float64Array.from(single.data), shape: keys.shape };
    for (const epsilon of [0.02, 0.01, 0.004]) {
      const set = universalSet(single, { epsilon });
      expect(set.indices).toEqual(universalSet(rounded, { epsilon }).indices);
      expect(set.indices.length).toBeGreaterThan(0);
    }
  });

  it('keeps a key whose score is epsilon, and lists it as undecided where rounding hides which', () => {
    const third = tensorOf(6, 2, (i, c) => (i % 2 === c ? 7 : 0));
    for (const epsilon of [1 / 3, 1 / 3 + 2 ** -54, 1 / 3 - 2 ** -54]) {
      const { indices, undecided } = universalSet(third, { epsilon });
      expect(indices).toEqual([0, 1, 2, 3, 4, 5]);
      for (const j of undecided) expect(indices).toContain(j);
    }
    expect(universalSet(third, { epsilon: 1 / 3 + 1e-9 }).indices).toEqual([]);
  });

  it('takes the top by score, ties to the lower index; epsilon is what was left out', () => {
    const keys = heavyTailed(500, 4, 3);
    const order = [...leverageScores(keys).scores].sort((a, b) => b - a);
    const set = universalSet(keys, { top: 20 });
    expect(set.indices.length).toBe(20);
    expect(set.epsilon).toBeCloseTo(order[20], 10);
    expect(Math.min(...set.scores)).toBeGreaterThanOrEqual(set.epsilon);
    expect(
      universalSet(
        tensorOf(4, 1, () => 1),
        { top: 2 },
      ),
    ).toMatchObject({ indices: [0, 1], epsilon: expect.closeTo(0.25, 12) });
    expect(universalSet(keys, { top: 500 })).toMatchObject({ epsilon: 0, sizeBound: 500 });
  });

  it('reports the larger score of both readings where they differ', () => {
    // At the numerical rank 1 the scores are 4/5 and 1/5; at face value both keys are alone in a direction.
    const two = universalSet(keysOf(2, [2, 2, 1, 1 + 1e-14]), { epsilon: 0.5 });
    expect(two).toMatchObject({ indices: [0, 1], scores: [1, 1], undecided: [1] });
    expect(two).toMatchObject({ guarantee: 'superset', scoreKind: 'upper' });
    // All at 1/4; at face value the query (1, -1) gives all of its weight to the second, and 1/3 is left to the others.
    const four = keysOf(2, [1, 1, 1, 1 + 1e-14, 1, 1, 1, 1]);
    const set = universalSet(four, { epsilon: 0.2 });
    set.scores.forEach((score, j) => {
      expect(score).toBeCloseTo(j === 1 ? 1 : 1 / 3, 8);
    });
    expect(set).toMatchObject({ indices: [0, 1, 2, 3], undecided: [] });
    expect(set).toMatchObject({ guarantee: 'superset', scoreKind: 'upper' });
    const top = universalSet(four, { top: 1 });
    expect(top).toMatchObject({ indices: [1], scores: [1], undecided: [1], guarantee: 'superset' });
    expect(top.epsilon).toBeCloseTo(1 / 3, 8);
  });

  it.each([-1074, -1060, -1030, -1000, 0, 1020])('keeps a heavy key among keys of size 2^%d', (exponent) => {
    const size = 2 ** exponent;
    for (const keys of [
      keysOf(1, [3 * size, 4 * size, size]),
      keysOf(2, [3 * size, 0, 4 * size, 0, 0, size]),
    ])
      expect(universalSet(keys, { epsilon: 0.5 }).indices).toContain(1);
  });

  it('knows that a row of zeros has score zero', () => {
    const keys = keysOf(2, [1, 0, 0, 0, 0, 1, 0, 0]);
    const set = universalSet(keys, { top: 3 });
    expect(set).toMatchObject({ indices: [0, 1, 2], scores: [1, 0, 1], epsilon: 0, sizeBound: 4 });
    expect(set).toMatchObject({ guarantee: 'minimal', scoreKind: 'exact', undecided: [] });
    expect(set.margin).toBeLessThan(1e-12);
  });

  it('contains the plain set when it is centred', () => {
    const keys = heavyTailed(500, 4, 4);
    const plain = universalSet(keys, { epsilon: 0.05 });
    const centred = universalSet(keys, { epsilon: 0.05, centre: true });
    expect(centred.rank).toBe(5);
    for (const j of plain.indices) expect(centred.indices).toContain(j);
  });

  it('does not lose rows below any precision along directions that come out as multiples of a larger one', () => {
    const random = seeded(1);
    const pairs = 4;
    // Pairs of equal columns, but for the first rows: these are alone along the differences.
    const rows = Array.from({ length: 14 }, (_, j) => {
      const entries = Array.from({ length: pairs }, () => (j < pairs ? 0 : random.integer(1, 9)));
      return [...entries.flatMap((x) => [x, x]), random.integer(1, 9)];
    });
    rows[0][1] = 1.4 * 2 ** -85;
    for (let i = 1; i < pairs; i++) {
      rows[0][2 * i + 1] = 2 ** -50;
      rows[i][2 * i + 1] = 2 ** -66;
    }
    const { indices } = universalSet(keysOf(2 * pairs + 1, rows.flat()), { epsilon: 0.9 });
    expect(indices).toEqual(expect.arrayContaining([0, 1, 2, 3]));
  });
});

describe('universalSet for |x|^p', () => {
  it('does not lose keys of a column that is zero once rows are scaled', () => {
    const [n, least] = [41, Number.MIN_VALUE];
    const keys = tensorOf(n, 2, (i, c) => (i === 0 ? 1 - c : c * least));
    for (const exact of [false, true])
      expect(universalSet(keys, { f: power(4), epsilon: 0.02, exact }).indices).toHaveLength(n);
  });

  it.each([
    1, 1.5, 3, 4, 6,
  ])('is certified by Lewis weights and pruned to the minimum by sensitivities, p = %d', (p) => {
    const keys = heavyTailed(150, 3, 5);
    const epsilon = 0.06;
    const { upper } = sensitivities(keys, { p });
    const minimal = Array.from(upper.keys()).filter((j) => upper[j] >= epsilon);
    const superset = universalSet(keys, { epsilon, f: power(p) });
    const exact = universalSet(keys, { epsilon, f: power(p), exact: true });
    expect(superset).toMatchObject({ guarantee: 'superset', scoreKind: 'upper', total: null });
    expect(superset.certificate).toBeGreaterThanOrEqual(1);
    expect(exact).toMatchObject({ guarantee: 'minimal', scoreKind: 'exact' });
    expect(exact.indices).toEqual(minimal);
    for (const j of minimal) expect(superset.indices).toContain(j);
    expect(superset.sizeBound).toBeCloseTo(3 ** Math.max(1, p / 2) / epsilon, 9);
  });

  it('keeps and lists what the budget leaves undecided', () => {
    const set = universalSet(heavyTailed(300, 4, 6), {
      epsilon: 0.05,
      f: power(3),
      exact: true,
      budget: 1e5,
    });
    expect(set.guarantee).toBe('superset');
    expect(set.scoreKind).toBe('upper');
    expect(set.undecided.length).toBeGreaterThan(0);
  });

  it('takes the exact top without looking at every key', () => {
    const keys = heavyTailed(300, 3, 7);
    const { upper } = sensitivities(keys, { p: 4 });
    const order = Array.from(upper.keys()).sort((a, b) => upper[b] - upper[a]);
    const set = universalSet(keys, { top: 7, f: power(4), exact: true });
    expect(set.indices).toEqual(order.slice(0, 7).sort((a, b) => a - b));
    expect(set.epsilon).toBeCloseTo(upper[order[7]], 5);
  });

  it('takes rows of zeros into the exact top', () => {
    const set = universalSet(keysOf(2, [1, 0, 0, 0, 0, 1, 0, 0]), { top: 3, f: power(3), exact: true });
    expect(set).toMatchObject({ indices: [0, 1, 2], epsilon: 0, guarantee: 'minimal', undecided: [] });
    expect(set.margin).toBeLessThanOrEqual(1e-6);
  });
});

describe('universalSet for other f', () => {
  it('peels until nothing can be heavy', () => {
    const keys = heavyTailed(400, 4, 8);
    const set = universalSet(keys, { epsilon: 0.1, f: tukey(1) });
    expect(set).toMatchObject({
      guarantee: 'superset',
      scoreKind: 'upper',
      sizeBound: expect.closeTo(4 * 55, 6),
    });
    expect(set.indices.length).toBeGreaterThan(0);
    for (const score of set.scores) expect(score).toBeGreaterThanOrEqual(0.1);
    // Rank-one growth: Huber's lower growth gives a smaller bound.
    expect(universalSet(keys, { epsilon: 0.1, f: huber(1) }).sizeBound).toBeLessThan(4 * 40);
  });

  it('fills the top up, with an epsilon whose set is inside', () => {
    const keys = heavyTailed(400, 4, 9);
    const set = universalSet(keys, { top: 30, f: tukey(1) });
    expect(set.indices.length).toBe(30);
    const inside = universalSet(keys, { epsilon: set.epsilon, f: tukey(1) });
    for (const j of inside.indices) expect(set.indices).toContain(j);
  });

  it('has thresholds that end at 1, or earlier by the lower growth', () => {
    const plain = peelingPlan(0.05, tukey(1));
    expect(plain.rounds).toBe(20);
    expect(plain.threshold(0)).toBeCloseTo(0.05, 10);
    expect(plain.threshold(19)).toBeCloseTo(1, 10);
    expect(plain.size).toBeCloseTo(210, 8);
    const shorter = peelingPlan(0.05, huber(1));
    expect(shorter.size).toBeLessThan(78);
    expect(shorter.rounds).toBeLessThan(10);
  });

  it('takes every key that is not zero at an epsilon below 1/n, however small', () => {
    const keys = tensorOf(6, 2, (i, c) => (i === 3 ? 0 : 1 + i * c));
    for (const f of [tukey(1), huber(1)]) {
      for (const epsilon of [1e-12, 1e-160, 1e-308]) {
        const set = universalSet(keys, { epsilon, f });
        expect(set.indices).toEqual([0, 1, 2, 4, 5]);
        expect(set.sizeBound).toBeGreaterThan(1e12);
      }
      expect(universalSet(keys, { epsilon: Number.MIN_VALUE, f }).sizeBound).toBe(Number.MAX_VALUE);
    }
  });
});

it.each([
  2 ** -52,
  1e-15,
  1e-14,
  2e-14,
  1e-13,
])('keeps keys that numbers at face value make heavy: a twin off by %d', (off) => {
  const twins = { data: Float64Array.of(1, 1, 1, 1 + off), shape: [2, 2] } as const;
  for (const f of [power(2), power(1), power(3), huber(1)])
    expect(universalSet(twins, { epsilon: 0.9, f }).indices).toEqual([0, 1]);
  // Numerically of rank 1, and then they are twins.
  const exact = universalSet({ data: Float64Array.of(1, 1, 1, 1), shape: [2, 2] }, { epsilon: 0.5 });
  expect(exact).toMatchObject({ indices: [0, 1], guarantee: 'minimal', rank: 1 });
});

it('has the numerical scores of a product of low rank, and what only its rounding makes heavy on top', () => {
  const random = randomStream(3);
  const left = tensorOf(300, 2, (i) => (i === 0 ? 8 : 1) * random.normal());
  const right = Array.from({ length: 10 }, () => random.normal());
  const keys = tensorOf(300, 5, (i, c) => left.data[2 * i] * right[c] + left.data[2 * i + 1] * right[5 + c]);
  const inner = universalSet(left, { epsilon: 0.02 });
  const set = universalSet(keys, { epsilon: 0.02 });
  expect(set.rank).toBe(2);
  const certain = set.indices.filter((j) => !set.undecided.includes(j));
  expect(certain).toEqual(inner.indices);
  // What rounding adds at face value is on top of the numerical scores.
  const { scores } = leverageScores(keys);
  certain.forEach((j, i) => {
    expect(scores[j]).toBeCloseTo(inner.scores[i], 9);
    expect(set.scores[set.indices.indexOf(j)]).toBeGreaterThanOrEqual(scores[j]);
  });
  // Nothing but rounding: at most three directions' worth of it.
  expect(set.undecided.length).toBeLessThanOrEqual(3 / 0.02);
  expect(universalSet(keys, { epsilon: 0.9 })).toMatchObject({ indices: [], guarantee: 'minimal' });
});

it('keeps the heavy key for any p, however large', () => {
  const keys = tensorOf(101, 1, (i) => (i === 0 ? 1 : 0.9));
  for (const p of [50, 1e3, 1e6, 1e10])
    for (const exact of [false, true])
      expect(universalSet(keys, { epsilon: 0.5, f: power(p), exact }).indices).toContain(0);
});

it.each([
  [{}, /exactly one of epsilon and top/],
  [{ epsilon: 0.1, top: 3 }, /exactly one of epsilon and top/],
  [{ epsilon: 0 }, /universalSet: epsilon must be in \(0, 1\], got 0/],
  [{ epsilon: Number.NaN }, /epsilon must be in/],
  [{ epsilon: 2 }, /epsilon must be in/],
  [{ top: 0 }, /top must be a whole number from 1 to 9/],
  [{ top: 10 }, /top must be a whole number from 1 to 9 \(the number of keys\), got 10/],
  [{ top: 1.5 }, /top must be/],
  [{ epsilon: 0.1, exact: true, f: huber(1) }, /exact is for f = power\(p\) with p >= 1, got huber:1/],
  [{ epsilon: 0.1, exact: true, f: power(0.5) }, /exact is for .*, got power:0.5/],
  [{ epsilon: 0.1, budget: -1 }, /budget must be positive/],
])('universalSet refuses %o', (options, message) => {
  expect(() => universalSet(heavyTailed(9, 2, 10), options)).toThrow(message);
});

it.each([
  [undefined, /universalSet: options must be an object such as \{ epsilon: 0.05 \}, got undefined/],
  [null, /options must be an object/],
  [{ epsilon: '0.5' }, /epsilon must be in \(0, 1\], got 0.5/],
])('universalSet refuses options %o', (options, message) => {
  expect(() => universalSet(heavyTailed(9, 2, 10), options as never)).toThrow(message);
});

it.each([
  ['a promise', () => Promise.resolve(new Float64Array(6))],
  ['too few numbers', () => new Float64Array(5)],
  ['another type', () => [1, 2, 3, 4, 5, 6]],
])('universalSet refuses a matrix whose rows are %s', (_, rows) => {
  const matrix = { n: 3, d: 2, rows } as never;
  expect(() => universalSet(matrix, { epsilon: 0.5 })).toThrow(
    /universalSet: keys: rows\(0, 3\) must be a Float32Array/,
  );
});

it('universalSet names the head with a number that is not finite', () => {
  const data = new Float32Array(24).fill(1);
  data[19] = Number.NaN;
  expect(() => universalSet({ data, shape: [2, 1, 4, 3] }, { epsilon: 0.1 })).toThrow(
    'universalSet: keys of batch 1, head 0 must be finite, got NaN at row 2, column 1',
  );
});
