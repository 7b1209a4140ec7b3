import { readFileSync } from 'node:fs';
import { describe, expect, it, test } from 'vitest';
import { exactLeverage } from '../../test/oracle/exact.js';
import { fromRows } from '../../test/oracle/matrix.js';
import { seeded } from '../../test/oracle/random.js';
import { readTensor } from '../io/index.js';
import { heavyTailed, tensorOf } from '../scores/testing.js';
import { keyLifetimes } from './causal.js';
import { OnlineKeys } from './online-keys.js';
import { universalSet } from './universal-set.js';

describe('lifetimes', () => {
  it('end where a larger key in the same direction comes', () => {
    const keys = tensorOf(4, 2, (i, c) => [1, 0, 0, 1, 3, 0, 0, 0.5][i * 2 + c]);
    const { lastNeeded, alive, ...rest } = keyLifetimes(keys, { epsilon: 0.5 });
    expect(Array.from(lastNeeded)).toEqual([1, 3, 3, 2]);
    expect(Array.from(alive)).toEqual([1, 2, 2, 2]);
    expect(rest).toEqual({
      n: 4,
      d: 2,
      rank: 2,
      epsilon: 0.5,
      guarantee: 'minimal',
      undecided: [],
      peak: 2,
      sizeBound: 4,
    });
  });

  it('of keys that are all zero never begin', () => {
    const { lastNeeded, peak, rank } = keyLifetimes(
      tensorOf(3, 2, () => 0),
      { epsilon: 1e-9 },
    );
    expect(Array.from(lastNeeded)).toEqual([-1, 0, 1]);
    expect([peak, rank]).toEqual([0, 0]);
  });

  it('are known of scores that lie exactly on the threshold, or listed', () => {
    const { lastNeeded, undecided } = keyLifetimes(
      tensorOf(8, 1, () => 1),
      { epsilon: 0.25 },
    );
    expect(Array.from(lastNeeded.subarray(0, 4))).toEqual([3, 3, 3, 3]);
    for (let j = 4; j < 8; j++) expect(lastNeeded[j]).toBe(j - 1);
    expect(undecided).toEqual([0, 1, 2, 3]);
  });

  it('come for each head of a tensor', () => {
    const { data } = heavyTailed(60, 3, 1);
    const { heads } = keyLifetimes({ data, shape: [1, 2, 30, 3] }, { epsilon: 0.2 });
    const second = keyLifetimes({ data: data.slice(90), shape: [30, 3] }, { epsilon: 0.2 });
    expect(heads[1]).toEqual({ batch: 0, head: 1, ...second });
  });

  it('of a long sequence hold few keys, and end with the universal set', () => {
    const keys = heavyTailed(3000, 8, 5);
    const result = keyLifetimes(keys, { epsilon: 0.05 });
    expect(result.guarantee).toBe('minimal');
    expect(result.peak).toBeLessThanOrEqual(result.sizeBound);
    expect(result.alive[100]).toBeGreaterThan(result.alive[2999]);
    const end = Array.from(result.lastNeeded.keys()).filter((j) => result.lastNeeded[j] === 2999);
    expect(end).toEqual(universalSet(keys, { epsilon: 0.05, exact: true }).indices);
    // A few keys against exact scores, right at the end of their lifetimes.
    for (const j of [0, 40, 70, 130, 190]) {
      const last = result.lastNeeded[j];
      const scoreAt = (t: number) =>
        exactLeverage({ data: keys.data.slice(0, (t + 1) * 8), n: t + 1, d: 8 }).scores[j];
      if (last >= j) expect(scoreAt(last)).toBeGreaterThanOrEqual(0.05 * (1 - 1e-12));
      if (last < 2999) expect(scoreAt(last + 1)).toBeLessThan(0.05 * (1 + 1e-12));
    }
  });
});

describe('where no factor can be certified', () => {
  // Two columns that agree up to rounding: no Gram in float64 tells their difference.
  const [n, epsilon] = [900, 0.5];
  const { data } = heavyTailed(n, 3, 7);
  for (let i = 0; i < n; i++) data[3 * i + 1] = data[3 * i] * (1 + 2 ** -50 * (i % 5));
  const bound = (2 * 3) / epsilon + 64;

  it('the keys that are held stay few, and none is lost', () => {
    const online = new OnlineKeys({ d: 3, epsilon });
    let most = 0;
    for (let i = 0; i < n; i++) {
      online.push(data.subarray(3 * i, 3 * i + 3));
      most = Math.max(most, online.alive.length);
      if (i % 60 !== 59) continue;
      const alive = new Set(online.alive);
      const { scores } = exactLeverage({ data: data.slice(0, 3 * (i + 1)), n: i + 1, d: 3 });
      scores.forEach((score, j) => {
        if (score >= epsilon) expect(alive).toContain(j);
      });
    }
    expect(most).toBeLessThanOrEqual(bound);
    const left = online.alive.length;
    const { expired } = online.settle();
    expect(online.alive).toHaveLength(left - expired.length);
    expect(online.alive.length).toBeLessThanOrEqual(3 / epsilon);
  });

  it('keys are listed as undecided', () => {
    const result = keyLifetimes({ data, shape: [n, 3] }, { epsilon });
    expect(result.guarantee).toBe('superset');
    expect(result.undecided.length).toBeGreaterThan(0);
    expect(result.peak).toBeLessThanOrEqual(bound);
  });
});

it.each([
  2, 5, 14, 16, 22, 27, 31,
])('no key is lost of dependent columns with parts of any scale, %i', (seed) => {
  const random = seeded(seed);
  const [n, d, epsilon] = [40, 5, 0.9];
  const rows = Array.from({ length: n }, () => {
    const [a, b, c] = Array.from({ length: 3 }, () => random.integer(-1, 1));
    const row = [a, b, c, 3 * a, b - 2 * c];
    const zero = row.indexOf(0);
    if (zero >= 0) row[zero] = 2 ** -random.integer(60, 400);
    return row;
  });
  const { data } = fromRows(rows);
  const { lastNeeded } = keyLifetimes({ data, shape: [n, d] }, { epsilon });
  for (let t = 0; t < n; t++) {
    const truth = exactLeverage(fromRows(rows.slice(0, t + 1)));
    for (let j = 0; j <= t; j++)
      if (truth.compare(j, epsilon) >= 0) expect(lastNeeded[j]).toBeGreaterThanOrEqual(t);
  }
});

test('a late direction: the keys before it stay as they were', () => {
  const keys = tensorOf(200, 3, (i, c) => (c < 2 ? Math.sin(i * 3 + c * 2 + 1) : i === 150 ? 1e-12 : 0));
  const without = tensorOf(200, 3, (i, c) => (c < 2 ? keys.data[3 * i + c] : 0));
  const [late, never] = [keys, without].map((k) => keyLifetimes(k, { epsilon: 0.1 }));
  expect(late.guarantee).toBe('minimal');
  expect(late.lastNeeded[150]).toBe(199);
  expect([late.rank, never.rank]).toEqual([3, 2]);
  for (let j = 0; j < 120; j++) expect(late.lastNeeded[j]).toBe(never.lastNeeded[j]);
});

test('the online decision: as many keys as its bound allows at most, and all that were ever heavy', () => {
  const [n, d, epsilon] = [400, 2, 0.2];
  // Keys that grow: each is heavy when it comes.
  const { data } = tensorOf(n, d, (i, c) => 1.05 ** i * Math.cos(i * 2.4 - c * (Math.PI / 2)));
  const online = new OnlineKeys({ d, epsilon });
  let kept = 0;
  let sum = 0;
  for (let t = 0; t < n; t++) {
    const one = online.push(data.subarray(d * t, d * t + d)).kept;
    const { scores } = exactLeverage({ data: data.slice(0, d * (t + 1)), n: t + 1, d });
    sum += scores[t];
    if (Math.abs(scores[t] - epsilon) > 1e-9) expect(one).toBe(scores[t] >= epsilon);
    kept += Number(one);
  }
  // |K|^2 <= tr K^T K; the first row is at distance 1 from nothing, the second at |sin 2.4| 1.05 from the first.
  const norm2 = data.reduce((total, entry) => total + entry * entry, 0);
  const bound = d * (1 + Math.log(norm2 / (Math.sin(2.4) * 1.05) ** 2));
  expect(sum).toBeLessThanOrEqual(bound);
  expect(kept).toBeLessThanOrEqual(sum / epsilon);
  expect(kept).toBeGreaterThan(d / epsilon);
});

test('no score of a real query under causal attention is missed', async () => {
  const file = readFileSync(new URL('../../examples/data/stories260k.safetensors', import.meta.url));
  const epsilon = 0.1;
  let heavy = 0;
  for (let layer = 0; layer < 5; layer++) {
    const k = await readTensor(file, `layer${layer}.k`);
    const q = await readTensor(file, `layer${layer}.q`);
    const [, , n, d] = k.shape;
    const result = keyLifetimes({ data: k.data, shape: [1, 4, n, d] }, { epsilon });
    for (const { head, lastNeeded, guarantee, peak, sizeBound } of result.heads) {
      expect(guarantee).toBe('minimal');
      expect(peak).toBeLessThanOrEqual(sizeBound);
      for (const query of [2 * head, 2 * head + 1])
        for (let t = 0; t < n; t++) {
          const squares = Array.from({ length: t + 1 }, (_, j) => {
            let dot = 0;
            for (let c = 0; c < d; c++)
              dot += q.data[(query * n + t) * d + c] * k.data[(head * n + j) * d + c];
            return dot * dot;
          });
          const threshold = epsilon * squares.reduce((a, b) => a + b) * (1 + 1e-12);
          squares.forEach((square, j) => {
            if (square < threshold) return;
            heavy++;
            if (lastNeeded[j] < t) throw new Error(`layer ${layer}, head ${head}: key ${j} at ${t}`);
          });
        }
    }
  }
  expect(heavy).toBeGreaterThan(1000);
});

describe('refuses', () => {
  const keys = tensorOf(4, 2, (i, c) => i + c);
  it.each([
    [0, 'RangeError: keyLifetimes: epsilon must be in (0, 1], got 0'],
    [1.5, 'RangeError: keyLifetimes: epsilon must be in (0, 1], got 1.5'],
    [Number.NaN, 'RangeError: keyLifetimes: epsilon must be in (0, 1], got NaN'],
    ['0.1', 'RangeError: keyLifetimes: epsilon must be in (0, 1], got 0.1'],
    [undefined, 'RangeError: keyLifetimes: epsilon must be in (0, 1], got undefined'],
  ])('epsilon %s', (epsilon, message) => {
    expect(() => keyLifetimes(keys, { epsilon } as { epsilon: number })).toThrow(
      expect.toSatisfy((error) => String(error) === message),
    );
  });

  it('options that are none, keys that are none and numbers that are not finite', () => {
    expect(() => keyLifetimes(keys, undefined as never)).toThrow(
      'keyLifetimes: options must be an object such as { epsilon: 0.05 }, got undefined',
    );
    expect(() => keyLifetimes({ data: [1] } as never, { epsilon: 0.1 })).toThrow(
      'keyLifetimes: keys: data must be a Float32Array or Float64Array, got Array',
    );
    const data = Float64Array.of(1, 2, 3, Number.NaN, 5, 6);
    expect(() => keyLifetimes({ data, shape: [3, 2] }, { epsilon: 0.1 })).toThrow(
      'keyLifetimes: keys must be finite, got NaN at row 1, column 1',
    );
    expect(() => keyLifetimes({ data, shape: [1, 3, 1, 2] }, { epsilon: 0.1 })).toThrow(
      'keyLifetimes: keys of batch 0, head 1 must be finite, got NaN at row 0, column 1',
    );
  });

  it.each([
    [undefined, 'OnlineKeys: options must be an object such as { d: 64, epsilon: 0.05 }, got undefined'],
    [{ d: 0, epsilon: 0.1 }, 'OnlineKeys: d must be a positive whole number, got 0'],
    [{ d: 2.5, epsilon: 0.1 }, 'OnlineKeys: d must be a positive whole number, got 2.5'],
    [{ d: 2, epsilon: 2 }, 'OnlineKeys: epsilon must be in (0, 1], got 2'],
  ])('an OnlineKeys of %j', (options, message) => {
    expect(() => new OnlineKeys(options as never)).toThrow(message);
  });

  it.each([
    [null, 'OnlineKeys.push: key must have 2 numbers, got null'],
    [3, 'OnlineKeys.push: key must have 2 numbers, got 3'],
    [[1, 2, 3], 'OnlineKeys.push: key must have 2 numbers, got 3'],
    [[1, Number.POSITIVE_INFINITY], 'OnlineKeys.push: key must be finite, got Infinity at row 1, column 1'],
    [['x', 1], 'OnlineKeys.push: key must be finite, got NaN at row 1, column 0'],
  ])('the key %j, and goes on', (key, message) => {
    const online = new OnlineKeys({ d: 2, epsilon: 0.5 });
    online.push([1, 0]);
    expect(() => online.push(key as never)).toThrow(message);
    expect(online.n).toBe(1);
    expect(online.push([2, 0])).toEqual({ index: 1, kept: true, expired: [0], late: [] });
  });
});
