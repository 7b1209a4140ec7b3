/** Tails of keys with log-weights, and under weights |x|^p. */
import { describe, expect, it } from 'vitest';
import { exactAttention } from '../exact.js';
import { levAttention } from '../lev-attention.js';
import { distance, randomTensor, type ShapedTensor } from '../testing.js';
import { tails } from './testing.js';

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

  it.each<[string, number | 'softmax']>([
    ['clusters:exact=0,euclidean', 'softmax'],
    ['clusters:exact=0,metric=queries', 'softmax'],
    ['clusters:exact=0,metric=queries', 3],
  ])('log c counts as c equal keys when keys are clustered: %s, %s', (tail, weights) => {
    const n = 30;
    const [keys, values] = [randomTensor([n, 4], 40), randomTensor([n, 3], 41)];
    // Among many light keys a few heavy ones, which pull centres towards them.
    const times = Array.from({ length: n }, (_, j) => (j % 5 === 0 ? 6 : 1));
    const copies = times.flatMap((count, j) => new Array<number>(count).fill(j));
    const copied = ({ data, shape: [, width] }: ShapedTensor) => ({
      data: Float64Array.from(copies.flatMap((j) => Array.from(data.subarray(j * width, (j + 1) * width)))),
      shape: [copies.length, width],
    });
    const options = { keys: 9, tail, weights };
    const logs = { data: Float64Array.from(times, Math.log), shape: [n] };
    const few = levAttention(q, keys, values, { ...options, logWeights: logs });
    const many = levAttention(q, copied(keys), copied(values), options);
    const [one, all] = [few, many].map(({ heads }) => heads[0].stored!.members);
    expect(copies.map((j) => one[j])).toEqual([...all]);
    expect(distance(few.out.data, many.out.data)).toBeLessThan(1e-6);
    expect(levAttention(q, keys, values, options).heads[0].stored!.members).not.toEqual(one);
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
