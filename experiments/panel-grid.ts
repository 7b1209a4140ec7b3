/** What charts of several panels share: the frame of each panel in its place, and the key of all strokes below. */
import type { GroupMark, Mark } from 'vega';
import { ruleMark, type Stroke, textMark } from '../src/cli/report/marks.js';

/** Panels of one size, in rows of some columns. */
export interface Grid {
  readonly columns: number;
  readonly width: number;
  readonly height: number;
  readonly gap: { readonly x: number; readonly y: number };
}

/** Panel i, empty. */
export function panelFrame({ columns, width, height, gap }: Grid, i: number) {
  const [x, y] = [(i % columns) * (width + gap.x), Math.floor(i / columns) * (height + gap.y)];
  return {
    type: 'group',
    encode: {
      enter: { x: { value: x }, y: { value: y }, width: { value: width }, height: { value: height } },
    },
    signals: [
      { name: 'width', update: String(width) },
      { name: 'height', update: String(height) },
    ],
  } as const satisfies GroupMark;
}

/** Names with their strokes, in rows of some columns, and how high the chart is with it. */
export function keyBelow(
  { columns, height, gap }: Grid,
  panels: number,
  strokes: readonly (readonly [name: string, stroke: Stroke])[],
  key: { readonly columns: number; readonly width: number; readonly row: number },
): { readonly marks: Mark[]; readonly height: number } {
  const below = Math.ceil(panels / columns) * (height + gap.y);
  const marks = strokes.flatMap(([name, stroke], i): Mark[] => {
    const [x, y] = [(i % key.columns) * key.width, below + Math.floor(i / key.columns) * key.row];
    return [
      ruleMark([x, y], [x + 26, y], stroke),
      textMark(name, [x + 32, y], 'ink', { baseline: 'middle' }),
    ];
  });
  return { marks, height: below + Math.ceil(strokes.length / key.columns) * key.row };
}
