/** What tails promise whatever the keys are: of seeds and threads, of keys that are always kept, and of what they lose nothing on. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exactAttention } from '../exact.js';
import { type LevAttentionOptions, levAttention, levAttentionAsync } from '../lev-attention.js';
import { distance, randomTensor, type ShapedTensor } from '../testing.js';
import { cases, tails } from './testing.js';

describe('a tail', () => {
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
