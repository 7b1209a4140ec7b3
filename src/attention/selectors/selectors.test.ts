import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type KeyMatrix, matrixOver } from '../../keys.js';
import { randomStream } from '../../random.js';
import { leverageScores } from '../../scores/leverage.js';
import { run } from '../../steps.js';
import { naiveAttention, randomTensor } from '../testing.js';
import { parseSelector, selectorNames } from './index.js';
import { type SelectorContext, selectSteps } from './selector.js';
import { topKeys } from './top-keys.js';

const matrix = (rows: readonly number[][]): KeyMatrix =>
  matrixOver(Float64Array.from(rows.flat()), rows.length, rows[0].length);

const randomRows = (n: number, d: number, seed: number): number[][] => {
  const { data } = randomTensor([n, d], seed);
  return Array.from({ length: n }, (_, i) => Array.from(data.subarray(i * d, (i + 1) * d)));
};

const queriesFor = (d: number) => [matrix(randomRows(40, d, 91)), matrix(randomRows(40, d, 92))];

/** Runs a selector as levAttention does; every call has its own stream of draws. */
function select(
  name: string,
  rows: readonly number[][],
  count: number,
  context: Partial<SelectorContext> = {},
) {
  const random = randomStream(5);
  return run(
    selectSteps(parseSelector(name), matrix(rows), count, {
      random,
      queries: queriesFor(rows[0].length),
      ...context,
    }),
  );
}

// What each selector does not change under: the order of the keys, a rotation, a common factor, a common offset.
const invariances: Record<
  string,
  { order?: boolean; rotation?: boolean; factor?: boolean; offset?: boolean }
> = {
  leverage: { order: true, rotation: true, factor: true },
  'leverage-centred': { order: true, rotation: true, factor: true, offset: true },
  'lewis:4': { order: true, rotation: true, factor: true },
  'squared-norm': { order: true, rotation: true, factor: true },
  random: { rotation: true, factor: true, offset: true },
  stride: { rotation: true, factor: true, offset: true },
  'recent-sinks:4': { rotation: true, factor: true, offset: true },
  'k-means': { rotation: true, factor: true, offset: true },
  'k-center': { order: true, rotation: true, factor: true, offset: true },
  'snapkv:32': { order: true, offset: true },
  oracle: { order: true, offset: true },
};

it('has a row of invariances for every selector', () => {
  expect(Object.keys(invariances).sort()).toEqual([...selectorNames].sort());
});

describe.each(selectorNames)('selector %s', (name) => {
  it('returns exactly count ascending indices with those of always, deterministically', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 45 }),
        fc.array(fc.nat(39), { maxLength: 5 }),
        fc.constantFrom('generic', 'few distinct', 'equal', 'zero', 'huge', 'tiny', 'rank one'),
        fc.boolean(),
        (n, d, wanted, always, kind, causal) => {
          const kept = [...new Set(always.map((j) => j % n))].sort((a, b) => a - b);
          const count = Math.max(wanted, kept.length);
          const rows = randomRows(n, d, n * 7 + d).map((row, i) =>
            row.map((x, c) => {
              if (kind === 'few distinct') return (i % 3) + c;
              if (kind === 'equal') return c - 0.3;
              if (kind === 'zero') return 0;
              if (kind === 'rank one') return (i + 1) * (c + 1);
              return x * { generic: 1, huge: 1e150, tiny: 1e-150 }[kind];
            }),
          );
          const queries = [matrix(randomRows(Math.min(n, 7), d, 3))];
          const context = { always: kept, causal, queries };
          const indices = select(name, rows, count, context);
          expect(indices.length).toBe(Math.min(count, n));
          expect(
            indices.every(
              (j, i) => Number.isInteger(j) && j >= 0 && j < n && (i === 0 || j > indices[i - 1]),
            ),
          ).toBe(true);
          expect(indices).toEqual(expect.arrayContaining(kept));
          expect(select(name, rows, count, context)).toEqual(indices);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('chooses the lower indices of equal keys where it does not go by place or chance', () => {
    if (!invariances[name].order) return;
    const equal = Array.from({ length: 9 }, () => [1, 2]);
    expect(select(name, equal, 4)).toEqual([0, 1, 2, 3]);
    expect(select(name, equal, 4, { always: [7] })).toEqual([0, 1, 2, 7]);
  });

  const rows = randomRows(37, 4, 17);
  const chosen = new Set(select(name, rows, 9).map((j) => rows[j]));

  if (invariances[name].order)
    it('chooses the same keys in another order', () => {
      const shuffled = rows.map((_, i) => rows[(i * 11) % 37]);
      expect(new Set(select(name, shuffled, 9).map((j) => shuffled[j]))).toEqual(chosen);
    });

  if (invariances[name].rotation)
    it('does not change under rotation', () => {
      const [cosine, sine] = [Math.cos(1), Math.sin(1)];
      const turned = rows.map(([a, b, ...rest]) => [cosine * a - sine * b, sine * a + cosine * b, ...rest]);
      expect(new Set(select(name, turned, 9).map((j) => rows[j]))).toEqual(chosen);
    });

  if (invariances[name].factor)
    it('does not change with a common factor', () => {
      for (const factor of [1e-160, -3, 1e140])
        expect(
          new Set(
            select(
              name,
              rows.map((row) => row.map((x) => factor * x)),
              9,
            ).map((j) => rows[j]),
          ),
        ).toEqual(chosen);
    });

  if (invariances[name].offset)
    it('does not change with a vector added to all keys', () => {
      const moved = rows.map((row) => row.map((x, c) => x + 3 * c - 5));
      expect(new Set(select(name, moved, 9).map((j) => rows[j]))).toEqual(chosen);
    });

  if (parseSelector(name).needsQueries)
    it('asks for queries in one line', () => {
      expect(() => select(name, rows, 9, { queries: [] })).toThrow(
        `selector ${name}: needs queries, got none`,
      );
    });
});

describe('what the selectors choose', () => {
  const rows = randomRows(60, 5, 23);
  const largest = (values: readonly number[], count: number) =>
    [...values.keys()]
      .sort((a, b) => values[b] - values[a])
      .slice(0, count)
      .sort((a, b) => a - b);

  it.each([false, true])('leverage scores, centred: %s', (centre) => {
    const { scores } = leverageScores(matrix(rows), { centre });
    expect(select(centre ? 'leverage-centred' : 'leverage', rows, 11)).toEqual(largest([...scores], 11));
  });

  it('Lewis weights, which are leverage scores at p = 2', () => {
    expect(select('lewis:2', rows, 11)).toEqual(select('leverage', rows, 11));
    expect(select('lewis:12', rows, 11)).not.toEqual(select('leverage', rows, 11));
  });

  it('squared norms', () => {
    expect(select('squared-norm', rows, 11)).toEqual(
      largest(
        rows.map((row) => row.reduce((a, x) => a + x * x, 0)),
        11,
      ),
    );
  });

  it('equal strides', () => {
    expect(select('stride', rows, 6)).toEqual([0, 10, 20, 30, 40, 50]);
    expect(select('stride', rows.slice(0, 10), 4, { always: [0] })).toEqual([0, 1, 4, 7]);
  });

  it('sinks and recent keys', () => {
    expect(select('recent-sinks', rows, 7)).toEqual([0, 1, 2, 56, 57, 58, 59]);
    expect(select('recent-sinks', rows, 10)).toEqual([0, 1, 2, 3, 54, 55, 56, 57, 58, 59]);
    expect(select('recent-sinks:1', rows, 3)).toEqual([0, 58, 59]);
    expect(select('recent-sinks:0', rows, 2, { always: [0, 59] })).toEqual([0, 59]);
  });

  it('one key of each well-separated cluster, by k-means and by k-center', () => {
    const clusters = Array.from({ length: 64 }, (_, i) => [
      100 * (i % 8) + rows[i % 60][0],
      50 * ((i % 8) % 3),
    ]);
    for (const name of ['k-means', 'k-center'])
      expect(new Set(select(name, clusters, 8).map((j) => j % 8)).size).toBe(8);
  });

  it('the key next to the mean, by k-means with one centre', () => {
    const mean = rows[0].map((_, c) => rows.reduce((a, row) => a + row[c] / rows.length, 0));
    const near = rows.map((row) => -row.reduce((a, x, c) => a + (x - mean[c]) ** 2, 0));
    expect(select('k-means', rows, 1)).toEqual(largest(near, 1));
  });

  it('the farthest key from the mean, then the farthest from that, by k-center', () => {
    expect(select('k-center', [[0], [1], [2], [3], [10], [4]], 1)).toEqual([4]);
    expect(select('k-center', [[0], [1], [2], [3], [10], [4]], 3)).toEqual([0, 4, 5]);
    expect(select('k-center', [[0], [1], [2], [3], [10], [4]], 2, { always: [1] })).toEqual([1, 4]);
  });

  it.each([
    ['softmax', {}],
    ['a scale, causal', { scale: 2, causal: true }],
    ['power weights', { power: 3 }],
  ])('true attention mass with %s, by the oracle and by SnapKV from the last queries', (_, context) => {
    const k = { data: Float64Array.from(rows.flat()), shape: [60, 5] };
    // The mass of key j is what attention to the indicator of j gives, summed over queries.
    const massOf = (queries: number[][][]) => {
      const identity = {
        data: Float64Array.from({ length: 3600 }, (_, i) => (i % 61 === 0 ? 1 : 0)),
        shape: [60, 60],
      };
      const mass: number[] = new Array(60).fill(0);
      for (const list of queries) {
        const q = { data: Float64Array.from(list.flat()), shape: [list.length, 5] };
        naiveAttention(q, k, identity, context).out.forEach((x, i) => {
          mass[i % 60] += x;
        });
      }
      return mass;
    };
    const queries = [randomRows(20, 5, 31), randomRows(20, 5, 32)];
    const all = { ...context, queries: queries.map(matrix) };
    expect(select('oracle', rows, 13, all)).toEqual(largest(massOf(queries), 13));
    expect(select('snapkv:7', rows, 13, all)).toEqual(
      largest(massOf(queries.map((list) => list.slice(-7))), 13),
    );
    expect(select('snapkv:50', rows, 13, all)).toEqual(select('oracle', rows, 13, all));
  });
});

it.each(['k-means', 'k-center', 'oracle'])('%s reports its progress on many keys', (name) => {
  const rows = randomRows(4096, 32, 1);
  const steps = selectSteps(parseSelector(name), matrix(rows), 150, {
    queries: [matrix(rows.slice(0, 150))],
  });
  const progress = [...steps];
  expect(progress.length).toBeGreaterThan(1);
  for (const { done, total } of progress) expect(done).toBeLessThanOrEqual(total);
});

describe('parseSelector', () => {
  it.each(selectorNames)('knows %s by its own name', (name) => {
    expect(parseSelector(name).name).toBe(name);
  });

  it.each([
    ['', /must be one of leverage, leverage-centred,/],
    ['Leverage', /got 'Leverage'/],
    ['leverage:2', /got 'leverage:2'/],
    ['lewis:', /got 'lewis:'/],
    ['lewis:-1', /got 'lewis:-1'/],
    ['lewis:0', /p must be a positive number, got 0/],
    ['snapkv:0', /window must be a positive integer, got 0/],
    ['snapkv:1.5', /window must be a positive integer, got 1.5/],
    ['recent-sinks:0.5', /non-negative integer, got 0.5/],
    ['__proto__', /got '__proto__'/],
  ])("refuses '%s'", (name, message) => {
    expect(() => parseSelector(name)).toThrow(message);
  });
});

describe('topKeys', () => {
  it('is a full sort with ties to the lower index', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 60 }),
        fc.nat(),
        fc.array(fc.nat(59), { maxLength: 3 }),
        (values, size, some) => {
          const always = [...new Set(some.map((j) => j % values.length))];
          const count = Math.max(1, always.length, size % (values.length + 1));
          const rank = (j: number) => (always.includes(j) ? Number.POSITIVE_INFINITY : values[j]);
          const expected = [...values.keys()]
            .sort((a, b) => (rank(a) === rank(b) ? a - b : rank(b) - rank(a)))
            .slice(0, count)
            .sort((a, b) => a - b);
          expect(topKeys(Float64Array.from(values), count, always)).toEqual(expected);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('does not mind an order that makes every median of three a bad pivot', () => {
    // The two least of what is left come first and in the middle, and the partition takes no more than these away.
    const values = new Float64Array(600).fill(600);
    const places = Array.from(values.keys());
    for (let first = 0; first < 598; first += 2) {
      const middle = (first + 599) >>> 1;
      values[places[first]] = first;
      values[places[middle]] = first + 1;
      places[middle] = places[first + 1];
    }
    for (const count of [1, 100, 300, 599]) {
      const order = [...values.keys()].sort((a, b) => values[b] - values[a] || a - b);
      expect(topKeys(values.slice(), count, [])).toEqual(order.slice(0, count).sort((a, b) => a - b));
    }
  });
});
