/** Error or divergence against stored pairs, a panel for each model: medians over heads. */
import type { GroupMark } from 'vega';
import { drawChart, logAxis, logScale } from '../src/cli/report/chart.js';
import { lineMark, textMark } from '../src/cli/report/marks.js';
import { type Combination, nameOf, strokes } from './combinations.js';
import { type Group, typical } from './figures.js';
import { type Grid, keyBelow, panelFrame } from './panel-grid.js';
import { SHARES } from './tails.js';

const grid: Grid = { columns: 3, width: 230, height: 170, gap: { x: 62, y: 66 } };
const KEY = { columns: 2, width: 436, row: 16 };

/** SVG of all panels with one key below. */
export function curvesChart(
  groups: readonly Group[],
  combinations: readonly Combination[],
  figure: 'errors' | 'divergences',
): Promise<string> {
  const names = combinations.map(nameOf);
  const key = keyBelow(
    grid,
    groups.length,
    names.map((name) => [name, strokes[name]]),
    KEY,
  );
  const what = figure === 'errors' ? 'Relative error of the output' : 'KL of the attention';
  return drawChart(
    {
      width: grid.columns * (grid.width + grid.gap.x) - grid.gap.x,
      height: key.height,
      padding: { left: 52, right: 60, top: 26, bottom: 10 },
      marks: [...groups.map((group, i) => panel(group, combinations, figure, i)), ...key.marks],
    },
    `${what} against the share of pairs that are stored, medians over the heads of ${groups.map(({ title }) => title).join('; ')}.`,
  );
}

function panel(
  group: Group,
  combinations: readonly Combination[],
  figure: 'errors' | 'divergences',
  i: number,
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
  return {
    ...panelFrame(grid, i),
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
