/** Error or divergence against stored pairs, a panel for each model: medians over heads. */
import type { GroupMark, Mark } from 'vega';
import { drawChart, logAxis, logScale } from '../src/cli/report/chart.js';
import { lineMark, type Stroke, textMark } from '../src/cli/report/marks.js';
import { type Combination, nameOf, strokes } from './combinations.js';
import { type Group, typical } from './figures.js';
import { SHARES } from './tails.js';

const width = 230;
const height = 170;
const gap = { x: 62, y: 66 };
const COLUMNS = 3;
const KEY = { columns: 2, width: 436, row: 16 };

/** SVG of all panels with one key below. */
export function curvesChart(
  groups: readonly Group[],
  combinations: readonly Combination[],
  figure: 'errors' | 'divergences',
): Promise<string> {
  const rows = Math.ceil(groups.length / COLUMNS);
  const marks = groups.map((group, i) =>
    panel(group, combinations, figure, i % COLUMNS, Math.floor(i / COLUMNS)),
  );
  const below = rows * (height + gap.y);
  const key = combinations.flatMap((combination, i): Mark[] => {
    const [x, y] = [(i % KEY.columns) * KEY.width, below + Math.floor(i / KEY.columns) * KEY.row];
    return [
      {
        type: 'rule',
        encode: {
          enter: {
            x: { value: x },
            x2: { value: x + 26 },
            y: { value: y },
            ...strokeOf(strokes[nameOf(combination)]),
          },
        },
      },
      textMark(nameOf(combination), [x + 32, y], 'ink', { baseline: 'middle' }),
    ];
  });
  const what = figure === 'errors' ? 'Relative error of the output' : 'KL of the attention';
  return drawChart(
    {
      width: COLUMNS * (width + gap.x) - gap.x,
      height: below + Math.ceil(combinations.length / KEY.columns) * KEY.row,
      padding: { left: 52, right: 60, top: 26, bottom: 10 },
      marks: [...marks, ...key],
    },
    `${what} against the share of pairs that are stored, medians over the heads of ${groups.map(({ title }) => title).join('; ')}.`,
  );
}

function strokeOf({ colour, width, dash }: Stroke) {
  return {
    stroke: { value: `var(--${colour})` },
    strokeWidth: { value: width },
    ...(dash && { strokeDash: { value: dash } }),
  };
}

function panel(
  group: Group,
  combinations: readonly Combination[],
  figure: 'errors' | 'divergences',
  column: number,
  row: number,
): GroupMark {
  const present = combinations.filter((each) => group.heads[0].has(nameOf(each)));
  const least = figure === 'errors' ? 0.01 : 0.001;
  const curves = present.map((each) =>
    SHARES.map((share) => ({
      share: 1 / share,
      value: Math.max(least, typical(group, nameOf(each), figure, share)),
    })),
  );
  const values = curves.flat().map(({ value }) => value);
  const low = 10 ** Math.floor(Math.log10(Math.min(...values)) + 1e-9);
  const high = 10 ** Math.ceil(Math.log10(Math.max(...values)) - 1e-9);
  const powers = Array.from({ length: Math.round(Math.log10(high / low)) + 1 }, (_, i) => low * 10 ** i);
  const size = { width: { value: width }, height: { value: height } };
  return {
    type: 'group',
    encode: {
      enter: { x: { value: column * (width + gap.x) }, y: { value: row * (height + gap.y) }, ...size },
    },
    signals: [
      { name: 'width', update: String(width) },
      { name: 'height', update: String(height) },
    ],
    data: curves.map((curve, i) => ({ name: `curve${i}`, values: curve })),
    scales: [
      logScale('x', 'width', 1 / SHARES[0], 1 / SHARES[SHARES.length - 1]),
      logScale('y', 'height', low, high),
    ],
    axes: [
      logAxis('y', 'left', '', powers),
      {
        ...logAxis(
          'x',
          'bottom',
          'pairs / keys',
          SHARES.map((share) => 1 / share),
        ),
        encode: { labels: { update: { text: { signal: '"1/" + round(1 / datum.value)' } } } },
      },
    ],
    marks: [
      ...present.map((each, i) => lineMark(`curve${i}`, 'share', 'value', strokes[nameOf(each)])),
      textMark(`${group.title} (${group.heads.length} heads)`, [0, -10], 'ink', { bold: true }),
    ],
  };
}
