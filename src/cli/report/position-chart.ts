/** Where in the sequence the kept keys lie: the score of every key by position, and one row for each selector or head. */
import type { Mark } from 'vega';
import { drawChart } from './chart.js';
import type { HeadFigures } from './figures.js';
import { pathMark, textMark } from './marks.js';
import type { Colour } from './palette.js';
import { strokeOf } from './selector-chart.js';

const width = 640;

/** At most this many columns: in longer sequences neighbouring positions share one. */
const columns = 640;

interface Row {
  readonly label: string;
  readonly colour: Colour;
  readonly indices: readonly number[];
  /** Positions from here on are kept whatever is chosen. */
  readonly end?: number;
}

/** Runs of equally filled columns: `share` is the part of their positions that is kept. */
export function runs(indices: readonly number[], n: number): { start: number; end: number; share: number }[] {
  const size = Math.ceil(n / columns);
  const filled = new Uint32Array(Math.ceil(n / size));
  for (const index of indices) filled[Math.floor(index / size)]++;
  const found: { start: number; end: number; share: number }[] = [];
  filled.forEach((count, column) => {
    const start = column * size;
    const end = Math.min(n, start + size);
    const share = count / (end - start);
    const before = found.at(-1);
    if (before?.end === start && before.share === share) found[found.length - 1] = { ...before, end };
    else if (share > 0) found.push({ start, end, share });
  });
  return found;
}

function rectangle(x: number, y: number, w: number, h: number): string {
  return `M${round(x)},${round(y)}h${round(w)}v${round(h)}h${round(-w)}Z`;
}

function round(x: number): number {
  return Math.round(x * 10) / 10;
}

/** The kept positions of a row: a column that is kept in part is filled in part, from below. */
function keptPath(indices: readonly number[], n: number, top: number, height: number): string {
  const pixels = width / n;
  return runs(indices, n)
    .map(({ start, end, share }) => {
      const filled = height * Math.max(0.2, share);
      const gap = pixels > 3 ? 0.5 : 0;
      return rectangle(
        start * pixels,
        top + height - filled,
        Math.max(1.6, (end - start) * pixels - gap),
        filled,
      );
    })
    .join('');
}

function rowMarks(rows: readonly Row[], n: number, top: number, pitch: number): Mark[] {
  const height = pitch - (pitch > 8 ? 2 : 1);
  // Where rows are thinner than letters, only some carry a label.
  const every = Math.ceil(9 / pitch);
  return rows.flatMap(({ label, colour, indices, end = n }, i): Mark[] => {
    const y = top + i * pitch;
    return [
      pathMark(rectangle(0, y, width, height), { fill: 'track' }),
      pathMark(rectangle((end / n) * width, y, (1 - end / n) * width, height), { fill: 'line' }),
      pathMark(keptPath(indices, n, y, height), { fill: colour }),
      textMark(i % every === 0 ? label : '', [-8, y + height / 2], colour === 'kept' ? 'muted' : colour, {
        align: 'right',
        baseline: 'middle',
        size: Math.min(11, pitch * every),
      }),
    ];
  });
}

function draw(n: number, height: number, marks: Mark[], description: string): Promise<string> {
  return drawChart(
    {
      width,
      height,
      padding: { left: 124, right: 12, top: 10, bottom: 44 },
      scales: [{ name: 'x', type: 'linear', range: 'width', domain: [0, n], nice: false }],
      axes: [{ scale: 'x', orient: 'bottom', title: 'position in the sequence', tickCount: 8, format: ',d' }],
      marks,
    },
    description,
  );
}

/** Needles of height proportional to the score; in long sequences the tallest of each column. */
function needles(scores: Float64Array, wanted: (index: number) => boolean, tall: number): string {
  const n = scores.length;
  const size = Math.ceil(n / columns);
  const top = scores.reduce((a, b) => Math.max(a, b), 0);
  let path = '';
  for (let start = 0; start < n; start += size) {
    let best = 0;
    for (let i = start; i < Math.min(n, start + size); i++) if (wanted(i)) best = Math.max(best, scores[i]);
    if (best <= top * 0.005) continue;
    path += `M${round(((start + size / 2) / n) * width)},${tall}V${round(tall * (1 - best / top))}`;
  }
  return path;
}

/** SVG for one head: its scores by position, then the keys that each selector keeps of the first `prompt` ones. */
export function positionChart(
  { label, n, scores, kept, picks }: HeadFigures,
  prompt: number,
): Promise<string> {
  const tall = 64;
  const pitch = 15;
  const rows: Row[] = [
    { label: `universal set (${kept.length})`, colour: 'kept', indices: kept },
    ...picks.map(({ selector, indices }) => ({
      label: selector,
      colour: strokeOf(selector).colour,
      indices,
      end: prompt,
    })),
  ];
  const inside = new Set(kept);
  const thickness = Math.max(0.8, Math.min(2, (width / n) * 0.8));
  const marks = [
    pathMark(
      needles(scores, (i) => !inside.has(i), tall),
      { colour: 'faint', width: thickness },
    ),
    pathMark(
      needles(scores, (i) => inside.has(i), tall),
      { colour: 'kept', width: thickness },
    ),
    textMark('score', [-8, tall / 2], 'muted', { align: 'right', baseline: 'middle' }),
    ...rowMarks(rows, n, tall + 8, pitch),
  ];
  return draw(
    n,
    tall + 8 + rows.length * pitch,
    marks,
    `Positions of the keys that each selector keeps, ${label}.`,
  );
}

/** SVG for all heads: one row a head, its universal set by position. */
export function overviewChart(heads: readonly Pick<HeadFigures, 'label' | 'n' | 'kept'>[]): Promise<string> {
  const n = Math.max(...heads.map((head) => head.n));
  const pitch = heads.length <= 24 ? 14 : heads.length <= 64 ? 9 : 5;
  const rows = heads.map(({ label, kept }): Row => ({ label, colour: 'kept', indices: kept }));
  const description = `Positions of the universal set of each of ${heads.length} heads.`;
  return draw(n, heads.length * pitch, rowMarks(rows, n, 0, pitch), description);
}
