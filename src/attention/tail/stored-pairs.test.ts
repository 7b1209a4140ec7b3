/** Tails against attention over the pairs that they say they store, by its definition. */
import { describe, expect, it } from 'vitest';
import { type LevAttentionOptions, levAttention, type SelectedKeys } from '../lev-attention.js';
import { distance, randomTensor, type ShapedTensor, toFloat32 } from '../testing.js';
import { cases } from './testing.js';

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
        // The closed form counts as a pair.
        expect(pairs + (stored?.moments ? 1 : 0)).toBeLessThanOrEqual(keys);
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
});
