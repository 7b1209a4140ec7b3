/** Rows that stand out of the rounding along directions that were set aside (docs/algorithms.md, section 2: what counts as rank). */
import type { KeyMatrix } from '../keys.js';
import type { Steps } from '../steps.js';
import { accurateDot, doubledDot } from './accurate-dot.js';
import { type Doubled, doubled } from './doubled.js';
import { eachBlock, UNIT_ROUNDOFF } from './gram.js';

/**
 * A sum of d terms is taken for rounding of its input, not for a number, up to this multiple of its terms' sizes: eight
 * times the rounding of inputs that were themselves computed as products of d terms.
 */
export function rounding(d: number): number {
  return 8 * (d + 8) * UNIT_ROUNDOFF;
}

/** Rows that are left open again and again, being of ever other scales, are judged among themselves so many times. */
export const MOST_SCALES = 4;

/** Steps of refinement of a null direction; each leaves about 1e-10 of its error. */
const REFINEMENTS = 2;

/** Where to look: rows k_j scaled, the directions set aside, and Z with K Z orthonormal for what is resolved. */
export interface Search {
  readonly matrix: KeyMatrix;
  readonly columnScale?: Float64Array;
  /** The column scales, where there are any, relative to the least: what brings keys back to the given coordinates, but for one factor. */
  readonly given?: Float64Array;
  readonly rowScale?: Float64Array;
  /** Norms of the scaled columns. */
  readonly sizes: Float64Array;
  /** Relative error of the entries of the rows. */
  readonly entryError: number;
  readonly nulls: readonly Float64Array[];
  /** [d, width] row-major. */
  readonly resolved: Float64Array;
  readonly width: number;
}

/**
 * The rows j with |<k_j,N>| > 8 (d + 8) u |D k_j| |D^-1 N| for a direction N that was set aside, ascending, with D the scaling to the given
 * coordinates or to unit columns: more than the rounding of the row itself, so that it may be alone in that direction. Rows of scale 0 are passed over.
 *
 * Before rows are judged by it, N is made orthogonal to the resolved directions: N -= Z (K Z)^T (K N), from accurate products.
 */
export function* unresolvedRows(search: Search): Steps<readonly number[]> {
  const { matrix, nulls, sizes } = search;
  const { d } = matrix;
  const threshold = rounding(d);
  const directions = nulls.map((direction) => direction.slice());
  for (let step = 0; step < REFINEMENTS; step++) yield* refine(search, directions);
  // Entries of a direction that are rounding themselves, in coordinates with unit columns, are none.
  for (const direction of directions) {
    const size = Math.hypot(...direction.map((entry, c) => entry * sizes[c]));
    for (let c = 0; c < d; c++) if (Math.abs(direction[c] * sizes[c]) <= threshold * size) direction[c] = 0;
  }
  return yield* rowsBeyond(search, directions.map(doubled), threshold);
}

/**
 * The rows that stand out of the rounding of a precision along a direction, ascending: |<k, N>| > threshold |D k| |D^-1 N|, with D the scaling to the given
 * coordinates or to unit columns. Rows of scale 0 are passed over.
 */
export function* rowsBeyond(
  search: Search,
  directions: readonly Doubled[],
  threshold: number,
): Steps<number[]> {
  const { matrix, sizes, given } = search;
  const rows: number[] = [];
  if (directions.length === 0) return rows;
  const squares = (entry: (c: number) => number) => {
    let sum = 0;
    for (let c = 0; c < matrix.d; c++) sum += entry(c) ** 2;
    return sum;
  };
  const along = directions.map(({ high }) => [
    squares((c) => high[c] * (given?.[c] ?? 1)),
    squares((c) => high[c] * sizes[c]),
  ]);
  yield* eachKey(search, (key, j) => {
    const square = squares((c) => key[c] / (given?.[c] ?? 1));
    const unitSquare = squares((c) => (sizes[c] > 0 ? key[c] / sizes[c] : 0));
    const standsOut = ({ high, low }: Doubled, i: number) => {
      const product = Math.abs(doubledDot(key, 0, high, low, matrix.d));
      const [inGiven, inUnits] = [square * along[i][0], unitSquare * along[i][1]];
      // Written so that squares beyond float64 do not count.
      return product > threshold * Math.sqrt(inGiven < inUnits ? inGiven : inUnits);
    };
    if (directions.some(standsOut)) rows.push(j);
  });
  return rows;
}

/** Takes what the resolved directions explain of K N out of each N. */
function* refine(search: Search, directions: readonly Float64Array[]): Steps<void> {
  const { matrix, rowScale, resolved, width } = search;
  const { d } = matrix;
  const explained = directions.map(() => new Float64Array(width));
  const x = new Float64Array(width);
  yield* eachKey(search, (key, j) => {
    const weight = rowScale ? rowScale[j] ** 2 : 1;
    x.fill(0);
    for (let c = 0; c < d; c++) for (let a = 0; a < width; a++) x[a] += key[c] * resolved[c * width + a];
    directions.forEach((direction, i) => {
      const along = weight * accurateDot(key, 0, direction, 0, d);
      for (let a = 0; a < width; a++) explained[i][a] += along * x[a];
    });
  });
  directions.forEach((direction, i) => {
    for (let c = 0; c < d; c++)
      for (let a = 0; a < width; a++) direction[c] -= resolved[c * width + a] * explained[i][a];
  });
}

/** Row i of a block, columns scaled. */
export function scaledRow(
  { matrix, columnScale }: Pick<Search, 'matrix' | 'columnScale'>,
  block: ArrayLike<number>,
  i: number,
  key: Float64Array,
): void {
  const { d } = matrix;
  for (let c = 0; c < d; c++) key[c] = block[i * d + c] * (columnScale ? columnScale[c] : 1);
}

/** Visits the rows whose scale is not 0, columns scaled. */
function* eachKey(search: Search, visit: (key: Float64Array, j: number) => void): Steps<void> {
  const { matrix, rowScale } = search;
  const key = new Float64Array(matrix.d);
  yield* eachBlock(matrix.n, 'unresolved', (start, end) => {
    const block = matrix.rows(start, end);
    for (let j = start; j < end; j++) {
      if (rowScale?.[j] === 0) continue;
      scaledRow(search, block, j - start, key);
      visit(key, j);
    }
  });
}
