/** Keys that no query sees: what is chosen and stored is what a call without them chooses and stores. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Tensor } from '../keys.js';
import { compareAttention } from './compare.js';
import type { AttentionOptions } from './inputs.js';
import { type LevAttentionOptions, levAttention } from './lev-attention.js';
import { levAttentionVjp } from './lev-vjp.js';
import { selectorNames } from './selectors/index.js';
import { tailNames } from './tail/index.js';
import { distance, randomTensor, type ShapedTensor } from './testing.js';

const [n, d, dv] = [40, 3, 2];
/** Hidden keys, none of the last six, so that causal queries see as many of the others as they do without these. */
const hidden = [0, 3, 4, 5, 11, 17, 18, 30, 31, 32];
const seen = [...Array(n).keys()].filter((j) => !hidden.includes(j));
const [q, k, v] = [
  [6, d],
  [n, d],
  [n, dv],
].map((shape, i) => randomTensor(shape, i + 40));

const rowsOf = ({ data, shape: [, width] }: ShapedTensor, rows: readonly number[]): ShapedTensor => ({
  data: Float64Array.from(rows.flatMap((j) => Array.from(data.subarray(j * width, (j + 1) * width)))),
  shape: [rows.length, width],
});
const [k2, v2] = [rowsOf(k, seen), rowsOf(v, seen)];
const isHidden = Array.from({ length: n }, (_, j) => hidden.includes(j));
const row = (shape: number[], entry: (j: number) => number): Tensor => ({
  data: Float64Array.from({ length: shape.reduce((a, b) => a * b) }, (_, at) => entry(at % n)),
  shape,
});
const lowest = -3.4028234663852886e38;

const ways: Record<string, AttentionOptions> = {
  'log-weights': { logWeights: row([n], (j) => (isHidden[j] ? Number.NEGATIVE_INFINITY : 0)) },
  'a mask of truth values': {
    attnMask: { data: Uint8Array.from(isHidden, (x) => (x ? 0 : 1)), shape: [1, n] },
  },
  'an added mask': { attnMask: row([1, n], (j) => (isHidden[j] ? Number.NEGATIVE_INFINITY : 0)) },
  'the lowest float32 number': { attnMask: row([1, n], (j) => (isHidden[j] ? lowest : 0)) },
  'a mask of every query': { attnMask: row([6, n], (j) => (isHidden[j] ? Number.NEGATIVE_INFINITY : 0)) },
};

/** Runs a call with hidden keys and the one without them, and compares what they say. */
function check(options: LevAttentionOptions, way: AttentionOptions): void {
  const { always, ...others } = options;
  const whole = levAttention(q, k, v, { ...options, ...way });
  const place = (j: number) => seen.indexOf(j);
  const alone = levAttention(q, k2, v2, {
    ...others,
    ...(always && { always: always.map(place).filter((j) => j >= 0) }),
  });
  const [{ indices, stored }] = whole.heads;
  const [expected] = alone.heads;
  expect(indices).toEqual(expected.indices.map((j) => seen[j]));
  expect(stored === undefined).toBe(expected.stored === undefined);
  if (stored && expected.stored) {
    for (const j of hidden) expect(stored.members[j]).toBe(-1);
    expect(seen.map((j) => stored.members[j])).toEqual(Array.from(expected.stored.members));
    expect(Array.from(stored.logWeights)).toEqual(Array.from(expected.stored.logWeights));
    expect(stored.signs && seen.map((j) => stored.signs?.[j])).toEqual(
      expected.stored.signs && Array.from(expected.stored.signs),
    );
    expect(stored.moments).toEqual(expected.stored.moments?.map((j) => seen[j]));
  }
  expect(distance(whole.out.data, alone.out.data)).toBeLessThan(1e-12);
}

describe('keys that no query sees', () => {
  const masks = ['none', 'causal'] as const;

  it.each(
    selectorNames.flatMap((select) => Object.keys(ways).map((way) => [select, way] as const)),
  )('are as if they were not there for %s, hidden by %s', (select, way) => {
    for (const mask of masks)
      for (const weights of ['softmax', 3] as const)
        check({ keys: 9, select, seed: 4, always: [4, 20], mask, weights }, ways[way]);
    check({ keys: 35, select }, ways[way]);
  });

  it.each(
    [...tailNames, 'clusters:exact=0.5,by=attention,metric=queries'].flatMap((tail) =>
      Object.keys(ways).map((way) => [tail, way] as const),
    ),
  )('are as if they were not there for the tail %s, hidden by %s', (tail, way) => {
    for (const mask of masks)
      for (const keys of [1, 8, 29, 35])
        for (const weights of tail === 'moments' ? (['softmax'] as const) : (['softmax', 2] as const))
          check({ keys, tail, seed: 2, mask, weights }, ways[way]);
    check({ keys: 8, tail, always: [0, 1, 39] }, ways[way]);
  });

  it.each(Object.keys(ways))('are not of the universal set: %s', (way) => {
    check({ epsilon: 0.2 }, ways[way]);
    check({ epsilon: 0.2, select: 'leverage-centred', always: [3, 9] }, ways[way]);
    check({ epsilon: 0.2, weights: 4, mask: 'causal' }, ways[way]);
  });

  it('are those that all query heads of a key head have hidden', () => {
    const [q, k] = [randomTensor([2, 4, 6, d], 1), randomTensor([2, 2, 20, d], 2)];
    // Query head h hides the keys h and 7, the first batch key 9 too.
    const data = Uint8Array.from({ length: 160 }, (_, at) => {
      const [batch, head, j] = [Math.floor(at / 80), Math.floor(at / 20) % 4, at % 20];
      return j === head || j === 7 || (batch === 0 && j === 9) ? 0 : 1;
    });
    const options = { attnMask: { data, shape: [2, 4, 1, 20] } };
    const { heads } = levAttention(q, k, k, { ...options, keys: 20 });
    const all = [...Array(20).keys()];
    expect(heads.map(({ indices }) => indices)).toEqual([
      all.filter((j) => j !== 7 && j !== 9),
      all.filter((j) => j !== 7 && j !== 9),
      all.filter((j) => j !== 7),
      all.filter((j) => j !== 7),
    ]);
  });

  it.each(tailNames)('may be all of a head, whose rows are then zero, with the tail %s', (tail) => {
    const [q, k] = [randomTensor([2, 2, 6, d], 1), randomTensor([2, 2, 20, d], 2)];
    const logWeights = {
      data: Float64Array.from({ length: 80 }, (_, at) => (at >= 60 ? Number.NEGATIVE_INFINITY : 0)),
      shape: [2, 2, 20],
    };
    for (const mask of masks) {
      const options = { keys: 4, tail, logWeights, mask, always: [1] };
      const { out, heads, vjp } = levAttentionVjp(q, k, k, options);
      expect(heads[3].indices).toEqual([]);
      expect(out.data.subarray(54).every((x) => x === 0)).toBe(true);
      expect(out.data.subarray(0, 54).some((x) => x === 0)).toBe(false);
      const { dk, dv, dq, dLogWeights } = vjp(out);
      for (const { data } of [dk, dv]) expect(data.subarray(180).every((x) => x === 0)).toBe(true);
      expect(dq.data.subarray(54).every((x) => x === 0)).toBe(true);
      expect(dLogWeights!.data.subarray(60).every((x) => x === 0)).toBe(true);
      const single = [q, k].map(({ data, shape }) => ({ data: new Float32Array(data), shape }));
      const narrow = levAttentionVjp(single[0], single[1], single[1], options);
      expect(distance(narrow.out.data, out.data)).toBeLessThan(1e-5);
      expect(distance(narrow.vjp(out).dk.data, dk.data)).toBeLessThan(1e-4);
    }
    const none = { data: new Uint8Array(20), shape: [1, 20] };
    for (const choice of [{ keys: 4 }, { epsilon: 0.9 }, { keys: 4, select: 'oracle' }]) {
      const { out, heads } = levAttention(q, k, k, { ...choice, attnMask: none });
      expect(out.data.every((x) => x === 0)).toBe(true);
      expect(heads.every(({ indices }) => indices.length === 0)).toBe(true);
    }
  });

  it.each([-1.7e308, lowest, -1e30, 1e30, 1e300])('are not those that all lie at %d', (level) => {
    for (const way of [{ attnMask: row([1, n], () => level) }, { logWeights: row([n], () => level) }])
      for (const keys of [5, n]) {
        const plain = levAttention(q, k, v, { keys });
        const { out, heads } = levAttention(q, k, v, { keys, ...way });
        expect(heads).toEqual(plain.heads);
        expect(distance(out.data, plain.out.data)).toBeLessThan(1e-12);
      }
  });

  it.each(
    tailNames,
  )('are padding that comes first, whose queries have their own keys alone, with the tail %s', (tail) => {
    const [q, k, v] = [3, 3, 2].map((width, i) => randomTensor([20, width], i + 60));
    const attnMask = {
      data: Float64Array.from({ length: 20 }, (_, j) => (j < 7 ? lowest : 0)),
      shape: [1, 20],
    };
    const { out, heads } = levAttention(q, k, v, { keys: 6, tail, mask: 'causal', attnMask });
    expect(Math.min(...heads[0].indices)).toBeGreaterThanOrEqual(7);
    expect(Array.from(out.data.subarray(0, 14))).toEqual(Array.from(v.data.subarray(0, 14)));
  });

  it('are never chosen nor stored, whatever the masks, and what is seen by one query may be', () => {
    const cases = fc.record({
      seed: fc.nat(),
      select: fc.constantFrom(...selectorNames),
      tail: fc.constantFrom('drop', 'sample'),
      mask: fc.constantFrom(...masks),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      keys: fc.integer({ min: 1, max: 25 }),
    });
    fc.assert(
      fc.property(cases, ({ seed, select, tail, mask, share, keys }) => {
        const [q, k] = [randomTensor([5, d], seed), randomTensor([20, d], seed + 1)];
        const draws = randomTensor([5, 20], seed + 2).data;
        const data = Uint8Array.from(draws, (x) => (Math.abs(x) < 3 * share ? 0 : 1));
        const sees = (i: number, j: number) => data[i * 20 + j] === 1 && (mask === 'none' || j <= i + 15);
        const visible = [...Array(20).keys()].filter((j) => [0, 1, 2, 3, 4].some((i) => sees(i, j)));
        const { heads } = levAttention(q, k, k, {
          keys,
          select,
          tail,
          mask,
          attnMask: { data, shape: [5, 20] },
        });
        expect(heads[0].indices).toHaveLength(Math.min(keys, visible.length));
        expect(visible).toEqual(expect.arrayContaining([...heads[0].indices]));
      }),
      { numRuns: 300 },
    );
  });
});

describe('attention mass', () => {
  it('is that of the masks and log-weights: no four keys hold more than those of the oracle', () => {
    const [q, k] = [randomTensor([6, d], 1), randomTensor([12, d], 2)];
    const attnMask = randomTensor([6, 12], 3);
    const logWeights = randomTensor([12], 4);
    for (const weights of ['softmax', 3] as const) {
      const options = { attnMask, logWeights, weights, keys: 4 };
      const selects = ['oracle', ...selectorNames.filter((name) => name !== 'oracle')];
      const results = selects.map((select) => levAttention(q, k, k, { ...options, select }));
      const [best, ...others] = compareAttention(q, k, k, results, options).map(([{ mass }]) => mass);
      for (const mass of others) expect(mass).toBeLessThanOrEqual(best + 1e-12);
      const without = levAttention(q, k, k, { weights, keys: 4, select: 'oracle' });
      expect(results[0].heads[0].indices).not.toEqual(without.heads[0].indices);
    }
  });
});
