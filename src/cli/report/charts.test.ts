import { describe, expect, test } from 'vitest';
import { selectorNames } from '../../attention/selectors/index.js';
import { heavyTailed } from '../../scores/testing.js';
import { keyLifetimes } from '../../universal-set/causal.js';
import { aliveChart } from './alive-chart.js';
import { decades, escapeText } from './chart.js';
import type { HeadFigures, SelectorCurve } from './figures.js';
import { dark, light, standAlone } from './palette.js';
import { overviewChart, positionChart, runs } from './position-chart.js';
import { scoreChart, sortedCurve } from './score-chart.js';
import { selectorChart, spread, strokeOf } from './selector-chart.js';
import { setSizes, sizeChart, thresholds } from './size-chart.js';

const scores = Float64Array.of(0.5, 0.02, 0.3, 0, 1e-9);
const curves: SelectorCurve[] = selectorNames.map((selector, i) => ({
  selector,
  counts: [4, 8, 16],
  error: [1.3, 0.5, i / 20],
  mass: [0.2, 0.5, 0.9],
}));
const head: HeadFigures = {
  label: 'layer <1>',
  n: 5,
  d: 2,
  rank: 2,
  scores,
  minimal: true,
  kept: [0, 2],
  sizeBound: 20,
  margin: 1e-12,
  real: [],
  curves,
  tails: curves.map((curve) => ({ ...curve, selector: `${curve.selector} + clusters` })),
  crossed: { tails: ['drop', 'mean'], rows: [{ selector: 'random', errors: [0.5, 0.25] }] },
  picks: [{ selector: 'random', indices: [1, 3] }],
};

const lifetimes = (n: number, seed: number) => keyLifetimes(heavyTailed(n, 3, seed), { epsilon: 0.1 });

/** Every number of a picture is one, and it is small and closed. */
function expectPicture(svg: string): void {
  expect(svg).toMatch(
    /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox="[\d. ]+" width="\d+" height="\d+"/,
  );
  expect(svg).toMatch(/<\/svg>$/);
  expect(svg).not.toMatch(/NaN|Infinity|undefined|null/);
  expect(svg.match(/<(\w+)[ >]/g)?.length).toBeGreaterThan(10);
  expect(svg.length).toBeLessThan(50_000);
}

describe('each chart', () => {
  test.each([
    ['scores', () => scoreChart({ scores, n: 5, epsilon: 0.1, kept: 2, others: [scores] })],
    ['scores of an empty set', () => scoreChart({ scores: [], n: 5, epsilon: 0.1, kept: 0 })],
    ['scores, all zero', () => scoreChart({ scores: new Float64Array(5), n: 5, epsilon: 0.1, kept: 0 })],
    ['a single score', () => scoreChart({ scores: [1], n: 1, epsilon: 1, kept: 1 })],
    ['sizes', () => sizeChart([head, head, head], 0.1)],
    ['sizes of one key', () => sizeChart([{ ...head, n: 1, scores: Float64Array.of(1) }], 1)],
    ['errors', () => selectorChart(curves, 'error')],
    ['masses', () => selectorChart(curves, 'mass')],
    ['errors of tails', () => selectorChart(head.tails, 'error')],
    [
      'errors at one count',
      () => selectorChart([{ selector: 'own', counts: [1], error: [0], mass: [1] }], 'error'),
    ],
    ['keys alive', () => aliveChart([1, 2, 3].map((seed) => lifetimes(1000, seed)))],
    ['keys alive of one key', () => aliveChart([lifetimes(1, 4)])],
    ['positions', () => positionChart(head, 3)],
    ['positions of many heads', () => overviewChart(Array.from({ length: 100 }, () => head))],
  ])('%s is a picture without a hole', async (_, draw) => expectPicture(await draw()));

  test('says what is in it to those who cannot see it, and escapes names', async () => {
    expect(await positionChart(head, 5)).toContain(
      'aria-label="Positions of the keys that each selector keeps, layer &lt;1&gt;."',
    );
  });

  test('names its colours, which a stand-alone picture writes out', async () => {
    const svg = await scoreChart({ scores, n: 5, epsilon: 0.1, kept: 2 });
    expect(svg).toContain('var(--kept)');
    for (const palette of [light, dark]) {
      const alone = standAlone(svg, palette);
      expect(alone).not.toContain('var(');
      expect(alone).toContain(palette.kept);
      expect(alone).toMatch(/^<svg [^>]*><rect width="100%" height="100%" fill="#[\da-f]{6}"\/>/);
    }
  });

  test('labels keep their digits where coordinates lose theirs', async () => {
    const svg = await scoreChart({ scores, n: 5, epsilon: 0.0625, kept: 2 });
    expect(svg).toContain('threshold 0.0625');
    expect(svg).toMatch(/>0\.01</);
    expect(svg).not.toMatch(/ d="[^"]*\.\d{3}/);
  });
});

test('every selector of the library has a line of its own', () => {
  const looks = selectorNames.map((name) => JSON.stringify(strokeOf(name)));
  expect(new Set(looks).size).toBe(selectorNames.length);
  expect(strokeOf('my-own').colour).toBe('muted');
});

test('labels are moved apart, in order and within bounds', () => {
  const placed = spread([50, 50, 50, 0, 100], 13, 0, 100);
  const sorted = [...placed].sort((a, b) => a - b);
  expect(sorted[0]).toBeGreaterThanOrEqual(0);
  expect(sorted.at(-1)).toBeLessThanOrEqual(100);
  for (let i = 1; i < sorted.length; i++) expect(sorted[i] - sorted[i - 1]).toBeGreaterThanOrEqual(13 - 1e-9);
  expect(placed[3]).toBe(sorted[0]);
  expect(placed[4]).toBe(sorted[4]);
  expect(spread([10, 60], 13, 0, 100)).toEqual([10, 60]);
});

test('ticks are powers of ten, with steps between where they would be few', () => {
  expect(decades(0.001, 1)).toEqual([0.001, 0.01, 0.1, 1]);
  expect(decades(1, 30)).toEqual([1, 2, 5, 10, 20]);
});

test('a sorted curve keeps both ends and falls', () => {
  const curve = sortedCurve(Float64Array.from({ length: 10_000 }, (_, i) => ((i * 7919) % 10_007) / 10_007));
  expect(curve.length).toBeLessThan(200);
  expect(curve[0]).toEqual({ rank: 1, score: Math.max(...curve.map(({ score }) => score)) });
  expect(curve.at(-1)?.rank).toBe(10_000);
  for (let i = 1; i < curve.length; i++) {
    expect(curve[i].rank).toBeGreaterThan(curve[i - 1].rank);
    expect(curve[i].score).toBeLessThanOrEqual(curve[i - 1].score);
  }
});

test('set sizes count the scores at or above each threshold', () => {
  const sizes = setSizes(scores);
  thresholds.forEach((epsilon, i) => {
    expect(sizes[i]).toBe(Array.from(scores).filter((score) => score >= epsilon).length);
  });
});

describe('runs of kept positions', () => {
  test('join neighbours', () => {
    expect(runs([0, 1, 2, 5], 10)).toEqual([
      { start: 0, end: 3, share: 1 },
      { start: 5, end: 6, share: 1 },
    ]);
  });
  test('share columns in long sequences', () => {
    const [first, ...rest] = runs([0, 1, 2, 3], 64_000);
    expect(first).toEqual({ start: 0, end: 100, share: 0.04 });
    expect(rest).toEqual([]);
  });
});

test('text is harmless in HTML and SVG', () => {
  expect(escapeText(`<img src="x" onerror='a'>&`)).toBe(
    '&lt;img src=&quot;x&quot; onerror=&#39;a&#39;&gt;&amp;',
  );
});
