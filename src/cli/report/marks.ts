/** The few kinds of marks that the charts are made of, in Vega's terms. */
import type { Mark, NumericValueRef } from 'vega';
import { type Colour, colour } from './palette.js';

/** A place along one axis: in pixels, or a number on a scale. */
export type Place = number | NumericValueRef;

/** How a line is drawn. */
export interface Stroke {
  readonly colour: Colour;
  readonly width: number;
  readonly dash?: number[];
}

/** How a text is set, besides its place. */
export interface Lettering {
  readonly align?: 'left' | 'center' | 'right';
  readonly baseline?: 'middle' | 'alphabetic';
  readonly size?: number;
  readonly bold?: boolean;
  readonly angle?: number;
  readonly lift?: number;
}

function ref(place: Place): NumericValueRef {
  return typeof place === 'number' ? { value: place } : place;
}

function strokeProperties({ colour: name, width, dash }: Stroke) {
  return {
    stroke: { value: colour(name) },
    strokeWidth: { value: width },
    ...(dash && { strokeDash: { value: dash } }),
  };
}

/** A line through the rows of a data set, on the scales x and y. */
export function lineMark(data: string, x: string, y: string, stroke: Stroke): Mark {
  return {
    type: 'line',
    from: { data },
    encode: {
      enter: {
        x: { scale: 'x', field: x },
        y: { scale: 'y', field: y },
        strokeJoin: { value: 'round' },
        ...strokeProperties(stroke),
      },
    },
  };
}

/** The area between two fields of a data set, or between one and a height in pixels. */
export function areaMark(data: string, x: string, y: string, y2: Place, fill: Colour): Mark {
  return {
    type: 'area',
    from: { data },
    encode: {
      enter: {
        x: { scale: 'x', field: x },
        y: { scale: 'y', field: y },
        y2: ref(y2),
        fill: { value: colour(fill) },
      },
    },
  };
}

/** A straight line between two points. */
export function ruleMark([x, y]: [Place, Place], [x2, y2]: [Place, Place], stroke: Stroke): Mark {
  return {
    type: 'rule',
    encode: { enter: { x: ref(x), y: ref(y), x2: ref(x2), y2: ref(y2), ...strokeProperties(stroke) } },
  };
}

/** One line of text. */
export function textMark(
  text: string,
  [x, y]: [Place, Place],
  fill: Colour,
  lettering: Lettering = {},
): Mark {
  const { align = 'left', baseline = 'alphabetic', size = 11, bold = false, angle = 0, lift = 0 } = lettering;
  return {
    type: 'text',
    encode: {
      enter: {
        x: ref(x),
        y: ref(y),
        dy: { value: -lift },
        text: { value: text },
        align: { value: align },
        baseline: { value: baseline },
        angle: { value: angle },
        fontSize: { value: size },
        fontWeight: { value: bold ? 600 : 400 },
        fill: { value: colour(fill) },
      },
    },
  };
}

/** A shape in SVG's path language: many rectangles or needles as one mark. */
export function pathMark(path: string, paint: { fill: Colour } | Stroke): Mark {
  const properties = 'fill' in paint ? { fill: { value: colour(paint.fill) } } : strokeProperties(paint);
  return { type: 'path', encode: { enter: { path: { value: path }, ...properties } } };
}
