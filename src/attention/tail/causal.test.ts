/** What tails let through of keys and values to come, under a causal mask. */
import { describe, expect, it } from 'vitest';
import { levAttention } from '../lev-attention.js';
import { randomTensor, type ShapedTensor } from '../testing.js';

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
