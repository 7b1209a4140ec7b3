/** Clusters against what their settings say. */
import { describe, expect, it } from 'vitest';
import { exactAttention } from '../exact.js';
import { levAttention } from '../lev-attention.js';
import { distance, randomTensor, type ShapedTensor } from '../testing.js';

describe('a tail', () => {
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
});
