/**
 * Keys with fewer rows than columns in coordinates of their row space, K = L Q with few columns in L: scores depend on L alone
 * (docs/algorithms.md, section 2: fewer rows than columns).
 *
 * Rows that are proved to be independent are each alone in a direction, so L = I. Otherwise, where there are many columns, Q holds what one
 * row after the other adds to those before it, the largest first, in twice the precision; what that cannot tell is unresolved, and kept.
 */
import { ArrayMatrix, type KeyMatrix } from '../keys.js';
import type { Steps } from '../steps.js';
import { differentRows } from './different-rows.js';
import { addMultiple, type Doubled, doubled, doubledProduct } from './doubled.js';
import { eachBlock, gramOf, summationDepth, UNIT_ROUNDOFF } from './gram.js';
import { gramFactor } from './gram-factor.js';
import { largestOf } from './scaling.js';
import { columnScale, hasDigits, largestEntries } from './screening.js';
import { rounding } from './unresolved.js';

/** L, [n, r] row-major. */
export class RowCoordinates extends ArrayMatrix {
  constructor(
    data: Float64Array,
    n: number,
    r: number,
    /** Error of a column's entries, relative to its norm. */
    readonly entryError: number,
    /** Rows that others may or may not lean on, for all that can be told: their score is taken as 1. */
    readonly unresolved: readonly number[],
  ) {
    super(data, n, r);
  }
}

/** L at the numerical rank, and with numbers at face value: the same where there is no difference. */
export interface RowSpaces {
  readonly numerical: RowCoordinates;
  readonly faceValue: RowCoordinates;
}

/** Rows of unit size in columns of unit size: row j of K, columns scaled, is 2^exponent times it. */
interface Row {
  readonly index: number;
  readonly exponent: number;
  readonly entries: Float64Array;
}

/** With fewer columns the Gram of columns is affordable, and tells more than coordinates of the rows. */
const MANY_COLUMNS = 128;

/** Rows this far below the largest of their columns are not compared with them. */
const LEAST_EXPONENT = -500;

/**
 * Both L of the rows with active_j other than 0; undefined for few columns, where rows are not certainly independent. `where` opens error messages.
 * O(n^2 d), and some thirty times as much where rows depend on others.
 *
 * @throws RangeError with row and column where a key is not finite.
 */
export function* rowSpaces(
  matrix: KeyMatrix,
  where: string,
  active?: Float64Array,
): Steps<RowSpaces | undefined> {
  const { n, d } = matrix;
  const largest = largestEntries(matrix, where, active);
  const { rows, far } = yield* unitRows(matrix, columnScale(largest), active);
  if (yield* areIndependent(rows, d)) {
    const columns = rows.map((_, t) => new Float64Array(rows.length).fill(1, t, t + 1));
    const both = coordinates(n, rows, { columns, unresolved: [], entryError: 0 }, far);
    return { numerical: both, faceValue: both };
  }
  if (d <= MANY_COLUMNS) return undefined;
  const faceThreshold = 8 * ((d + 8) * UNIT_ROUNDOFF) ** 2;
  // What columns measure in the given coordinates, beside the largest.
  const most = largestOf(largest);
  const given = largest.map((value) => value / most);
  const found = yield* eliminate(rows, given, rounding(d));
  const numerical = coordinates(n, rows, found, far);
  const open = found.rest > faceThreshold || found.unresolved.length > 0;
  let exact = open ? yield* eliminate(rows, given, faceThreshold) : found;
  // What is left of a row may be less than twice the precision tells. It is zero for certain where all are copies of those that are taken.
  if (differentRows(matrix, active) > exact.columns.length)
    exact = { ...exact, unresolved: [...exact.unresolved, ...exact.dependent] };
  return { numerical, faceValue: exact === found ? numerical : coordinates(n, rows, exact, far) };
}

/** The rows that are not zero, scaled by powers of two; and those that are too small beside others to be scaled. */
function* unitRows(
  matrix: KeyMatrix,
  scale: Float64Array,
  active?: Float64Array,
): Steps<{ rows: Row[]; far: number[] }> {
  const { n, d } = matrix;
  const rows: Row[] = [];
  const far: number[] = [];
  yield* eachBlock(n, 'rows', (start, end) => {
    const block = matrix.rows(start, end);
    for (let index = start; index < end; index++) {
      const key = block.subarray((index - start) * d, (index - start + 1) * d);
      if (active?.[index] === 0 || key.every((entry) => entry === 0)) continue;
      const entries = scale.map((factor, c) => factor * key[c]);
      const exponent = Math.floor(Math.log2(largestOf(entries)));
      if (exponent < LEAST_EXPONENT) far.push(index);
      else rows.push({ index, exponent, entries: entries.map((entry) => entry * 2 ** -exponent) });
    }
  });
  return { rows, far };
}

/** True only where it is proved: the Gram of the rows' scalar products is certainly definite. */
function* areIndependent(rows: readonly Row[], d: number): Steps<boolean> {
  const r = rows.length;
  if (r === 0) return true;
  const transposed: KeyMatrix = {
    n: d,
    d: r,
    rows(start, end) {
      const out = new Float64Array((end - start) * r);
      rows.forEach(({ entries }, i) => {
        for (let c = start; c < end; c++) out[(c - start) * r + i] = entries[c];
      });
      return out;
    },
  };
  return gramFactor(yield* gramOf(transposed, { d: r }), r, summationDepth(d)) !== undefined;
}

/** Columns of L over the rows. */
interface Elimination {
  readonly columns: readonly Float64Array[];
  readonly unresolved: readonly number[];
  /** Rows of which nothing is left but for rounding. */
  readonly dependent?: readonly number[];
  readonly entryError: number;
}

/**
 * Gram-Schmidt on the rows: the pivot is the largest of what is left of the rows, of those of which more than `threshold` is left, and is taken out
 * of the others; `rest` is the most that is left in the end. What is left is a part of the row's own size, with columns of unit size or as they are
 * given, whichever is more; as they are given, only beyond the rounding of what was taken out.
 *
 * A part of a row along a pivot that is below the threshold of the row, and yet not small beside the pivot, is left out, and the pivot is unresolved.
 * So is a row of which rounding may hide, in the given coordinates, more than the threshold.
 */
function* eliminate(
  rows: readonly Row[],
  given: Float64Array,
  threshold: number,
): Steps<Required<Elimination> & { rest: number }> {
  const d = given.length;
  const left = rows.map(({ entries }) => doubled(entries.slice()));
  const sizeOf = (i: number) => norm(left[i].high);
  const givenSizeOf = (i: number) => norm(left[i].high.map((entry, c) => entry * given[c]));
  const sizes = rows.map((_, i) => sizeOf(i));
  const givenSizes = rows.map((_, i) => givenSizeOf(i));
  // What rounding may be in what is left of each row, as given.
  const blur = new Float64Array(rows.length);
  const remaining = new Set(rows.keys());
  const columns: Float64Array[] = [];
  const unresolved: number[] = [];
  // What is left of a row is off by this part of it.
  const error = 8 * d * UNIT_ROUNDOFF ** 2;
  let entryError = UNIT_ROUNDOFF;
  for (;;) {
    let [best, height, rest] = [-1, Number.NEGATIVE_INFINITY, 0];
    for (const i of remaining) {
      const size = sizeOf(i);
      let share = size / sizes[i];
      if (share <= threshold) {
        const givenSize = givenSizeOf(i);
        // A row may vanish in the given coordinates.
        if (givenSize > blur[i]) share = Math.max(share, givenSize / (givenSizes[i] || 1));
      }
      rest = Math.max(rest, share);
      const own = Math.log2(size) + rows[i].exponent;
      if (share > threshold && own > height) [best, height] = [i, own];
    }
    if (best < 0) {
      const dependent: number[] = [];
      for (const i of remaining)
        (blur[i] > threshold * givenSizes[i] ? unresolved : dependent).push(rows[i].index);
      return { columns, unresolved, dependent, rest, entryError };
    }
    remaining.delete(best);
    const pivot = left[best];
    const square = product(pivot, pivot);
    const size = Math.sqrt(square);
    const givenSize = givenSizeOf(best);
    let columnError = 0;
    const column = new Float64Array(rows.length);
    column[best] = 1;
    // Products with what is too small to be squared have no digits.
    const usable = hasDigits(square);
    let hidden = !usable;
    for (const i of usable ? remaining : []) {
      // Twice: the rounding of the first part, and of its product, is as small as the second.
      for (const multiply of [product, doubledProduct]) {
        const part = multiply(left[i], pivot) / square;
        column[i] += part;
        if (part !== 0) addMultiple(left[i], -part, pivot);
      }
      // The part is off by the rounding of the row that it was, however little is left of it.
      blur[i] += Math.abs(column[i]) * blur[best] + (error * sizes[i] * givenSize) / size;
      const own = Math.abs(column[i]) * size;
      const beside = Math.abs(column[i]) * 2 ** (rows[i].exponent - rows[best].exponent);
      if (own <= threshold * sizes[i] && beside > rounding(d)) {
        column[i] = 0;
        hidden = true;
      }
      columnError = Math.hypot(
        columnError,
        (error * sizes[i] * 2 ** (rows[i].exponent - rows[best].exponent)) / size,
      );
    }
    entryError = Math.max(entryError, columnError);
    if (hidden) unresolved.push(rows[best].index);
    columns.push(column);
    yield { phase: 'rows', done: columns.length, total: rows.length };
  }
}

/** |x|, whatever the scale. */
function norm(x: Float64Array): number {
  const largest = largestOf(x);
  let sum = 0;
  for (const entry of x) sum += (entry / (largest || 1)) ** 2;
  return largest * Math.sqrt(sum);
}

function product({ high: x }: Doubled, { high: y }: Doubled): number {
  let sum = 0;
  for (let c = 0; c < x.length; c++) sum += x[c] * y[c];
  return sum;
}

/** L over all rows of the matrix, at their scales; rows that are far below the others are unresolved, in columns of their own. */
function coordinates(
  n: number,
  rows: readonly Row[],
  { columns, unresolved, entryError }: Elimination,
  far: readonly number[],
): RowCoordinates {
  const r = Math.max(1, columns.length + far.length);
  const data = new Float64Array(n * r);
  columns.forEach((column, t) => {
    rows.forEach(({ index, exponent }, i) => {
      data[index * r + t] = column[i] * 2 ** exponent;
    });
  });
  far.forEach((index, t) => {
    data[index * r + columns.length + t] = 1;
  });
  return new RowCoordinates(data, n, r, entryError, [...unresolved, ...far]);
}
