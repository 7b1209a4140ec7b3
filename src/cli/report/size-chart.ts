/** The size of the universal set against its threshold, beside the theory's bound rank / epsilon. */
import { type ChartSpec, decades, drawChart, frame, logAxis, logScale } from './chart.js';
import type { HeadFigures } from './figures.js';
import { areaMark, lineMark, ruleMark, textMark } from './marks.js';

const smallest = 0.003;
const steps = 60;

/** The thresholds at which set sizes are drawn, evenly spaced in their logarithm. */
export const thresholds: readonly number[] = Array.from(
  { length: steps },
  (_, i) => smallest ** (1 - i / (steps - 1)),
);

/** How many scores reach each threshold. */
export function setSizes(scores: Float64Array): number[] {
  return thresholds.map((epsilon) => scores.reduce((count, score) => count + Number(score >= epsilon), 0));
}

/** SVG for one head, or for many: the median with the range from the smallest to the largest set. */
export function sizeChart(heads: readonly HeadFigures[], epsilon: number): Promise<string> {
  const sizes = heads.map(({ scores }) => setSizes(scores));
  const n = Math.max(...heads.map((head) => head.n));
  const rank = Math.max(...heads.map((head) => head.rank));
  const top = Math.max(n, 2) * 1.6;
  // A set may be empty: on a logarithmic axis that is half a key, labelled `none`.
  const rows = thresholds.map((x, i) => {
    const column = sizes.map((size) => size[i]).sort((a, b) => a - b);
    const at = (share: number) => Math.max(0.5, column[Math.floor(share * (column.length - 1))]);
    return { x, low: at(0), middle: at(0.5), high: at(1), bound: rank / x };
  });
  const { width, height } = frame;
  const slope = Math.atan2(height / Math.log10(top / 0.5), -width / Math.log10(smallest));
  const words = {
    update: { text: { signal: "datum.value < 1 ? 'none' : format(datum.value, ',d')" } },
  };
  const spec: ChartSpec = {
    ...frame,
    data: [
      { name: 'sizes', values: rows },
      { name: 'bound', values: rows.filter(({ bound }) => bound <= top) },
    ],
    scales: [logScale('x', 'width', smallest, 1), logScale('y', 'height', 0.5, top)],
    axes: [
      { ...logAxis('y', 'left', 'keys in the set', [0.5, ...decades(1, top)]), encode: { labels: words } },
      logAxis('x', 'bottom', 'threshold \u03b5', decades(smallest, 1)),
    ],
    marks: [
      areaMark('sizes', 'x', 'high', { scale: 'y', field: 'low' }, 'wash'),
      ruleMark([0, { scale: 'y', value: n }], [width, { scale: 'y', value: n }], {
        colour: 'faint',
        width: 1,
      }),
      ruleMark([{ scale: 'x', value: epsilon }, 0], [{ scale: 'x', value: epsilon }, height], {
        colour: 'faint',
        width: 1,
        dash: [2, 3],
      }),
      lineMark('bound', 'x', 'bound', { colour: 'bound', width: 1.5, dash: [4, 3] }),
      lineMark('sizes', 'x', 'middle', { colour: 'kept', width: 2.5 }),
      textMark(`all ${n} keys`, [4, { scale: 'y', value: n, offset: -5 }], 'muted'),
      textMark(
        'theory: rank / \u03b5',
        [
          { scale: 'x', value: 0.3 },
          { scale: 'y', value: rank / 0.3 },
        ],
        'bound',
        {
          align: 'center',
          angle: (slope * 180) / Math.PI,
          lift: 6,
        },
      ),
    ],
  };
  return drawChart(
    spec,
    `Number of keys in the set against the threshold, with the bound ${rank} / epsilon.`,
  );
}
