/** Charts of several panels with one key below: curves of a share, or of an error, against a number. */
import type { GroupMark } from 'vega';
import { axisAt, drawChart } from '../../../src/cli/report/chart.js';
import { lineMark, type Stroke, textMark } from '../../../src/cli/report/marks.js';
import { type Grid, keyBelow, panelFrame } from '../../panel-grid.js';
import type { Plot } from './section.js';

/** One curve. */
export interface Curve {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** Some curves over the same numbers. */
export interface Panel {
  readonly title: string;
  readonly curves: readonly Curve[];
}

/** What all panels have in common. */
export interface Axes {
  readonly x: string;
  /** Ticks of x; on a scale of powers of two where `log` is set. */
  readonly ticks: readonly number[];
  readonly log?: boolean;
  /** Of the ticks, in d3's terms; plain numbers unless given. */
  readonly format?: string;
  readonly y: string;
  /** From the least to the largest y; values beyond are drawn at the edge. */
  readonly range: readonly [number, number];
}

const COLUMNS = 3;
const size = { width: 250, height: 180, gap: { x: 64, y: 70 } };
const KEY = { columns: 3, width: 290, row: 16 };

/** Strokes of the curves, one after the other: told apart by colour and dash. */
const colours = ['attention', 'leverage', 'bound', 'norm', 'geometry', 'position', 'muted'] as const;
const dashes = [undefined, [5, 3], [1, 3]];

function strokeOf(index: number): Stroke {
  const dash = dashes[Math.floor(index / colours.length) % dashes.length];
  return { colour: colours[index % colours.length], width: 1.6, ...(dash && { dash: [...dash] }) };
}

/** A plot of the panels, or none where there are no curves yet. */
export async function panelsPlot(
  name: string,
  description: string,
  panels: readonly Panel[],
  axes: Axes,
): Promise<Plot[]> {
  const present = panels.filter(({ curves }) => curves.length > 0);
  return present.length > 0
    ? [{ name, description, svg: await panelsChart(present, axes, description) }]
    : [];
}

/** SVG of the panels. Curves of the same name have the same stroke. */
function panelsChart(panels: readonly Panel[], axes: Axes, description: string): Promise<string> {
  const names = [...new Set(panels.flatMap(({ curves }) => curves.map(({ name }) => name)))];
  const grid: Grid = { ...size, columns: Math.min(COLUMNS, panels.length) };
  const key = keyBelow(
    grid,
    panels.length,
    names.map((name, i) => [name, strokeOf(i)]),
    KEY,
  );
  return drawChart(
    {
      width: Math.max(grid.columns * (grid.width + grid.gap.x) - grid.gap.x, KEY.columns * KEY.width),
      height: key.height,
      padding: { left: 58, right: 20, top: 26, bottom: 10 },
      marks: [...panels.map((panel, i) => panelMark(panel, axes, names, panelFrame(grid, i))), ...key.marks],
    },
    description,
  );
}

function panelMark(
  { title, curves }: Panel,
  { x, ticks, log = false, format = '~r', y, range }: Axes,
  names: readonly string[],
  frame: GroupMark,
): GroupMark {
  const clamp = (value: number) => Math.min(range[1], Math.max(range[0], value));
  return {
    ...frame,
    data: curves.map(({ points }, i) => ({
      name: `curve${i}`,
      values: points.map(([x, y]) => ({ x, y: clamp(y) })),
    })),
    scales: [
      {
        name: 'x',
        type: log ? 'log' : 'linear',
        range: 'width',
        domain: [ticks[0], ticks[ticks.length - 1]],
        zero: false,
      },
      { name: 'y', type: 'linear', range: 'height', domain: [...range], zero: false },
    ],
    axes: [
      { ...axisAt('y', 'left', y), tickCount: 5 },
      { ...axisAt('x', 'bottom', x), values: [...ticks], format },
    ],
    marks: [
      ...curves.map(({ name }, i) => lineMark(`curve${i}`, 'x', 'y', strokeOf(names.indexOf(name)))),
      textMark(title, [0, -10], 'ink', { bold: true }),
    ],
  };
}
