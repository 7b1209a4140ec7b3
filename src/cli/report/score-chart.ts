/** The largest score that each key can ever reach, sorted: the part above the threshold is the universal set. */

import { number } from '../text.js';
import { type ChartSpec, decades, drawChart, frame, logAxis, logScale } from './chart.js';
import { areaMark, lineMark, ruleMark, textMark } from './marks.js';

/** What the chart of sorted scores needs of a result. */
export interface ScoreChartInput {
  /** Scores in any order; for other weights than p = 2 only those of the set are known. */
  readonly scores: ArrayLike<number>;
  readonly n: number;
  readonly epsilon: number;
  /** Size of the set. */
  readonly kept: number;
  /** Scores of other heads, drawn faintly behind. */
  readonly others?: readonly ArrayLike<number>[];
}

interface Point {
  readonly rank: number;
  readonly score: number;
}

/** At most about 160 points of the sorted scores, evenly spaced in the logarithm of the rank: the eye sees no more. */
export function sortedCurve(scores: ArrayLike<number>): Point[] {
  const sorted = Float64Array.from(scores).sort().reverse();
  const points: Point[] = [];
  for (let rank = 1; rank <= sorted.length; rank = Math.max(rank + 1, Math.floor(rank * 1.05)))
    points.push({ rank, score: sorted[rank - 1] });
  if ((points.at(-1)?.rank ?? 0) < sorted.length)
    points.push({ rank: sorted.length, score: sorted[sorted.length - 1] });
  return points;
}

/** SVG of the sorted scores with the threshold. */
export function scoreChart({ scores, n, epsilon, kept, others = [] }: ScoreChartInput): Promise<string> {
  const curve = sortedCurve(scores);
  // Zeros and rounding errors have no place on a logarithmic axis: they lie on its floor.
  const smallest = curve.findLast(({ score }) => score > 1e-6)?.score ?? epsilon;
  const floor = 10 ** Math.floor(Math.log10(Math.min(smallest, epsilon) * 0.999));
  const raised = (points: readonly Point[]) =>
    points.map(({ rank, score }) => ({ rank, score: Math.max(score, floor) }));
  const inside = curve.filter(({ rank }) => rank <= kept);
  const last = Float64Array.from(scores).sort().at(-kept);
  if (kept > 0 && last !== undefined) inside.push({ rank: kept, score: last });
  const { width, height } = frame;
  const right = Math.max(n, 2);
  const spec: ChartSpec = {
    ...frame,
    data: [
      { name: 'all', values: raised(curve) },
      { name: 'inside', values: raised(inside) },
      ...others.map((other, i) => ({ name: `other${i}`, values: raised(sortedCurve(other)) })),
    ],
    scales: [logScale('x', 'width', 1, right), logScale('y', 'height', floor, 1)],
    axes: [
      logAxis('y', 'left', 'largest score possible', decades(floor, 1)),
      logAxis('x', 'bottom', 'rank of the key', decades(1, right)),
    ],
    marks: [
      areaMark('inside', 'rank', 'score', height, 'wash'),
      ruleMark([0, { scale: 'y', value: epsilon }], [width, { scale: 'y', value: epsilon }], {
        colour: 'bound',
        width: 1,
        dash: [4, 3],
      }),
      ...others.map((_, i) => lineMark(`other${i}`, 'rank', 'score', { colour: 'faint', width: 0.75 })),
      lineMark('all', 'rank', 'score', { colour: 'muted', width: 1.5 }),
      lineMark('inside', 'rank', 'score', { colour: 'kept', width: 2.5 }),
      textMark(`threshold ${number(epsilon)}`, [width, { scale: 'y', value: epsilon, offset: -5 }], 'bound', {
        align: 'right',
      }),
      textMark(`${kept} ${kept === 1 ? 'key' : 'keys'} in the set`, [8, height - 8], 'kept', { bold: true }),
    ],
  };
  return drawChart(spec, `Sorted scores of ${n} keys; ${kept} reach the threshold ${epsilon}.`);
}
