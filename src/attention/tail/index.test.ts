/** The names of tails and their settings: what is refused, and what says the same. */
import { describe, expect, it } from 'vitest';
import { exactAttention } from '../exact.js';
import { type LevAttentionOptions, levAttention } from '../lev-attention.js';
import { distance, randomTensor } from '../testing.js';
import { parseTail, tailNames } from './index.js';

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
    [
      'a setting twice',
      { keys: 3, tail: 'clusters:exact=0.1,exact=0.2' },
      "settings of clusters are given once each, got 'clusters:exact=0.1,exact=0.2'",
    ],
    [
      'a setting in two forms',
      { keys: 3, tail: 'clusters:metric=queries,euclidean' },
      "settings of clusters are given once each, got 'clusters:metric=queries,euclidean'",
    ],
    [
      'values and keys',
      { keys: 3, tail: 'clusters:values,keys' },
      'settings of clusters are given once each',
    ],
    [
      'a value of two parts',
      { keys: 3, tail: 'clusters:exact=0.1=0.2' },
      "exact must be a number in [0, 1) or auto, got 'clusters:exact=0.1=0.2'",
    ],
    [
      'a misspelt option of a kind',
      { keys: 3, tail: { kind: 'clusters', exactshare: 0.2 } as never },
      "levAttention: tail must have options of window, exactShare, exactBy, metric, values, weights, iterations, segments, got 'exactshare'",
    ],
    [
      'values that are not true or false',
      { keys: 3, tail: { kind: 'clusters', values: 'no' as never } },
      'levAttention: values of tail must be true or false, got no',
    ],
    [
      'settings within an option',
      { keys: 3, tail: { kind: 'clusters', metric: 'queries,iterations=3' as never } },
      'metric must be one of euclidean, queries, auto, got',
    ],
    [
      'a tail without a name',
      { keys: 3, tail: { *group() {} } as never },
      'levAttention: tail must have a name',
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
