/** The study in small, on the capture in examples/data: its figures against identities, and that a run goes on where it was stopped. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exactAttention } from '../src/index.js';
import { captures, studiedHeads } from './captures.js';
import { type Combination, combinations, nameOf, PLAIN_CLUSTERS } from './combinations.js';
import { groupsOf } from './figures.js';
import { type Head, headsOf } from './heads.js';
import { type Exact, exactOf, lossOf } from './measure.js';
import { makePairs } from './pairs.js';
import { writeResults } from './render.js';
import { HeadResults } from './store.js';
import { measureMissing, missingOf, pairsOf } from './tails.js';

const story = {
  ...captures.find(({ name }) => name === 'stories260k-story')!,
  layers: [2],
  // Of these one key head is enough.
  heads: 2,
  keyHeads: 1,
};
const named = (name: string): Combination => combinations.find((each) => nameOf(each) === name)!;

let folder: string;
let head: Head;
let exact: Exact[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'levattention-study-'));
  process.env.LEVATTENTION_STUDY = folder;
  [head] = await headsOf(story, 2);
  exact = exactOf(head);
});

afterAll(() => {
  delete process.env.LEVATTENTION_STUDY;
  rmSync(folder, { recursive: true, force: true });
});

describe('a head of a capture', () => {
  it('is tested on queries that see all keys, which are not those observed', () => {
    expect([head.n, head.d, head.test.length, head.test[0].n, head.observed[0].n]).toEqual([
      381, 8, 2, 128, 32,
    ]);
    const rows = (which: 'test' | 'observed') => {
      const [matrix] = head[which];
      return Array.from({ length: matrix.n }, (_, i) => String([...matrix.rows(i, i + 1)]));
    };
    expect(rows('observed').filter((row) => rows('test').includes(row))).toEqual([]);
  });

  it('has the exact attention of the library', () => {
    const { n, d, dv, keys, values, test, scale } = head;
    for (const [g, q] of test.entries()) {
      const out = exactAttention(
        { data: q.rows(0, q.n), shape: [q.n, d] },
        { data: keys, shape: [n, d] },
        { data: values, shape: [n, dv] },
        { scale },
      );
      const difference = exact[g].out.map((x, i) => Math.abs(x - out.data[i]));
      expect(Math.max(...difference)).toBeLessThan(1e-5);
    }
  });
});

describe('the heads of a layer that are studied', () => {
  it('are all of them, or other ones from layer to layer', () => {
    expect(studiedHeads(story, 2)).toEqual([0]);
    const part = { ...story, layers: [0, 3, 5, 9], keyHeads: 3 };
    expect(part.layers.map((layer) => studiedHeads(part, layer))).toEqual(Array(4).fill([0, 1, 2]));
    const studied = { ...part, studied: 2 };
    expect(studied.layers.map((layer) => studiedHeads(studied, layer))).toEqual([
      [0, 1],
      [2, 0],
      [1, 2],
      [0, 1],
    ]);
  });
});

describe('losses', () => {
  /** KL(used || exact) key by key: a pair's weight is spread over its members. */
  function divergence(pairs: ReturnType<typeof makePairs> & { members?: Int32Array }, g: number): number {
    const { n, d, keys, scale, test } = head;
    const dot = (q: ArrayLike<number>, k: ArrayLike<number>, j: number) => {
      let sum = 0;
      for (let c = 0; c < d; c++) sum += q[c] * k[j * d + c];
      return scale * sum;
    };
    let total = 0;
    for (let i = 0; i < test[g].n; i++) {
      const q = test[g].rows(i, i + 1);
      const used = Array.from(pairs.logWeights, (b, s) => Math.exp(dot(q, pairs.keys, s) + b));
      const truth = Array.from({ length: n }, (_, j) => Math.exp(dot(q, keys, j)));
      const [usedSum, sum] = [used, truth].map((each) => each.reduce((a, b) => a + b));
      pairs.members!.forEach((pair, j) => {
        if (pair < 0) return;
        const share = used[pair] / usedSum / pairs.counts[pair];
        total += (share * Math.log(share / (truth[j] / sum))) / test[g].n;
      });
    }
    return total;
  }

  it.each([
    'stride + drop',
    'random + sample',
    'leverage + mean',
    PLAIN_CLUSTERS,
    'clusters:exact=0.15,by=residual,metric=queries',
  ])('have the divergence of its definition: %s', (name) => {
    const pairs = makePairs(named(name), head, 24);
    for (const [g, { divergence: found }] of lossOf(head, exact, pairs).entries())
      expect(found).toBeCloseTo(divergence(pairs, g), 5);
  });

  it('are zero with a pair for every key, and large with one pair', () => {
    const all = { ...head, counts: new Uint32Array(head.n).fill(1), logWeights: new Float64Array(head.n) };
    for (const { error, divergence } of lossOf(head, exact, all)) {
      expect(error).toBeLessThan(1e-12);
      expect(divergence).toBeLessThan(1e-12);
    }
    for (const { error } of lossOf(head, exact, makePairs(named('stride + drop'), head, 1)))
      expect(error).toBeGreaterThan(0.5);
  });

  it('count the closed form of the moments as one more term', () => {
    const moments = named('random + moments');
    const pairs = makePairs(moments, head, 24);
    const losses = lossOf(head, exact, pairs);
    expect(losses.every(({ error }) => error > 0 && error < 3)).toBe(true);
    if (pairs.rest) expect(losses).not.toEqual(lossOf(head, exact, { ...pairs, rest: undefined }));
  });
});

describe('combinations', () => {
  it('store at most as many pairs as asked, the same every time, and differ by name', () => {
    expect(new Set(combinations.map(nameOf)).size).toBe(combinations.length);
    for (const each of combinations.filter(({ before }) => !before)) {
      const pairs = makePairs(each, head, 23);
      expect(pairs.logWeights.length + (pairs.rest ? 1 : 0), nameOf(each)).toBeLessThanOrEqual(23);
      if (each.core) expect(makePairs(each, head, 23).keys, nameOf(each)).toEqual(pairs.keys);
    }
  });

  it('without a look at queries do not change with them; none changes with the tested ones but the oracle', () => {
    const [a] = head.test;
    const other = { ...a, n: a.n, d: a.d, rows: (i: number, j: number) => a.rows(i, j).map((x) => -x) };
    const blind = { ...head, test: head.test.map(() => other) };
    const blinder = { ...blind, observed: head.observed.map(() => other) };
    for (const each of combinations.filter(({ before, selector }) => !before && selector !== 'oracle')) {
      const { keys } = makePairs(each, head, 23);
      expect(makePairs(each, blind, 23).keys, nameOf(each)).toEqual(keys);
      if (each.sees === 'keys') expect(makePairs(each, blinder, 23).keys, nameOf(each)).toEqual(keys);
    }
  });
});

describe('a run', () => {
  it('goes on where it was stopped, and renders what there is', async () => {
    const few = combinations.filter(({ core, before }) => core && !before);
    const asked = missingOf(story, [2], few);
    expect(asked.length).toBe(few.length);
    const stop = new Error('stopped');
    let count = 0;
    await expect(
      measureMissing(story, asked, () => {
        if (++count === 5) throw stop;
      }),
    ).rejects.toBe(stop);
    const left = missingOf(story, [2], few);
    expect(left.length).toBe(asked.length - 5);
    const path = join(folder, 'study', story.name, 'layer2-head0.json');
    const before = readFileSync(path, 'utf8');
    expect(groupsOf([story])).toEqual([]);

    await measureMissing(story, left, () => {});
    expect(missingOf(story, [2], few)).toEqual([]);
    const first = nameOf(asked[0].combination);
    const cell = new HeadResults(story.name, 2, 0).get(first, pairsOf(story.n, 16));
    expect(JSON.parse(before)[`${first} ${pairsOf(story.n, 16)}`]).toEqual(cell);
    expect(readdirSync(join(folder, 'study', story.name)).filter((name) => name.includes('part'))).toEqual(
      [],
    );

    await writeResults([story], `${folder}/`);
    const text = readFileSync(join(folder, 'tails.md'), 'utf8');
    expect(text).toContain('## stories260K, n = 381');
    expect(text).toContain('| stories260K, n = 381 | story');
    expect(text).not.toMatch(/NaN|undefined|Infinity/);
    const [{ heads }] = groupsOf([story]);
    expect(heads.length).toBe(2);
    expect(readFileSync(join(folder, 'tails-errors.svg'), 'utf8')).toMatch(/^<svg .*<\/svg>\n$/s);
  });
});
