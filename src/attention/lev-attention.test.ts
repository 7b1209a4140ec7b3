import { describe, expect, it } from 'vitest';
import { matrixOver } from '../keys.js';
import { universalSet } from '../universal-set/universal-set.js';
import { power } from '../weights/power.js';
import { exactAttention } from './exact.js';
import { type LevAttentionOptions, levAttention, levAttentionAsync } from './lev-attention.js';
import { selectorNames } from './selectors/index.js';
import type { Selector } from './selectors/selector.js';
import { distance, naiveAttention, randomTensor, toFloat32 } from './testing.js';

const shapes: Record<string, [number[], number[], number[]]> = {
  'one matrix': [
    [12, 4],
    [12, 4],
    [12, 4],
  ],
  rectangular: [
    [5, 3],
    [23, 3],
    [23, 2],
  ],
  heads: [
    [2, 3, 6, 5],
    [2, 3, 31, 5],
    [2, 3, 31, 4],
  ],
  'grouped heads': [
    [2, 6, 9, 5],
    [2, 2, 17, 5],
    [2, 2, 17, 4],
  ],
};

const cases = Object.entries(shapes).flatMap(([shapeName, shape]) =>
  (['softmax', 2, 4.5] as const).flatMap((weights) =>
    (['none', 'causal'] as const).map((mask) => ({
      name: `${shapeName}, ${weights}, mask ${mask}`,
      tensors: shape.map((sizes, i) => randomTensor(sizes, i + 1)),
      options: { weights, mask },
      naive: { power: weights === 'softmax' ? undefined : weights, causal: mask === 'causal' },
    })),
  ),
);

describe('levAttention', () => {
  it.each(cases)('is attention over the keys that it says: $name', ({ tensors, options, naive }) => {
    for (const choice of [{ keys: 1 }, { keys: 5 }, { epsilon: 0.3 }]) {
      const [q, k, v] = tensors;
      const double = levAttention(q, k, v, { ...options, ...choice });
      const selected = double.heads.map(({ indices }) => indices);
      expect(distance(double.out.data, naiveAttention(q, k, v, { ...naive, selected }).out)).toBeLessThan(
        1e-12,
      );
      const [q32, k32, v32] = tensors.map(toFloat32);
      const single = levAttention(q32, k32, v32, { ...options, ...choice });
      const expected = naiveAttention(q32, k32, v32, {
        ...naive,
        selected: single.heads.map((head) => head.indices),
      });
      expect(single.out.data).toBeInstanceOf(Float32Array);
      expect(distance(single.out.data, expected.out)).toBeLessThan(1e-5);
    }
  });

  it.each(cases)('is exact attention when all keys are kept: $name', ({ tensors: [q, k, v], options }) => {
    const exact = exactAttention(q, k, v, options);
    const n = k.shape[k.shape.length - 2];
    for (const choice of [{ keys: n }, { keys: n + 7 }, { epsilon: 1e-9 }])
      expect(levAttention(q, k, v, { ...options, ...choice }).out).toEqual(exact);
  });

  it('names the key heads of a grouped input in order', () => {
    const [q, k, v] = shapes['grouped heads'].map((shape, i) => randomTensor(shape, i));
    const { heads, out } = levAttention(q, k, v, { keys: 3 });
    expect(heads.map(({ batch, head }) => [batch, head])).toEqual([
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ]);
    expect(out.shape).toEqual([2, 6, 9, 4]);
  });

  it('gives each head what it gets by itself, for every selector that does not draw', () => {
    const [q, k, v] = shapes['grouped heads'].map((shape, i) => randomTensor(shape, i));
    const part = (tensor: typeof q, count: number, at: number) => {
      const [, , rows, columns] = tensor.shape;
      const size = count * rows * columns;
      return { data: tensor.data.slice(at * size, (at + 1) * size), shape: [1, count, rows, columns] };
    };
    for (const select of selectorNames.filter((name) => name !== 'random' && name !== 'k-means')) {
      const together = levAttention(q, k, v, { keys: 6, select, mask: 'causal' });
      for (let index = 0; index < 4; index++) {
        const alone = levAttention(part(q, 3, index), part(k, 1, index), part(v, 1, index), {
          keys: 6,
          select,
          mask: 'causal',
        });
        expect(alone.heads[0].indices).toEqual(together.heads[index].indices);
        expect(
          distance(together.out.data.subarray(index * 108, (index + 1) * 108), alone.out.data),
        ).toBeLessThan(1e-12);
      }
    }
  });

  it('draws anew for each head and seed, and the same for the same', () => {
    const x = randomTensor([1, 3, 200, 2], 1);
    const draw = (seed: number) =>
      levAttention(x, x, x, { keys: 5, select: 'random', seed }).heads.map((head) => head.indices.join());
    expect(draw(1)).toEqual(draw(1));
    expect(new Set([...draw(1), ...draw(2)]).size).toBe(6);
  });

  describe('with epsilon', () => {
    const [q, k, v] = shapes.heads.map((shape, i) => randomTensor(shape, i + 5));
    const head = matrixOver(k.data, 31, 5);

    it.each<[string, LevAttentionOptions, object]>([
      ['|x|^2 with softmax', {}, {}],
      ['|x|^p with power weights', { weights: power(4) }, { f: power(4) }],
      ['offsets when centred', { select: 'leverage-centred' }, { centre: true }],
    ])('keeps the universal set of %s', (_, options, set) => {
      const expected = universalSet(head, { epsilon: 0.25, ...set });
      expect(expected.indices.length).toBeGreaterThan(0);
      expect(levAttention(q, k, v, { ...options, epsilon: 0.25 }).heads[0].indices).toEqual(expected.indices);
    });

    it('adds the keys of always', () => {
      const plain = levAttention(q, k, v, { epsilon: 0.25 });
      const more = levAttention(q, k, v, { epsilon: 0.25, always: [30, 0, 0] });
      more.heads.forEach(({ indices }, i) => {
        const expected = new Set([...plain.heads[i].indices, 0, 30]);
        expect(indices).toEqual([...expected].sort((a, b) => a - b));
      });
    });

    it('refuses a head without such a key, unless one is always kept', () => {
      const even = { data: Float64Array.of(1, 1, 1, 1), shape: [1, 1, 4, 1] };
      expect(() => levAttention(even, even, even, { epsilon: 0.5 })).toThrow(
        /^levAttention: no key of batch 0, head 0 has sensitivity >= epsilon = 0.5; .*$/,
      );
      expect(levAttention(even, even, even, { epsilon: 0.5, always: [2] }).heads[0].indices).toEqual([2]);
    });
  });

  describe('causal', () => {
    it('gives a query that sees no selected key the value of its own', () => {
      const k = { data: Float64Array.of(1, 0, 1, 0, 0, 9, 1, 0, 1, 0), shape: [5, 2] };
      const v = { data: Float64Array.of(10, 11, 12, 13, 14), shape: [5, 1] };
      for (const weights of ['softmax', 2] as const) {
        const { out, heads } = levAttention(k, k, v, { keys: 1, mask: 'causal', weights });
        expect(heads[0].indices).toEqual([2]);
        // With |x|^2, queries 3 and 4 give key 2 the weight zero: no attention at all.
        expect(Array.from(out.data)).toEqual([10, 11, 12, ...(weights === 'softmax' ? [12, 12] : [0, 0])]);
      }
    });

    it('places fewer queries than keys at the end', () => {
      const k = { data: Float64Array.of(1, 1, 9, 1), shape: [4, 1] };
      const v = { data: Float64Array.of(10, 11, 12, 13), shape: [4, 1] };
      const q = { data: Float64Array.of(1, 1, 1), shape: [3, 1] };
      expect(Array.from(levAttention(q, k, v, { keys: 1, mask: 'causal' }).out.data)).toEqual([11, 12, 12]);
    });
  });

  it('keeps the lower index of equal keys', () => {
    const k = { data: Float32Array.of(0, 1, 2, 0, 0, 1, 2, 0, 0, 1, 2, 0), shape: [6, 2] };
    expect(levAttention(k, k, k, { keys: 3 }).heads[0].indices).toEqual([0, 1, 2]);
    expect(levAttention(k, k, k, { keys: 3, always: [5] }).heads[0].indices).toEqual([0, 1, 5]);
  });

  it('takes a selector of the caller', () => {
    const x = randomTensor([1, 4, 9, 3], 1);
    const seen: number[][] = [];
    const last: Selector = {
      name: 'last',
      needsQueries: true,
      select(keys, count, { queries = [], causal, scale }) {
        seen.push([keys.n, queries.length, queries[0].n, causal ? 1 : 0, scale]);
        return Array.from({ length: count }, (_, i) => keys.n - count + i);
      },
    };
    const k = randomTensor([1, 2, 9, 3], 2);
    const { heads } = levAttention(x, k, k, { keys: 2, select: last, mask: 'causal', scale: 7 });
    expect(heads.map(({ indices }) => indices)).toEqual([
      [7, 8],
      [7, 8],
    ]);
    expect(seen).toEqual([
      [9, 2, 9, 1, 7],
      [9, 2, 9, 1, 7],
    ]);
  });

  const x = randomTensor([4, 2], 1);
  const returning = (indices: unknown): Selector => ({ name: 'mine', select: () => indices as number[] });
  it.each<[string, unknown, RegExp]>([
    ['no options', undefined, /exactly one of keys and epsilon must be given, got neither$/],
    ['empty options', {}, /exactly one of keys and epsilon must be given, got neither$/],
    ['both', { keys: 1, epsilon: 0.5 }, /exactly one of keys and epsilon must be given, got both$/],
    ['no keys', { keys: 0 }, /keys must be a positive integer, got 0$/],
    ['half a key', { keys: 1.5 }, /keys must be .* got 1.5$/],
    ['NaN keys', { keys: Number.NaN }, /keys must be .* got NaN$/],
    ['epsilon 0', { epsilon: 0 }, /epsilon must be in \(0, 1\], got 0$/],
    ['epsilon above 1', { epsilon: 1.01 }, /epsilon must be in \(0, 1\], got 1.01$/],
    ['a text for epsilon', { epsilon: 'x' }, /epsilon must be in \(0, 1\], got x$/],
    ['an unknown selector', { keys: 1, select: 'best' }, /must be one of leverage, .* got 'best'$/],
    ['a prototype key', { keys: 1, select: 'constructor' }, /got 'constructor'$/],
    ['a null selector', { keys: 1, select: null }, /select must be a selector or its name, got null$/],
    [
      'a selector with epsilon',
      { epsilon: 0.1, select: 'stride' },
      /with epsilon, select must be .* got 'stride'$/,
    ],
    ['always that is no list', { keys: 1, always: 3 }, /always must be an array of indices, got 3$/],
    ['always out of range', { keys: 1, always: [4] }, /always must hold integers in \[0, n = 4\), got 4$/],
    ['always negative', { keys: 1, always: [-1] }, /always .* got -1$/],
    ['always not whole', { keys: 1, always: [0.5] }, /always .* got 0.5$/],
    ['more always than keys', { keys: 1, always: [0, 1] }, /keys must be at least the 2 of always, got 1$/],
    ['a negative seed', { keys: 1, seed: -1 }, /seed must be an integer in \[0, 2\^53\), got -1$/],
    ['too few indices', { keys: 2, select: returning([1]) }, /selector mine: must return 2 indices, got 1$/],
    [
      'indices out of order',
      { keys: 2, select: returning([2, 1]) },
      /ascending integers in \[0, 4\), got 1 after 2$/,
    ],
    [
      'equal indices',
      { keys: 2, select: returning([1, 1]) },
      /ascending integers in \[0, 4\), got 1 after 1$/,
    ],
    [
      'indices out of range',
      { keys: 2, select: returning([1, 4]) },
      /ascending integers in \[0, 4\), got 4 after 1$/,
    ],
    [
      'no indices',
      { keys: 2, select: returning(undefined) },
      /selector mine: must return an array of indices, got undefined$/,
    ],
    [
      'other arrays',
      { keys: 2, select: returning(Int32Array.of(0, 1)) },
      /selector mine: must return an array of indices, got 0,1$/,
    ],
    ['always left out', { keys: 2, always: [3], select: returning([1, 2]) }, /key 3 must always be kept/],
    ['what exactAttention refuses', { keys: 2, mask: 'no' }, /^levAttention: mask must be/],
  ])('refuses %s in one line', (_, options, message) => {
    const call = () => levAttention(x, x, x, options as LevAttentionOptions);
    expect(call).toThrow(message);
    expect(call).toThrow(/^[^\n]*$/);
  });

  it('is the same when the event loop runs, and can be aborted', async () => {
    const [q, k, v] = shapes.heads.map((shape, i) => randomTensor(shape, i));
    const options = { keys: 4, select: 'leverage-centred' };
    expect(await levAttentionAsync(q, k, v, options)).toEqual(levAttention(q, k, v, options));
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(levAttentionAsync(q, k, v, { ...options, signal })).rejects.toThrow('enough');
    expect(() => levAttention(q, k, v, { ...options, signal })).toThrow('enough');
  });
});
