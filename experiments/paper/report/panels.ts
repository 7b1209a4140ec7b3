/** Charts of several panels with one key below: curves of a share, or of an error, against a number. */
import type { GroupMark, Mark } from 'vega';
import { axisAt, drawChart } from '../../../src/cli/report/chart.js';
import { lineMark, ruleMark, type Stroke, textMark } from '../../../src/cli/report/marks.js';
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

const width = 250;
const height = 180;
const gap = { x: 64, y: 70 };
const COLUMNS = 3;
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
  const columns = Math.min(COLUMNS, panels.length);
  const rows = Math.ceil(panels.length / columns);
  const below = rows * (height + gap.y);
  const key = names.flatMap((name, i): Mark[] => {
    const [x, y] = [(i % KEY.columns) * KEY.width, below + Math.floor(i / KEY.columns) * KEY.row];
    return [
      ruleMark([x, y], [x + 26, y], strokeOf(i)),
      textMark(name, [x + 32, y], 'ink', { baseline: 'middle' }),
    ];
  });
  return drawChart(
    {
      width: Math.max(columns * (width + gap.x) - gap.x, KEY.columns * KEY.width),
      height: below + Math.ceil(names.length / KEY.columns) * KEY.row,
      padding: { left: 58, right: 20, top: 26, bottom: 10 },
      marks: [
        ...panels.map((panel, i) => panelMark(panel, axes, names, i % columns, Math.floor(i / columns))),
        ...key,
      ],
    },
    description,
  );
}

function panelMark(
  { title, curves }: Panel,
  { x, ticks, log = false, format = '~r', y, range }: Axes,
  names: readonly string[],
  column: number,
  row: number,
): GroupMark {
  const clamp = (value: number) => Math.min(range[1], Math.max(range[0], value));
  const place = { x: { value: column * (width + gap.x) }, y: { value: row * (height + gap.y) } };
  return {
    type: 'group',
    encode: { enter: { ...place, width: { value: width }, height: { value: height } } },
    signals: [
      { name: 'width', update: String(width) },
      { name: 'height', update: String(height) },
    ],
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
