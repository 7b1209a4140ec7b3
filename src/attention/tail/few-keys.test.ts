/** Fewer keys against all of those that they stand for, and the plans that are chosen by them. */
import { describe, expect, it } from 'vitest';
import { wasmAttend } from '../../kernels/wasm-attend.js';
import { randomStream } from '../../random.js';
import { exactAttention } from '../exact.js';
import { levAttention, levAttentionAsync } from '../lev-attention.js';
import { distance, randomTensor } from '../testing.js';
import { fewKeys } from './few-keys.js';
import { HeadFacts } from './head-facts.js';
import { exactOutputs, sampleQueries } from './query-sample.js';
import type { TailHead } from './tail.js';

const [n, d, dv] = [20_000, 6, 3];
const [q, k, v] = [
  [50, d],
  [n, d],
  [n, dv],
].map((shape, i) => randomTensor(shape, i + 1, true));

function factsOf(more: Partial<TailHead> = {}): HeadFacts {
  const head: TailHead = {
    k: k.data,
    v: v.data,
    n,
    d,
    dv,
    q: q.data,
    m: 50,
    causal: false,
    scale: 0.4,
    attend: wasmAttend,
    choose: () => {
      throw new Error('nothing is chosen');
    },
    always: [],
    random: randomStream(1),
    ...more,
  };
  return new HeadFacts(head, sampleQueries(head, 'even'));
}

describe('few keys', () => {
  const named = [[], [3, 19_999], [3, 70, 7000]];
  const rowAt = (data: ArrayLike<number>, at: number) =>
    Array.from({ length: d }, (_, c) => data[at * d + c]);

  it('are at most a quarter of all, sixteen for each pair and two thousand at least', () => {
    expect(fewKeys(factsOf(), named, 10)!.facts.head.n).toBe(2048);
    expect(fewKeys(factsOf(), named, 200)!.facts.head.n).toBe(3200);
    expect(fewKeys(factsOf(), named, 313)).toBeUndefined();
    const first = { k: k.data.subarray(0, 8191 * d), v: v.data.subarray(0, 8191 * dv), n: 8191 };
    expect(fewKeys(factsOf(first), [[]], 10)).toBeUndefined();
  });

  it.each([
    undefined,
    Float64Array.from({ length: n }, (_, j) => Math.sin(j)),
  ])('hold what is kept by name as it is, and weigh as much as all together', (logWeights) => {
    const all = factsOf({ logWeights });
    const { facts, named: places } = fewKeys(all, named, 10)!;
    const { k: rows, logWeights: weights } = facts.head;
    const plan = { metric: 'queries', values: true } as const;
    const [points, given] = [facts.pointsOf(plan), all.pointsOf(plan)];
    named.forEach((keys, which) => {
      keys.forEach((j, i) => {
        const at = places[which][i];
        expect(rowAt(rows, at)).toEqual(rowAt(k.data, j));
        expect(weights![at]).toBe(logWeights?.[j] ?? 0);
        const { width } = given;
        expect(points.data.subarray(at * width, (at + 1) * width)).toEqual(
          given.data.subarray(j * width, (j + 1) * width),
        );
      });
    });
    expect(facts.pointsOf(plan)).toBe(points);
    const total = (logs: ArrayLike<number>) => Array.from(logs).reduce((sum, x) => sum + Math.exp(x), 0);
    const expected = logWeights ? total(logWeights) : n;
    expect(Math.abs(total(weights!) / expected - 1)).toBeLessThan(logWeights ? 0.05 : 1e-9);
  });

  it('give about the outputs of all keys', () => {
    const all = factsOf();
    const exact = exactOutputs(sampleQueries(all.head, 'odd'), all.head);
    const { head } = fewKeys(all, named, 10)!.facts;
    // Means of some 2,000 draws, of a mean near zero.
    const found = exactOutputs(sampleQueries(head, 'odd'), head);
    expect(Math.max(...found.map((x, i) => Math.abs(x - exact[i])))).toBeLessThan(0.3);
  });
});

describe('clusters of many keys', () => {
  const settings = [
    'exact=0.15,by=residual,metric=queries',
    'exact=0.25,by=attention,metric=queries',
    'window=0.5,exact=0.25,by=attention,metric=queries',
  ];
  const long = { data: q.data.map((x) => 3 * x), shape: q.shape };
  // Sixteen queries over and over, each of which looks at one of the last keys.
  const repeated = { data: q.data.map((_, at) => 3 * q.data[at % (16 * d)]), shape: q.shape };
  const found = k.data.map((x, at) => {
    const from = at - (n - 16) * d;
    return from < 0 ? x : 3 * q.data[from];
  });

  it.each([
    { name: 'of no order', keys: k, queries: long, ratio: 1.3 },
    {
      name: 'of which the last ones count',
      keys: { data: found, shape: k.shape },
      queries: repeated,
      ratio: 5,
    },
  ])('are made by the plan that errs least on all of them: $name', ({ keys, queries, ratio }) => {
    const exact = exactAttention(queries, keys, v).data;
    const error = (tail: string) =>
      distance(levAttention(queries, keys, v, { keys: 40, tail }).out.data, exact);
    const errors = settings.map((each) => error(`clusters:${each}`));
    expect(Math.max(...errors)).toBeGreaterThan(ratio * Math.min(...errors));
    expect(error('clusters')).toBeLessThan(1.3 * Math.min(...errors));
  });

  it('are the same for the same seed and any number of threads', async () => {
    const options = { keys: 40, tail: 'clusters', seed: 5 };
    const first = levAttention(q, k, v, options);
    expect(levAttention(q, k, v, options)).toEqual(first);
    expect(await levAttentionAsync(q, k, v, { ...options, threads: 2 })).toEqual(first);
    expect(levAttention(q, k, v, { ...options, seed: 6 })).not.toEqual(first);
  });
});
