import { describe, expect, it } from 'vitest';
import { compareAttention, compareAttentionAsync } from './compare.js';
import { exactAttention } from './exact.js';
import { levAttention } from './lev-attention.js';
import { selectorNames } from './selectors/index.js';
import { distance, naiveAttention, randomTensor, toFloat32 } from './testing.js';

const q = randomTensor([2, 4, 11, 3], 1);
const k = randomTensor([2, 2, 19, 3], 2);
const v = randomTensor([2, 2, 19, 5], 3);

describe('compareAttention', () => {
  const cases = (['softmax', 2] as const).flatMap((weights) =>
    (['none', 'causal'] as const).map((mask) => ({ weights, mask })),
  );
  it.each(cases)('gives error and mass by their definitions: $weights, mask $mask', (options) => {
    const power = options.weights === 'softmax' ? undefined : options.weights;
    const naive = { power, causal: options.mask === 'causal' };
    const results = selectorNames.map((select) => levAttention(q, k, v, { ...options, keys: 6, select }));
    const exact = naiveAttention(q, k, v, naive).out;
    const comparisons = compareAttention(q, k, v, results, options);
    expect(comparisons.length).toBe(selectorNames.length);
    comparisons.forEach((heads, i) => {
      const { mass } = naiveAttention(q, k, v, {
        ...naive,
        selected: results[i].heads.map((head) => head.indices),
      });
      expect(heads.map(({ batch, head }) => batch * 4 + head)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
      heads.forEach((head, at) => {
        const part = (data: ArrayLike<number>) => Array.from(data).slice(at * 55, (at + 1) * 55);
        expect(head.error).toBeCloseTo(distance(part(results[i].out.data), part(exact)), 12);
        expect(head.mass).toBeCloseTo(mass[at], 12);
      });
    });
    // No selector keeps more mass than the oracle, over the query heads of a group together.
    const groupMass = comparisons.map((heads) => heads[0].mass + heads[1].mass);
    expect(Math.max(...groupMass)).toBe(groupMass[selectorNames.indexOf('oracle')]);
  });

  // What is added to the logarithms of weights: of each key for all queries, and of each query and key.
  const ofKeys = randomTensor([2, 2, 19], 7);
  ofKeys.data[4] = Number.NEGATIVE_INFINITY;
  const ofQueries = randomTensor([11, 19], 8);
  const sameForAll = {
    data: Float64Array.from({ length: 152 }, (_, at) => ofKeys.data[Math.floor(at / 38) * 19 + (at % 19)]),
    shape: [2, 4, 1, 19],
  };
  const additions = {
    nothing: { options: {}, shared: () => 0, own: () => 0 },
    'log-weights': { options: { logWeights: ofKeys }, shared: (j: number) => ofKeys.data[j], own: () => 0 },
    'a mask of keys and log-weights': {
      options: { attnMask: sameForAll, logWeights: ofKeys },
      shared: (j: number) => 2 * ofKeys.data[j],
      own: () => 0,
    },
    'a mask of queries and log-weights': {
      options: { attnMask: ofQueries, logWeights: ofKeys },
      shared: (j: number) => ofKeys.data[j],
      own: (i: number, j: number) => ofQueries.data[i * 19 + j],
    },
  };

  it.each(
    (['none', 'causal'] as const).flatMap((mask) =>
      (Object.keys(additions) as (keyof typeof additions)[]).map((name) => [mask, name] as const),
    ),
  )('gives the divergence by its definition, mask %s, with %s', (mask, name) => {
    const [n, m] = [19, 11];
    const { options, shared, own } = additions[name];
    const tails = ['drop', 'sample', 'mean', 'clusters:exact=0.25,by=attention,metric=queries'];
    for (const tail of name === 'a mask of queries and log-weights' ? tails.slice(0, 2) : tails) {
      const { heads, out } = levAttention(q, k, v, { keys: 8, tail, mask, ...options });
      const [comparison] = compareAttention(q, k, v, [{ heads, out }], { mask, ...options });
      for (const { batch, head, divergence } of comparison) {
        const at = batch * 2 + Math.floor(head / 2);
        const { indices, stored } = heads[at];
        let mean = 0;
        for (let i = 0; i < m; i++) {
          const visible = mask === 'causal' ? i + n - m + 1 : n;
          const logit = (j: number) =>
            [0, 1, 2].reduce(
              (sum, c) =>
                sum +
                (q.data[((batch * 4 + head) * m + i) * 3 + c] * k.data[(at * n + j) * 3 + c]) / Math.sqrt(3),
              0,
            );
          const weightOf = (j: number) => Math.exp(shared(at * n + j));
          const exact = Array.from(
            { length: visible },
            (_, j) => Math.exp(logit(j) + own(i, j)) * weightOf(j),
          );
          const total = exact.reduce((a, b) => a + b);
          const groups = (
            stored
              ? Array.from(stored.logWeights.keys(), (pair) =>
                  [...stored.members.keys()].filter((j) => stored.members[j] === pair),
                )
              : indices.map((j) => [j])
          )
            .map((keys, pair) => {
              const total = keys.reduce((sum, j) => sum + weightOf(j), 0);
              const shares = keys.map((j) => weightOf(j) / total);
              const logWeight = stored?.logWeights[pair] ?? Math.log(total);
              return { keys, shares, logWeight: logWeight + own(i, keys[0]) };
            })
            .filter(({ keys }) => keys.every((j) => j < visible));
          if (groups.length === 0) groups.push({ keys: [visible - 1], shares: [1], logWeight: 0 });
          const weights = groups.map(({ keys, shares, logWeight }) =>
            Math.exp(logWeight + keys.reduce((sum, j, at) => sum + logit(j) * shares[at], 0)),
          );
          const used = weights.reduce((a, b) => a + b);
          groups.forEach(({ keys, shares }, pair) => {
            keys.forEach((j, at) => {
              const share = (weights[pair] / used) * shares[at];
              mean += (share * Math.log(share / (exact[j] / total))) / m;
            });
          });
        }
        expect(divergence).toBeCloseTo(mean, 10);
      }
    }
    const moments = levAttention(q, k, v, { keys: 3, tail: 'moments' });
    const [heads] = compareAttention(q, k, v, [moments]);
    heads.forEach(({ divergence }, at) => {
      const { stored } = moments.heads[Math.floor(at / 2)];
      expect(divergence === undefined).toBe(stored?.moments !== undefined);
    });
    const [squares] = compareAttention(q, k, v, [levAttention(q, k, v, { keys: 3, weights: 2 })], {
      weights: 2,
    });
    expect(squares[0].divergence).toBeUndefined();
  });

  it('finds nothing lost when all keys are kept', () => {
    for (const tensors of [[q, k, v], [q, k, v].map(toFloat32)]) {
      const [a, b, c] = tensors;
      const [heads] = compareAttention(a, b, c, [levAttention(a, b, c, { keys: 19 })]);
      for (const { error, mass } of heads) {
        expect(error).toBeLessThan(2e-6);
        expect(mass).toBeGreaterThan(1 - 2e-6);
        expect(mass).toBeLessThanOrEqual(1);
      }
    }
  });

  it('takes two-dimensional input, huge and zero values', () => {
    const x = { data: Float64Array.of(1, 0, 0, 1, 2, 2), shape: [3, 2] };
    for (const size of [1e-300, 1, 1e300]) {
      const values = { data: Float64Array.of(size, -size, 2 * size), shape: [3, 1] };
      const [[{ error, mass }]] = compareAttention(x, x, values, [levAttention(x, x, values, { keys: 2 })]);
      expect(error).toBeGreaterThan(0.01);
      expect(error).toBeLessThan(10);
      expect(mass).toBeLessThan(1);
    }
    const zero = { data: new Float64Array(3), shape: [3, 1] };
    const lost = levAttention(x, x, zero, { keys: 2 });
    expect(compareAttention(x, x, zero, [lost])[0][0].error).toBe(0);
    const wrong = { ...lost, out: { data: Float64Array.of(1, 0, 0), shape: [3, 1] } };
    expect(compareAttention(x, x, zero, [wrong])[0][0].error).toBe(Number.POSITIVE_INFINITY);
  });

  it('has an empty answer to no result, and the same one asynchronously', async () => {
    expect(compareAttention(q, k, v, [])).toEqual([]);
    const results = [levAttention(q, k, v, { keys: 3 })];
    expect(await compareAttentionAsync(q, k, v, results)).toEqual(compareAttention(q, k, v, results));
  });

  const out = exactAttention(q, k, v);
  const heads = levAttention(q, k, v, { keys: 3 }).heads;
  it.each<[string, object, RegExp]>([
    [
      'another shape',
      { out: exactAttention(k, k, v), heads },
      /result 0 must have shape \[2,4,11,5\], got \[2,2,19,5\]$/,
    ],
    ['fewer heads', { out, heads: heads.slice(1) }, /result 0 must have 4 heads of keys, got 3$/],
    [
      'a key that is not there',
      { out, heads: [{ ...heads[0], indices: [19] }, ...heads.slice(1)] },
      /result 0 has key 19 of 19$/,
    ],
  ])('refuses a result of %s in one line', (_, result, message) => {
    expect(() => compareAttention(q, k, v, [result as never])).toThrow(message);
  });
});
