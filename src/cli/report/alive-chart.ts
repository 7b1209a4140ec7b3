/** How many keys of a causal sequence can be heavy at each position, beside the theory's bound rank / epsilon. */
import type { KeyLifetimes } from '../../universal-set/causal.js';
import { axisAt, type ChartSpec, drawChart, frame } from './chart.js';
import { lineMark, textMark } from './marks.js';

/** At most about this many points a curve: the largest count of each group of positions. */
const points = 354;

function curve(alive: Uint32Array): { t: number; keys: number }[] {
  const size = Math.ceil(alive.length / points);
  return Array.from({ length: Math.ceil(alive.length / size) }, (_, i) => {
    const group = alive.subarray(i * size, (i + 1) * size);
    return { t: i * size, keys: group.reduce((a, b) => Math.max(a, b), 0) };
  });
}

/** SVG for one head or many: the head of median peak in front, the others faintly behind. */
export function aliveChart(heads: readonly KeyLifetimes[]): Promise<string> {
  const order = [...heads].sort((a, b) => a.peak - b.peak);
  const median = order[Math.floor(order.length / 2)];
  const { n, epsilon, sizeBound, peak } = median;
  // At position t no more than t + 1 keys are there.
  const bound = [0, Math.min(n, sizeBound), n].map((t) => ({ t, keys: Math.min(t, sizeBound) }));
  const top = Math.max(...heads.map((head) => head.peak), Math.min(n, sizeBound)) * 1.1;
  const { width, height } = frame;
  const right = Math.max(n, 2);
  const others = order.filter((head) => head !== median);
  const spec: ChartSpec = {
    ...frame,
    data: [
      { name: 'median', values: curve(median.alive) },
      { name: 'bound', values: bound },
      ...others.map(({ alive }, i) => ({ name: `other${i}`, values: curve(alive) })),
    ],
    scales: [
      { name: 'x', type: 'linear', range: 'width', domain: [0, right], nice: false },
      { name: 'y', type: 'linear', range: 'height', domain: [0, Math.max(top, 1)], nice: false },
    ],
    axes: [
      { ...axisAt('y', 'left', 'keys alive'), tickCount: 5, format: ',d' },
      { ...axisAt('x', 'bottom', 'position in the sequence'), tickCount: 5, format: ',d' },
    ],
    marks: [
      ...others.map((_, i) => lineMark(`other${i}`, 't', 'keys', { colour: 'faint', width: 0.75 })),
      lineMark('bound', 't', 'keys', { colour: 'bound', width: 1.5, dash: [4, 3] }),
      lineMark('median', 't', 'keys', { colour: 'kept', width: 2 }),
      textMark(
        'theory: rank / \u03b5',
        [width, { scale: 'y', value: Math.min(n, sizeBound), offset: -5 }],
        'bound',
        { align: 'right' },
      ),
      textMark(`at most ${peak} at a time`, [width, height - 8], 'kept', { align: 'right', bold: true }),
    ],
  };
  return drawChart(
    spec,
    `Keys that can be heavy at each of ${n} positions: at most ${peak}; threshold ${epsilon}.`,
  );
}
