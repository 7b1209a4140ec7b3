import { describe, expect, test } from 'vitest';
import { exactAttention } from '../../attention/exact.js';
import { selectorNames } from '../../attention/selectors/index.js';
import type { FloatTensor } from '../../keys.js';
import { randomStream } from '../../random.js';
import type { ReportFigures } from './figures.js';
import { defaultEpsilon, type Measured, measure } from './measure.js';
import { panelHeads, panelLimit, reportPage } from './page.js';
import { keyCounts, randomSeeds, settingOf, spokenCount } from './trials.js';
import { crossedAcrossHeads, summary } from './words.js';

function tensor(shape: number[], seed: number, heavyEvery = 0): FloatTensor {
  const random = randomStream(seed);
  const d = shape[shape.length - 1];
  const size = shape.reduce((a, b) => a * b);
  return {
    shape,
    data: Float32Array.from({ length: size }, (_, i) => {
      const heavy = heavyEvery > 0 && Math.floor(i / d) % heavyEvery === 0;
      return (random.uniform() - 0.5) * (heavy ? 6 : 1);
    }),
  };
}

const label = (batch: number, head: number) => `batch ${batch} <head ${head}>`;

async function figuresOf(
  q: FloatTensor,
  k: FloatTensor,
  v: FloatTensor,
  causal = false,
): Promise<ReportFigures & Measured> {
  const measured = await measure(q, k, v, { epsilon: 0.2, causal, label });
  const queries = { measured: settingOf(q, k, v, causal).q.shape!.at(-2)!, all: q.shape!.at(-2)! };
  const { setting } = measured;
  return {
    ...measured,
    ...{ title: 'A <title>', source: 'a & b', epsilon: 0.2, causal, queries, randomSeeds },
    ...{ prompt: setting.prompt, pickCount: spokenCount(setting) },
  };
}

describe('numbers of keys', () => {
  test.each([
    [1, [1]],
    [2, [1]],
    [7, [4]],
    [16, [4, 8]],
    [254, [4, 8, 16, 32, 64, 127]],
    [512, [8, 16, 32, 64, 128, 256]],
    [100_000, [24, 49, 98, 195, 391, 781]],
  ])('of %i keys', (n, counts) => expect(keyCounts(n)).toEqual(counts));

  test('are never all of the keys, and ascend', () => {
    for (let n = 2; n < 300; n++) {
      const counts = keyCounts(n);
      expect(counts.at(-1)).toBeLessThan(n);
      expect(counts).toEqual([...new Set(counts)].sort((a, b) => a - b));
      expect(counts[0]).toBeGreaterThan(0);
    }
  });
});

test('the default threshold is twice the mean score, to one digit, and at most one', () => {
  expect(defaultEpsilon(509, 8)).toBe(0.03);
  expect(defaultEpsilon(197, 64)).toBe(0.6);
  expect(defaultEpsilon(10, 64)).toBe(1);
});

describe('the setting', () => {
  const k = tensor([1, 2, 40, 3], 1);
  const v = tensor([1, 2, 40, 5], 2);

  test('without a mask is some queries over all keys', () => {
    const q = tensor([1, 4, 1000, 3], 3);
    const setting = settingOf(q, k, v, false);
    expect(setting.q.shape).toEqual([1, 4, 512, 3]);
    expect(setting.prompt).toBe(40);
    // Row 511 of head 3 is row floor(511 * 1000 / 512) = 998.
    expect(setting.q.data.slice(-3)).toEqual(q.data.slice((3 * 1000 + 998) * 3, (3 * 1000 + 999) * 3));
  });

  test('under the causal mask is the last half of the queries, after a prompt that they follow', () => {
    const q = tensor([1, 4, 21, 3], 3);
    const setting = settingOf(q, k, v, true);
    expect(setting.prompt).toBe(29);
    expect(setting.q.shape).toEqual([1, 4, 11, 3]);
    expect(setting.known.shape).toEqual([1, 4, 10, 3]);
    expect(setting.known.data.slice(0, 30)).toEqual(q.data.slice(0, 30));
    expect(setting.q.data.slice(0, 33)).toEqual(q.data.slice(30, 63));
  });

  test('under the causal mask needs two queries', () => {
    expect(() => settingOf(tensor([1, 2, 1, 3], 3), k, v, true)).toThrow('at least two queries, got 1');
  });
});

describe('what is measured', () => {
  const [q, k, v] = [tensor([2, 4, 24, 3], 5), tensor([2, 2, 48, 3], 6, 11), tensor([2, 2, 48, 4], 7)];

  test('is one entry a key head, with the scores that brute force finds', async () => {
    const { heads } = await figuresOf(q, k, v);
    expect(heads.map((head) => head.label)).toEqual([label(0, 0), label(0, 1), label(1, 0), label(1, 1)]);
    for (const head of heads) {
      expect(head.real).toHaveLength(2);
      expect(head.real.map(({ scores }) => scores)).toEqual([24 * 48, 24 * 48]);
      expect(head.real.reduce((sum, { outside }) => sum + outside, 0)).toBe(0);
      expect(head.kept).toEqual([...head.scores.keys()].filter((j) => head.scores[j] >= 0.2));
      expect(head.picks.every(({ indices }) => indices.length === 6)).toBe(true);
    }
    expect(heads.some(({ real }) => real.some(({ heavy }) => heavy > 0))).toBe(true);
  });

  test('under the causal mask is attention over the chosen keys of the prompt and all later ones', async () => {
    const [q1, k1, v1] = [tensor([30, 3], 8), tensor([30, 3], 9), tensor([30, 2], 10)];
    const { heads, prompt, pickCount } = await figuresOf(q1, k1, v1, true);
    expect([prompt, pickCount]).toEqual([15, 4]);
    const { selector, indices } = heads[0].picks[1];
    expect(indices.every((j) => j < prompt)).toBe(true);
    // Independently: attention whose other keys of the prompt are taken out row by row.
    const exact = exactAttention(q1, k1, v1, { mask: 'causal' });
    let difference = 0;
    let norm = 0;
    for (let i = prompt; i < 30; i++) {
      const seen = [...indices, ...Array.from({ length: i - prompt + 1 }, (_, t) => prompt + t)];
      const weights = seen.map((j) => Math.exp(dot(q1, i, k1, j) / Math.sqrt(3)));
      const total = weights.reduce((a, b) => a + b);
      for (let c = 0; c < 2; c++) {
        const value = seen.reduce((sum, j, t) => sum + (weights[t] / total) * v1.data[j * 2 + c], 0);
        difference += (value - exact.data[i * 2 + c]) ** 2;
        norm += exact.data[i * 2 + c] ** 2;
      }
    }
    const curve = heads[0].curves.find((candidate) => candidate.selector === selector)!;
    expect(curve.error[curve.counts.indexOf(pickCount)]).toBeCloseTo(Math.sqrt(difference / norm), 4);
  });

  function dot(a: FloatTensor, i: number, b: FloatTensor, j: number): number {
    return [0, 1, 2].reduce((sum, c) => sum + a.data[i * 3 + c] * b.data[j * 3 + c], 0);
  }

  test.each([
    false,
    true,
  ])('the tail drop costs what the selector alone costs, clusters less, causal: %s', async (causal) => {
    const [q, k, v] = [tensor([2, 2, 60, 5], 1), tensor([2, 2, 90, 5], 2, 9), tensor([2, 2, 90, 4], 3)];
    const { heads } = await measure(q, k, v, { epsilon: 0.2, causal, label });
    for (const { curves, tails } of heads) {
      const error = (list: typeof curves, name: string) =>
        list.find(({ selector }) => selector === name)!.error;
      const [alone, dropped] = [error(curves, 'leverage-centred'), error(tails, 'leverage-centred + drop')];
      dropped.forEach((x, i) => {
        expect(x).toBeCloseTo(alone[i], 6);
      });
      expect(error(tails, 'leverage-centred + clusters').at(-1)).toBeLessThan(dropped.at(-1)!);
    }
  });

  test.each([
    false,
    true,
  ])('every selector is tried with every tail where the page speaks of them, causal: %s', async (causal) => {
    const [q, k, v] = [tensor([2, 2, 60, 5], 1), tensor([2, 2, 90, 5], 2, 9), tensor([2, 2, 90, 4], 3)];
    const { heads, setting } = await measure(q, k, v, { epsilon: 0.2, causal, label });
    for (const { curves, tails, crossed } of heads) {
      expect(crossed.tails).toEqual(['drop', 'sample', 'mean', 'moments', 'clusters']);
      expect(crossed.rows.map(({ selector }) => selector)).toEqual(
        selectorNames.filter((name) => name !== 'oracle'),
      );
      for (const { selector, errors } of crossed.rows) {
        // Each is a figure of its own: no two tails of a selector leave the same error.
        expect(new Set(errors).size).toBe(5);
        const at = (list: typeof curves, name: string) => {
          const found = list.find((curve) => curve.selector === name);
          return found?.error[found.counts.indexOf(spokenCount(setting))];
        };
        expect(errors[0]).toBe(at(curves, selector));
        crossed.tails.slice(1, 4).forEach((tail, t) => {
          const charted = at(tails, `${selector} + ${tail}`);
          if (charted !== undefined) expect(errors[t + 1]).toBe(charted);
        });
      }
    }
    const means = crossedAcrossHeads(heads).rows[0].errors;
    expect(means[1]).toBeCloseTo(
      heads.reduce((sum, { crossed }) => sum + crossed.rows[0].errors[1], 0) / heads.length,
      12,
    );
  });

  test('keeps most mass with the oracle', async () => {
    const { heads } = await figuresOf(q, k, v);
    for (const { curves } of heads) {
      const oracle = curves.find(({ selector }) => selector === 'oracle')!;
      for (const { mass } of curves)
        expect(mass.filter((share, i) => share > oracle.mass[i] + 1e-6)).toEqual([]);
    }
  });

  test('is refused with all shapes where they do not fit', async () => {
    await expect(
      measure(q, k, tensor([2, 2, 47, 4], 7), { epsilon: 0.2, causal: false, label }),
    ).rejects.toThrow('k and v must have the same rows, got q [2,4,24,3], k [2,2,48,3], v [2,2,47,4]');
  });
});

describe('the page', () => {
  test('is one file: no script, nothing fetched, all text escaped', async () => {
    const page = await reportPage(
      await figuresOf(tensor([20, 3], 1), tensor([30, 3], 2), tensor([30, 2], 3)),
    );
    expect(page).toMatch(/^<!doctype html>/);
    expect(page).not.toMatch(/<script|<link|@import|url\(|\bsrc=/i);
    expect(page.match(/https?:\/\/[^"'\s]+/g)?.filter((url) => url !== 'http://www.w3.org/2000/svg')).toEqual(
      [],
    );
    expect(page).toContain('A &lt;title&gt;');
    expect(page).not.toContain('<title>A <');
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
    expect(page).toContain('prefers-color-scheme:dark');
    expect(page).toContain('guaranteed');
    expect(page).toContain('heuristic');
  });

  test('stays small with many heads: some of them get a panel, all are in the overview', async () => {
    const figures = await figuresOf(
      tensor([2, 4, 24, 3], 5),
      tensor([2, 2, 48, 3], 6, 11),
      tensor([2, 2, 48, 4], 7),
    );
    const heads = Array.from({ length: 400 }, (_, i) => ({ ...figures.heads[i % 4], label: `head ${i}` }));
    expect(panelHeads(heads)).toHaveLength(panelLimit);
    const page = await reportPage({ ...figures, heads });
    expect(page.length).toBeLessThan(4e6);
    expect(page.match(/class="panel"/g)).toHaveLength(panelLimit);
    expect(page).toContain('Positions of the universal set of each of 400 heads.');
  });

  test('marks the tokens of the set in the text', async () => {
    const figures = await figuresOf(tensor([20, 3], 1), tensor([30, 3], 2, 9), tensor([30, 2], 3));
    const tokens = Array.from({ length: 30 }, (_, i) => ` w<${i}>`);
    const page = await reportPage({ ...figures, tokens });
    const marks = [...page.matchAll(/<mark>w&lt;(\d+)&gt;<\/mark>/g)].map((match) => Number(match[1]));
    expect(marks).toEqual(figures.heads[0].kept);
  });
});

test('the summary speaks plainly, and would not hide a lost key', async () => {
  const figures = await figuresOf(tensor([20, 3], 1), tensor([30, 3], 2, 9), tensor([30, 2], 3));
  const [set, proof, cost] = summary(figures);
  expect(set).toMatch(/^\d+ of 30 keys can ever hold 20 % of a query's weight; theory allows 15\.$/);
  expect(proof).toMatch(/^Of 600 scores of the real queries (none is|\d+ are) that large/);
  expect(cost).toContain('a heuristic, measured, not promised');
  const heads = figures.heads.map((head) => ({ ...head, real: [{ scores: 600, heavy: 7, outside: 1 }] }));
  expect(summary({ ...figures, heads })[1]).toContain('1 of 7 scores');
});
