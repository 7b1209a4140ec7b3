/** Tails against attention over their pairs by its definition, and against what they promise of keys, masks and seeds. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exactAttention } from '../exact.js';
import {
  type LevAttentionOptions,
  levAttention,
  levAttentionAsync,
  type SelectedKeys,
} from '../lev-attention.js';
import { distance, randomTensor, type ShapedTensor, toFloat32 } from '../testing.js';
import { parseTail, tailNames } from './index.js';

const tails = [...tailNames, 'sample:exact=0.25', 'clusters:exact=0.25,by=residual,metric=euclidean,keys'];
const shapes: Record<string, [number[], number[], number[]]> = {
  rectangular: [
    [5, 3],
    [23, 3],
    [23, 2],
  ],
  'as many queries as keys': [
    [40, 4],
    [40, 4],
    [40, 4],
  ],
  'grouped heads': [
    [2, 6, 19, 5],
    [2, 2, 37, 5],
    [2, 2, 37, 4],
  ],
};

/** Attention over what a result says is stored, one query after the other; `logWeights` are one for each key of all heads. */
function overStored(
  q: ShapedTensor,
  k: ShapedTensor,
  v: ShapedTensor,
  heads: readonly SelectedKeys[],
  causal: boolean,
  { power, logWeights }: { power?: number; logWeights?: ArrayLike<number> } = {},
): number[] {
  const [batches, queryHeads, m, d] = q.shape.length === 2 ? [1, 1, ...q.shape] : q.shape;
  const [keyHeads, n] = k.shape.length === 2 ? [1, k.shape[0]] : k.shape.slice(1);
  const dv = v.shape[v.shape.length - 1];
  const out: number[] = [];
  for (let at = 0; at < batches * queryHeads; at++) {
    const head =
      Math.floor(at / queryHeads) * keyHeads + Math.floor(((at % queryHeads) * keyHeads) / queryHeads);
    const { indices, stored } = heads[head];
    const key = (j: number) => Array.from(k.data.subarray((head * n + j) * d, (head * n + j + 1) * d));
    const value = (j: number) => Array.from(v.data.subarray((head * n + j) * dv, (head * n + j + 1) * dv));
    const groups = stored
      ? Array.from(stored.logWeights, (_, pair) =>
          [...stored.members.keys()].filter((j) => stored.members[j] === pair),
        )
      : indices.map((j) => [j]);
    const added = (j: number) => logWeights?.[head * n + j] ?? 0;
    const average = (keys: readonly number[], row: (j: number) => number[]) => {
      const total = keys.reduce((sum, j) => sum + Math.exp(added(j)), 0);
      return row(keys[0]).map((_, c) =>
        keys.reduce((sum, j) => sum + (Math.exp(added(j)) / total) * row(j)[c], 0),
      );
    };
    const turned = (j: number) => key(j).map((x) => x * (stored?.signs?.[j] ?? 1));
    const weightOf = (product: number) =>
      power === undefined ? Math.exp(product / Math.sqrt(d)) : Math.abs(product) ** power;
    const dot = (a: ArrayLike<number>, b: number[]) => b.reduce((sum, x, c) => sum + x * a[c], 0);
    for (let i = 0; i < m; i++) {
      const query = Array.from(q.data.subarray((at * m + i) * d, (at * m + i + 1) * d));
      const seen = groups
        .map((keys, pair) => ({ keys, logWeight: stored?.logWeights[pair] ?? added(keys[0]) }))
        .filter(({ keys }) => !causal || Math.max(...keys) <= i + n - m);
      const terms = seen.map(({ keys, logWeight }) => ({
        weight: weightOf(dot(query, average(keys, turned))) * Math.exp(logWeight),
        value: average(keys, value),
      }));
      if (stored?.moments) {
        const rows = stored.moments;
        const [mu, mean] = [average(rows, key), average(rows, value)];
        const along = (j: number) =>
          dot(
            query,
            key(j).map((x, c) => x - mu[c]),
          ) / Math.sqrt(d);
        const total = rows.reduce((sum, j) => sum + Math.exp(added(j)), 0);
        const [square] = average(rows, (j) => [along(j) ** 2]);
        const shift = average(rows, (j) => value(j).map((x, c) => along(j) * (x - mean[c])));
        terms.push({
          weight: total * Math.exp(dot(query, mu) / Math.sqrt(d) + square / 2),
          value: mean.map((x, c) => x + shift[c]),
        });
      }
      if (terms.length === 0) {
        const own = i + n - m;
        const visible = added(own) > Number.NEGATIVE_INFINITY;
        terms.push({ weight: 1, value: value(own).map((x) => (visible ? x : 0)) });
      }
      const total = terms.reduce((sum, { weight }) => sum + weight, 0);
      for (let c = 0; c < dv; c++)
        out.push(terms.reduce((sum, term) => sum + (term.weight / total) * term.value[c], 0));
    }
  }
  return out;
}

const cases = tails.flatMap((tail) =>
  Object.entries(shapes).flatMap(([shape, sizes]) =>
    (['none', 'causal'] as const).map((mask) => ({
      name: `${tail}, ${shape}, mask ${mask}`,
      tail,
      mask,
      tensors: sizes.map((size, i) => randomTensor(size, i + 1)),
    })),
  ),
);

describe('a tail', () => {
  it.each(cases)('is attention over the pairs that it says it stores: $name', ({ tail, mask, tensors }) => {
    for (const keys of [1, 2, 5, 12]) {
      const [q, k, v] = tensors;
      const double = levAttention(q, k, v, { keys, tail, mask });
      const expected = overStored(q, k, v, double.heads, mask === 'causal');
      expect(distance(double.out.data, expected)).toBeLessThan(1e-12);
      const [q32, k32, v32] = tensors.map(toFloat32);
      const single = levAttention(q32, k32, v32, { keys, tail, mask });
      expect(
        distance(single.out.data, overStored(q32, k32, v32, single.heads, mask === 'causal')),
      ).toBeLessThan(1e-5);
    }
  });

  it.each(
    cases.flatMap((given) =>
      (['log-weights', 'mask', 'both'] as const).map((by) => ({
        ...given,
        name: `${given.name}, by ${by}`,
        by,
      })),
    ),
  )('is attention over weighted pairs with log-weights, or a mask that is one for all queries: $name', (given) => {
    const { tail, mask, tensors, by } = given;
    const [q, k, v] = tensors;
    const lead = k.shape.slice(0, -2);
    const n = k.shape[k.shape.length - 2];
    const ofKeys = randomTensor([...lead, n], 8);
    ofKeys.data.forEach((x, at) => {
      ofKeys.data[at] = 2 * x + 900;
    });
    ofKeys.data[7] = Number.NEGATIVE_INFINITY;
    // The query heads of a key head have the same mask.
    const group = lead.length === 0 ? 1 : q.shape[1] / k.shape[1];
    const ofQueries = {
      data: Float64Array.from(
        { length: ofKeys.data.length * group },
        (_, at) => ofKeys.data[Math.floor(at / n / group) * n + (at % n)],
      ),
      shape: lead.length === 0 ? [1, n] : [q.shape[0], q.shape[1], 1, n],
    };
    const options: LevAttentionOptions = {
      ...(by !== 'mask' && { logWeights: ofKeys }),
      ...(by !== 'log-weights' && { attnMask: ofQueries }),
    };
    // exp(900) is beyond float64, e to what is left of it is not.
    const logWeights = ofKeys.data.map((x) => (by === 'both' ? 2 * x : x));
    const relative = logWeights.map((x) => x - (by === 'both' ? 1800 : 900));
    for (const keys of [1, 5, 12]) {
      const { out, heads } = levAttention(q, k, v, { ...options, keys, tail, mask });
      expect(out.data.every(Number.isFinite)).toBe(true);
      const shifted = heads.map(({ stored, ...head }) => ({
        ...head,
        stored: stored && {
          ...stored,
          logWeights: stored.logWeights.map((x) => x - (by === 'both' ? 1800 : 900)),
        },
      }));
      expect(
        distance(out.data, overStored(q, k, v, shifted, mask === 'causal', { logWeights: relative })),
      ).toBeLessThan(1e-10);
    }
  });

  it.each(
    cases
      .filter(({ tail }) => tail !== 'moments')
      .flatMap((given) => [1, 3.5].map((power) => ({ ...given, power }))),
  )('is attention over pairs of turned keys with weights |x|^$power: $name', ({
    tail,
    mask,
    tensors,
    power,
  }) => {
    const [q, k, v] = tensors;
    const lead = k.shape.slice(0, -2);
    const logWeights = randomTensor([...lead, k.shape[k.shape.length - 2]], 8);
    logWeights.data[5] = Number.NEGATIVE_INFINITY;
    for (const given of [undefined, logWeights])
      for (const keys of [1, 5, 12]) {
        const { out, heads } = levAttention(q, k, v, { keys, tail, mask, weights: power, logWeights: given });
        const expected = overStored(q, k, v, heads, mask === 'causal', { power, logWeights: given?.data });
        expect(distance(out.data, expected)).toBeLessThan(1e-11);
      }
  });

  it.each(cases)('stores no more pairs than it may, and says which keys they stand for: $name', (given) => {
    const [q, k, v] = given.tensors;
    const n = k.shape[k.shape.length - 2];
    for (const keys of [1, 2, 3, 8, n - 1])
      for (const { indices, stored } of levAttention(q, k, v, { keys, tail: given.tail, mask: given.mask })
        .heads) {
        const pairs = stored?.logWeights.length ?? indices.length;
        expect(pairs).toBeLessThanOrEqual(keys);
        expect(pairs).toBeGreaterThan(0);
        expect([...indices].sort((a, b) => a - b)).toEqual([...indices]);
        if (!stored) continue;
        const counts = new Array(pairs).fill(0);
        for (const pair of stored.members) if (pair >= 0) counts[pair]++;
        expect(Math.min(...counts)).toBe(Math.min(...counts.filter((x) => x > 0)));
        for (const j of indices) expect(counts[stored.members[j]]).toBe(1);
        if (given.tail.startsWith('sample')) {
          const weight = stored.logWeights.reduce((sum, x) => sum + Math.exp(x), 0);
          expect(weight).toBeCloseTo(n, 8);
        } else {
          const rest = new Set(stored.moments);
          stored.members.forEach((pair, j) => {
            expect(pair >= 0).toBe(!rest.has(j));
          });
        }
      }
  });

  it.each(cases)('is exact attention with as many pairs as keys: $name', ({ tail, mask, tensors }) => {
    const [q, k, v] = tensors;
    const exact = exactAttention(q, k, v, { mask });
    const n = k.shape[k.shape.length - 2];
    for (const keys of [n, n + 3]) {
      const { out, heads } = levAttention(q, k, v, { keys, tail, mask });
      expect(out).toEqual(exact);
      expect(heads[0].stored).toBeUndefined();
    }
  });

  it.each(tails)('gives the same for the same seed and any number of threads: %s', async (tail) => {
    const [q, k, v] = [
      [2, 2, 70, 6],
      [2, 2, 300, 6],
      [2, 2, 300, 5],
    ].map((shape, i) => randomTensor(shape, i + 7, true));
    const options: LevAttentionOptions = { keys: 30, tail, seed: 3 };
    const first = levAttention(q, k, v, options);
    expect(levAttention(q, k, v, options)).toEqual(first);
    expect(await levAttentionAsync(q, k, v, { ...options, threads: 2 })).toEqual(first);
  });

  it.each(tails)('keeps the keys of always as they are: %s', (tail) => {
    const x = randomTensor([60, 4], 3);
    const always = [0, 17, 59];
    for (const keys of [3, 4, 9, 30]) {
      const { indices } = levAttention(x, x, x, { keys, tail, always }).heads[0];
      expect(indices).toEqual(expect.arrayContaining(always));
    }
  });

  it.each(tails)('bears any keys: %s', (tail) => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 60 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 30 }),
        fc.constantFrom('equal', 'zero', 'few distinct', 'huge', 'tiny', 'outlier'),
        fc.constantFrom('none' as const, 'causal' as const),
        (n, d, keys, kind, mask) => {
          const { data } = randomTensor([n, d], n);
          const rows = data.map((x, at) => {
            const i = Math.floor(at / d);
            if (kind === 'equal') return 0.7;
            if (kind === 'zero') return 0;
            if (kind === 'few distinct') return i % 3;
            if (kind === 'outlier') return i === 1 ? 1e20 : x;
            return x * (kind === 'huge' ? 1e120 : 1e-150);
          });
          for (const k of [rows, new Float32Array(rows.map((x) => Math.max(-1e30, Math.min(1e30, x))))]) {
            const tensor = { data: k, shape: [n, d] };
            const { out } = levAttention(tensor, tensor, tensor, { keys, tail, mask });
            expect(out.data.every(Number.isFinite)).toBe(true);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it.each(['mean', 'moments', 'clusters'])('loses nothing where keys and values repeat: %s', (tail) => {
    const distinct = tail === 'clusters' ? 5 : 1;
    const repeated = ({ data, shape: [, d] }: ShapedTensor) => ({
      data: Float64Array.from(
        { length: 90 * d },
        (_, at) => data[(Math.floor(at / d) % distinct) * d + (at % d)],
      ),
      shape: [90, d],
    });
    const [q, k, v] = [
      randomTensor([20, 4], 1),
      repeated(randomTensor([5, 4], 2)),
      repeated(randomTensor([5, 3], 3)),
    ];
    const { out } = levAttention(q, k, v, { keys: 8, tail });
    expect(distance(out.data, exactAttention(q, k, v).data)).toBeLessThan(1e-7);
  });

  it('by moments is right for many Gaussian keys, and gives way to the mean where it is wrong', () => {
    const q = randomTensor([40, 8], 1);
    const k = randomTensor([4000, 8], 2);
    const v = { data: k.data.map((x, at) => x + k.data[(at * 7) % k.data.length]), shape: [4000, 8] };
    const exact = exactAttention(q, k, v).data;
    const errors = ['drop', 'mean', 'moments'].map((tail) =>
      distance(levAttention(q, k, v, { keys: 9, tail }).out.data, exact),
    );
    expect(errors[2]).toBeLessThan(0.2);
    expect(errors[2]).toBeLessThan(errors[1] / 3);
    const long = { data: q.data.map((x) => 40 * x), shape: q.shape };
    const far = exactAttention(long, k, v).data;
    const [mean, moments] = ['mean', 'moments'].map((tail) =>
      distance(levAttention(long, k, v, { keys: 9, tail }).out.data, far),
    );
    expect(moments).toBeLessThanOrEqual(mean * 1.0001);
  });

  it('by clusters keeps the first and the last keys in its window', () => {
    const x = randomTensor([200, 4], 3);
    const { indices } = levAttention(x, x, x, { keys: 20, tail: 'clusters:window=0.5,exact=0' }).heads[0];
    expect(indices).toEqual(expect.arrayContaining([0, 1, 2, 3, 194, 195, 196, 197, 198, 199]));
    // Under a causal mask it is there without being asked for.
    const causal = levAttention(x, x, x, { keys: 40, tail: 'clusters', mask: 'causal' }).heads[0].indices;
    expect(causal).toEqual(expect.arrayContaining([0, 1, 2, 3, 194, 195, 196, 197, 198, 199]));
  });

  it('by clusters raises log-weights by half the mean squared difference of the logits, at most 1', () => {
    const [q, k, v] = [randomTensor([20, 4], 1), randomTensor([90, 4], 2), randomTensor([90, 3], 3)];
    const tail = 'clusters:exact=0,metric=queries,weights=';
    for (const size of [0.5, 9]) {
      const long = { ...q, data: q.data.map((x) => size * x) };
      const [{ stored: plain }, { stored }] = ['counts', 'spread'].map(
        (weights) => levAttention(long, k, v, { keys: 8, tail: tail + weights }).heads[0],
      );
      expect(stored!.members).toEqual(plain!.members);
      stored!.logWeights.forEach((found, pair) => {
        const keys = Array.from({ length: 90 }, (_, j) => j).filter((j) => plain!.members[j] === pair);
        const row = (x: ShapedTensor, i: number) => Array.from(x.data.subarray(4 * i, 4 * i + 4));
        const mean = [0, 1, 2, 3].map(
          (c) => keys.reduce((sum, j) => sum + k.data[4 * j + c], 0) / keys.length,
        );
        const squares = Array.from({ length: 20 }, (_, i) =>
          keys.map((j) => row(k, j).reduce((sum, x, c) => sum + (x - mean[c]) * long.data[4 * i + c], 0) / 2),
        ).flatMap((logits) => logits.map((x) => x * x));
        const half = squares.reduce((sum, x) => sum + x, 0) / squares.length / 2;
        const excess = found - plain!.logWeights[pair];
        // The metric has a little of every direction.
        expect(excess).toBeGreaterThan(Math.min(half, 1) * 0.999);
        expect(excess).toBeLessThan(Math.min(half * 1.2, 1) + 1e-6);
      });
    }
  });

  it('by clusters takes what errs least on queries that it was not made by', () => {
    const q = randomTensor([64, 4], 1);
    const [k, v] = [randomTensor([300, 4], 2), randomTensor([300, 3], 3)];
    const exact = exactAttention(q, k, v).data;
    const error = (tail: string) => distance(levAttention(q, k, v, { keys: 19, tail }).out.data, exact);
    const all = [
      'exact=0.15,by=residual,metric=queries',
      'exact=0.25,by=attention,metric=queries',
      'window=0.5,exact=0.25,by=attention,metric=queries',
    ].map((settings) => error(`clusters:${settings}`));
    expect(error('clusters')).toBeLessThan(1.2 * Math.min(...all));
  });

  it('by a sample is right on average', () => {
    const [q, k, v] = [randomTensor([3, 4], 1), randomTensor([200, 4], 2), randomTensor([200, 3], 3)];
    const exact = exactAttention(q, k, v).data;
    const outputs = Array.from(
      { length: 300 },
      (_, seed) => levAttention(q, k, v, { keys: 40, tail: 'sample', seed }).out.data,
    );
    const average = exact.map((_, i) => outputs.reduce((sum, out) => sum + out[i] / outputs.length, 0));
    const alone = outputs.reduce((sum, out) => sum + distance(out, exact) / outputs.length, 0);
    expect(distance(average, exact)).toBeLessThan(alone / 4);
    const dropped = levAttention(q, k, v, { keys: 40 }).out.data;
    expect(distance(average, exact)).toBeLessThan(distance(dropped, exact) / 4);
  });
});

describe('causal tails leak nothing', () => {
  const n = 60;
  const [q, k, v] = [4, 5]
    .map((d, i) => randomTensor([n, d], i + 20))
    .flatMap((x, i) => (i === 0 ? [x, x] : [x]));
  const changed = (tensor: ShapedTensor, from: number, by: number): ShapedTensor => ({
    ...tensor,
    data: tensor.data.map((x, at) => (Math.floor(at / tensor.shape[1]) >= from ? x * by + 1 : x)),
  });

  it.each([
    'drop',
    'sample',
    'mean',
    'clusters:exact=0,by=residual,metric=euclidean,keys',
    'clusters:exact=0.5,by=selector,metric=euclidean,keys',
  ])('values of the future change nothing before: %s', (tail) => {
    for (const j of [3, 30, 59]) {
      const options = { keys: 20, tail, mask: 'causal' as const };
      const before = levAttention(q, k, v, options).out.data.subarray(0, j * 5);
      expect(levAttention(q, k, changed(v, j, 3), options).out.data.subarray(0, j * 5)).toEqual(before);
    }
  });

  it.each([
    'drop',
    'sample',
    'mean',
    'moments',
  ])('nor do keys, where the selector goes by place: %s', (tail) => {
    for (const j of [3, 30, 59]) {
      const options = { keys: 20, tail, select: 'stride', mask: 'causal' as const };
      const before = levAttention(q, k, v, options).out.data.subarray(0, j * 5);
      const [k2, v2] = [changed(k, j, -2), changed(v, j, 3)];
      expect(levAttention(q, k2, v2, options).out.data.subarray(0, j * 5)).toEqual(before);
    }
  });

  it('clusters of earlier segments do not depend on the order of later keys', () => {
    const tail = 'clusters:exact=0.25,by=residual,metric=euclidean,keys,segments=4';
    const pairs = (keys: ShapedTensor) =>
      levAttention(q, keys, v, { keys: 20, tail, mask: 'causal' }).heads[0].stored!.members.slice(0, 45);
    // The same keys in another order: their mean and largest entry, which scale all points, are the same.
    const later = { ...k, data: k.data.slice() };
    for (let j = 45; j < 60; j++) later.data.set(k.data.subarray((104 - j) * 4, (105 - j) * 4), j * 4);
    expect(pairs(later)).toEqual(pairs(k));
  });
});

describe('tail names', () => {
  const x = randomTensor([20, 3], 1);
  const refusals: [string, LevAttentionOptions, string][] = [
    [
      'a name that is none',
      { keys: 3, tail: 'cluster' },
      "the tail must be one of drop, sample, mean, moments, clusters, the last and sample with settings after a colon, got 'cluster'",
    ],
    [
      'a setting that is none',
      { keys: 3, tail: 'clusters:metrics=queries' },
      "settings of clusters are window, exact, by, metric, values, keys, weights, iterations and segments, got 'clusters:metrics=queries'",
    ],
    [
      'a share of one',
      { keys: 3, tail: 'clusters:exact=1' },
      "exact must be a number in [0, 1) or auto, got 'clusters:exact=1'",
    ],
    [
      'a window of more than all',
      { keys: 3, tail: { kind: 'clusters', window: 2 } },
      "window must be a number in [0, 1) or auto, got 'clusters:window=2'",
    ],
    [
      'weights that are none',
      { keys: 3, tail: 'clusters:weights=mass' },
      'weights must be one of counts, spread, auto',
    ],
    [
      'no iterations',
      { keys: 3, tail: { kind: 'clusters', iterations: 0 } },
      "iterations must be a positive whole number, got 'clusters:iterations=0'",
    ],
    [
      'a metric that is none',
      { keys: 3, tail: 'clusters:metric=cosine' },
      'metric must be one of euclidean, queries, auto',
    ],
    ['settings of a plain tail', { keys: 3, tail: 'mean:exact=0.5' }, 'the tail must be one of'],
    [
      'a sample of all',
      { keys: 3, tail: 'sample:exact=2' },
      "sample takes exact=SHARE, a number in [0, 1), got 'sample:exact=2'",
    ],
    [
      'a tail that is no tail',
      { keys: 3, tail: 7 as never },
      "levAttention: tail must be one of drop, sample, mean, moments, clusters, or { kind: 'clusters' }, got 7",
    ],
    [
      'epsilon',
      { epsilon: 0.3, tail: 'mean' },
      "levAttention: tail 'mean' needs keys, the number of stored pairs, got epsilon",
    ],
    [
      'power weights',
      { keys: 3, weights: 2, tail: 'moments' },
      "levAttention: tail 'moments' is for softmax weights, got |x|^2",
    ],
    [
      'a mask that differs between queries',
      {
        keys: 3,
        tail: 'mean',
        attnMask: { data: new Uint8Array(400).fill(1).fill(0, 399), shape: [20, 20] },
      },
      "levAttention: attnMask must be the same for all queries of a key head, as tail 'mean' stores keys together and no query can see a part of a mean",
    ],
  ];
  it.each(refusals)('refuse %s in one line', (_, options, message) => {
    const call = () => levAttention(x, x, x, options);
    expect(call).toThrow(message);
    expect(call).toThrow(/^[^\n]*$/);
  });

  it('say the same as options do', () => {
    const named = levAttention(x, x, x, {
      keys: 6,
      tail: 'clusters:window=0.25,exact=0.5,by=residual,metric=euclidean,keys,weights=spread,iterations=3',
    });
    const tail = {
      kind: 'clusters',
      window: 0.25,
      exactShare: 0.5,
      exactBy: 'residual',
      metric: 'euclidean',
      values: false,
      weights: 'spread',
      iterations: 3,
    } as const;
    expect(levAttention(x, x, x, { keys: 6, tail })).toEqual(named);
    expect(parseTail('clusters:queries,values').name).toBe('clusters:queries,values');
    for (const name of tailNames) expect(parseTail(name).name).toBe(name);
  });

  it('allow masks and log-weights of the caller with drop and sample, whose pairs are single keys', () => {
    const hidden = new Uint8Array(20).fill(1);
    hidden[4] = 0;
    const logWeights = { data: Float64Array.from({ length: 20 }, (_, j) => j / 9), shape: [20] };
    for (const tail of ['drop', 'sample']) {
      const options = { keys: 20, tail, attnMask: { data: hidden, shape: [1, 20] }, logWeights };
      const { attnMask } = options;
      expect(levAttention(x, x, x, options).out).toEqual(exactAttention(x, x, x, { attnMask, logWeights }));
      const few = levAttention(x, x, x, { ...options, keys: 9, always: [4] });
      const without = levAttention(x, x, x, { keys: 9, tail, always: [4], logWeights });
      expect(distance(few.out.data, without.out.data)).toBeGreaterThan(0.01);
    }
  });
});

describe('log-weights', () => {
  const [q, k, v] = [
    [12, 4],
    [16, 4],
    [16, 3],
  ].map((shape, i) => randomTensor(shape, i + 30));
  const counts = Array.from({ length: 16 }, (_, j) => 1 + ((j * 7) % 4));
  const repeated = counts.flatMap((count, j) => new Array<number>(count).fill(j));
  const rowsOf = ({ data, shape: [, width] }: ShapedTensor) => ({
    data: Float64Array.from(repeated.flatMap((j) => Array.from(data.subarray(j * width, (j + 1) * width)))),
    shape: [repeated.length, width],
  });
  const logWeights = { data: Float64Array.from(counts, Math.log), shape: [16] };
  const single = counts.flatMap((count, j) => (count === 1 ? [j] : [])).slice(0, 3);
  /** Keeps the keys of `always`, and then the first. */
  const select = {
    name: 'always',
    select: (_: unknown, count: number, { always }: { readonly always: readonly number[] }) =>
      always.slice(0, count),
  };

  it.each<[string, number | 'softmax']>([
    ['mean', 'softmax'],
    ['moments', 'softmax'],
    ['mean', 2],
  ])('log c counts as c equal keys: %s, %s', (tail, weights) => {
    const more = repeated.flatMap((j, at) => (single.includes(j) ? [at] : []));
    const options = { keys: 4, tail, select, weights };
    const few = levAttention(q, k, v, { ...options, logWeights, always: single });
    const many = levAttention(q, rowsOf(k), rowsOf(v), { ...options, always: more });
    expect(few.heads[0].indices).toEqual(single);
    if (tail === 'moments') expect(few.heads[0].stored?.moments).toHaveLength(13);
    expect(distance(few.out.data, many.out.data)).toBeLessThan(1e-13);
  });

  it('of zero, and masks that hide nothing, change nothing', () => {
    for (const tail of tails) {
      const plain = levAttention(q, k, v, { keys: 6, tail });
      const zero = { data: new Float64Array(16), shape: [16] };
      for (const more of [
        { logWeights: zero },
        { attnMask: { data: zero.data, shape: [1, 16] } },
        { attnMask: { data: new Uint8Array(192).fill(3), shape: [12, 16] } },
      ]) {
        const result = levAttention(q, k, v, { keys: 6, tail, ...more });
        expect(result.heads).toEqual(plain.heads);
        expect(distance(result.out.data, plain.out.data)).toBeLessThan(1e-14);
      }
    }
  });
});

describe('weights |x|^p', () => {
  const [q, k, v] = [
    [24, 5],
    [90, 5],
    [90, 3],
  ].map((shape, i) => randomTensor(shape, i + 50));

  it.each([
    'mean',
    'clusters',
    'clusters:exact=0,by=residual,metric=euclidean,keys',
  ])('do not tell a key from its negative: %s', (tail) => {
    // A few directions, in both senses.
    const data = k.data.map((x, at) => k.data[(Math.floor(at / 5) % 6) * 5 + (at % 5)] + x * 1e-9);
    const turned = data.map((x, at) => (Math.floor(at / 5) % 4 === 1 ? -x : x));
    const values = {
      data: v.data.map((_, at) => v.data[(Math.floor(at / 3) % 6) * 3 + (at % 3)]),
      shape: v.shape,
    };
    const options = { keys: tail === 'mean' ? 80 : 14, tail, weights: 3, select: 'stride' };
    const [a, b] = [data, turned].map((keys) =>
      levAttention(q, { data: keys, shape: k.shape }, values, options),
    );
    expect(distance(b.out.data, a.out.data)).toBeLessThan(1e-6);
    if (tail === 'mean') return;
    const exact = exactAttention(q, { data: turned, shape: k.shape }, values, { weights: 3 }).data;
    expect(distance(b.out.data, exact)).toBeLessThan(1e-6);
  });
});
