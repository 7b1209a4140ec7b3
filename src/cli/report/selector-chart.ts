/** What attention over a few keys costs (output error) or keeps (softmax mass), against their number, for each selector. */
import type { Mark } from 'vega';
import { axisAt, type ChartSpec, drawChart, logAxis, logScale } from './chart.js';
import type { SelectorCurve } from './figures.js';
import { lineMark, ruleMark, type Stroke, textMark } from './marks.js';

/** Colour tells the idea behind a selector, the dashes tell which of them it is. */
const strokes: Record<string, Stroke> = {
  leverage: { colour: 'leverage', width: 2.5 },
  'leverage-centred': { colour: 'leverage', width: 2.5, dash: [7, 3] },
  lewis: { colour: 'leverage', width: 1.75, dash: [2, 2] },
  'squared-norm': { colour: 'norm', width: 1.75 },
  'k-means': { colour: 'geometry', width: 1.75 },
  'k-center': { colour: 'geometry', width: 1.75, dash: [5, 3] },
  random: { colour: 'position', width: 1.75 },
  stride: { colour: 'position', width: 1.75, dash: [5, 3] },
  'recent-sinks': { colour: 'position', width: 1.75, dash: [2, 2] },
  snapkv: { colour: 'attention', width: 1.75, dash: [5, 3] },
  oracle: { colour: 'attention', width: 1.75, dash: [1.5, 2.5] },
};
/** Tails are told by their dashes, whatever the selector. */
const tailStrokes: Record<string, Partial<Stroke>> = {
  drop: { width: 1.25, dash: [1.5, 2.5] },
  sample: { width: 1.5, dash: [5, 3] },
  mean: { width: 1.5, dash: [9, 3] },
  moments: { width: 1.5, dash: [9, 3, 2, 3] },
  clusters: { width: 2.5, dash: undefined },
};
const unknown: Stroke = { colour: 'muted', width: 1.75 };

/** How a selector is drawn, whatever its parameter: `lewis:4`, `snapkv:32`. */
export function strokeOf(selector: string): Stroke {
  const tail = / \+ (.*)$/.exec(selector)?.[1];
  if (tail) return { ...(strokes[selector.replace(/ \+ .*/, '')] ?? unknown), ...tailStrokes[tail] };
  return strokes[selector.replace(/:.*/, '')] ?? unknown;
}

/** Moves labels apart to at least `gap`, keeping their order and, as far as possible, their places. */
export function spread(wanted: readonly number[], gap: number, low: number, high: number): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a] - wanted[b]);
  const placed = new Array<number>(wanted.length);
  let least = low;
  for (const i of order) {
    placed[i] = Math.max(wanted[i], least);
    least = placed[i] + gap;
  }
  let most = high;
  for (const i of order.reverse()) {
    placed[i] = Math.min(placed[i], most);
    most = placed[i] - gap;
  }
  return placed;
}

/** Errors are compared with zero, masses with one: the axis holds that end, and goes to the next tenth at the other. */
function domainOf(values: readonly number[], measure: 'error' | 'mass'): [number, number] {
  if (measure === 'error') return [0, Math.max(0.1, Math.ceil(Math.max(...values) * 10) / 10)];
  return [Math.min(0.9, Math.floor(Math.min(...values) * 10) / 10), 1];
}

const width = 262;
const height = 214;

/** SVG of one measure for all selectors, with the lines labelled at their ends. */
export function selectorChart(curves: readonly SelectorCurve[], measure: 'error' | 'mass'): Promise<string> {
  const { counts } = curves[0];
  const [low, high] = domainOf(
    curves.flatMap((curve) => curve[measure]),
    measure,
  );
  const ends = curves.map((curve) => height * (1 - (curve[measure].at(-1)! - low) / (high - low)));
  const places = spread(ends, 13, 4, height);
  const labels = curves.flatMap(({ selector }, i): Mark[] => {
    const stroke = strokeOf(selector);
    return [
      ruleMark([width + 2, ends[i]], [width + 13, places[i]], { colour: 'faint', width: 1 }),
      textMark(selector, [width + 16, places[i]], stroke.colour, {
        baseline: 'middle',
        bold: stroke.width > 2,
      }),
    ];
  });
  const title = measure === 'mass' ? 'mass kept' : 'relative error';
  const spec: ChartSpec = {
    width,
    height,
    padding: { left: 58, right: 122, top: 14, bottom: 42 },
    data: curves.map((curve) => ({
      name: curve.selector,
      values: counts.map((count, i) => ({ count, value: curve[measure][i] })),
    })),
    scales: [
      logScale('x', 'width', counts[0], counts.at(-1)!),
      { name: 'y', type: 'linear', range: 'height', domain: [low, high], zero: false },
    ],
    axes: [
      { ...axisAt('y', 'left', title), tickCount: 5, format: '~%' },
      logAxis('x', 'bottom', 'keys kept', counts),
    ],
    // The first selectors lie on top.
    marks: [
      ...curves.map(({ selector }) => lineMark(selector, 'count', 'value', strokeOf(selector))).reverse(),
      ...labels,
    ],
  };
  return drawChart(
    spec,
    `${title} against the number of keys, for ${curves.map((c) => c.selector).join(', ')}.`,
  );
}
