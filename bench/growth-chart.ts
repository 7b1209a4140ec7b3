/** Time and memory of one pass against the number of rows, side by side. */
import type { GroupMark, Mark } from 'vega';
import { axisAt, decades, drawChart, frame, logAxis, logScale } from '../src/cli/report/chart.js';
import { lineMark, type Place, textMark } from '../src/cli/report/marks.js';
import { colour } from '../src/cli/report/palette.js';
import { number } from '../src/cli/text.js';
import type { Size } from './growth.js';

const { height, padding } = frame;
const width = 300;
const gap = 84;

/** A chart with scales of its own. */
function panel(left: number, parts: Pick<GroupMark, 'scales' | 'axes' | 'marks'>): GroupMark {
  const signals = Object.entries({ width, height }).map(([name, value]) => ({ name, update: `${value}` }));
  const place = { x: { value: left }, width: { value: width }, height: { value: height } };
  return { type: 'group', encode: { enter: place }, signals, ...parts };
}

function points(field: string): Mark {
  return {
    type: 'symbol',
    from: { data: 'sizes' },
    encode: {
      enter: {
        x: { scale: 'x', field: 'rows' },
        y: { scale: 'y', field },
        size: { value: 30 },
        fill: { value: colour('kept') },
      },
    },
  };
}

/** SVG of both; the dashed line is time in proportion to the rows, through the last point. */
export function growthChart(sizes: readonly Size[], [all, late]: readonly [number, number]): Promise<string> {
  const values = sizes.map(({ rows, milliseconds, peak }) => ({
    rows,
    seconds: milliseconds / 1000,
    mebibytes: peak / 2 ** 20,
  }));
  const last = values[values.length - 1];
  const [low, high] = [values[0].rows, last.rows];
  const line = [low, high].map((rows) => ({ rows, seconds: (last.seconds * rows) / high }));
  const floor = 10 ** Math.floor(Math.log10(Math.min(line[0].seconds, values[0].seconds)));
  const top = 10 ** Math.ceil(Math.log10(last.seconds));
  const room = 50 * Math.ceil(Math.max(...values.map(({ mebibytes }) => mebibytes)) / 40);
  const rows = [
    logScale('x', 'width', low, high),
    logAxis('x', 'bottom', 'rows', decades(low, high)),
  ] as const;
  const said = (text: string, y: number): Mark =>
    textMark(text, [8, y] as [Place, Place], 'kept', { bold: true });
  const time = panel(0, {
    scales: [rows[0], logScale('y', 'height', floor, top)],
    axes: [logAxis('y', 'left', 'seconds', decades(floor, top)), { ...rows[1], format: '~s' }],
    marks: [
      lineMark('line', 'rows', 'seconds', { colour: 'bound', width: 1, dash: [4, 3] }),
      lineMark('sizes', 'rows', 'seconds', { colour: 'kept', width: 2 }),
      points('seconds'),
      said(`n^${all.toFixed(2)}, over the last tenfold n^${late.toFixed(2)}`, 12),
      textMark('in proportion to the rows', [width - 8, height - 30], 'bound', { align: 'right' }),
    ],
  });
  const memory = panel(width + gap, {
    scales: [rows[0], { name: 'y', type: 'linear', range: 'height', domain: [0, room], zero: true }],
    axes: [
      { ...axisAt('y', 'left', 'peak of memory, MiB'), tickCount: 4 },
      { ...rows[1], format: '~s' },
    ],
    marks: [
      lineMark('sizes', 'rows', 'mebibytes', { colour: 'kept', width: 2 }),
      points('mebibytes'),
      said('the whole process', height - 8),
    ],
  });
  return drawChart(
    {
      width: 2 * width + gap,
      height,
      padding,
      data: [
        { name: 'sizes', values },
        { name: 'line', values: line },
      ],
      marks: [time, memory],
    },
    `One pass over ${number(low)} to ${number(high)} rows takes ${number(values[0].seconds)} to ${number(last.seconds)} s, in proportion to the rows, and at most ${number(Math.round(room))} MiB.`,
  );
}
