/** What a Gram cannot say: which input is not finite, which columns need scaling first, which rows it leaves unresolved. */
import type { KeyMatrix } from '../keys.js';
import type { Steps } from '../steps.js';
import { diagonalRoots, eachBlock, UNIT_ROUNDOFF } from './gram.js';

/** Whether a sum of squares has lost no digit to overflow or underflow. */
export function hasDigits(square: number): boolean {
  return square >= 1e-250 && square <= 1e290;
}

/**
 * A product of d terms is taken for rounding of its input, not for a number, up to this multiple of its terms' sizes: eight
 * times the rounding of inputs that were themselves computed as products of d terms.
 */
export function rounding(d: number): number {
  return 8 * (d + 8) * UNIT_ROUNDOFF;
}

/**
 * Powers of two that bring the columns near 1 where their squares would overflow or underflow; undefined where they do not.
 *
 * @throws RangeError where an entry is not finite.
 */
export function columnScaleFor(
  gram: Float64Array,
  matrix: KeyMatrix,
  where: string,
  rowScale?: Float64Array,
): Float64Array | undefined {
  const { n, d } = matrix;
  if (diagonalRoots(gram, d).every((root) => hasDigits(root * root))) return undefined;
  const largest = new Float64Array(d);
  for (let start = 0; start < n; start += 1024) {
    const end = Math.min(n, start + 1024);
    const rows = matrix.rows(start, end);
    for (let i = 0; i < rows.length; i++) {
      const row = start + Math.floor(i / d);
      if (!Number.isFinite(rows[i]))
        throw new RangeError(`${where} must be finite, got ${rows[i]} at row ${row}, column ${i % d}`);
      largest[i % d] = Math.max(largest[i % d], Math.abs(rows[i] * (rowScale ? rowScale[row] : 1)));
    }
  }
  return largest.map((value) =>
    value > 0 ? 2 ** -Math.max(-1000, Math.min(1000, Math.floor(Math.log2(value)))) : 1,
  );
}

/** Rows that stand out of the rounding along directions that were set aside, and how many such directions there are. */
export interface Unresolved {
  /** Ascending. */
  readonly rows: readonly number[];
  readonly directions: number;
}

/**
 * Rows with a component along a null direction N_i that is more than the rounding of the row itself, in coordinates with
 * unit columns: |<k_j, N_i>| > 8 (d + 8) u |k_j| |N_i|. Dropping them could lose a key that is alone in its direction.
 */
export function* unresolvedRows(
  matrix: KeyMatrix,
  nulls: readonly Float64Array[],
  sizes: Float64Array,
  columnScale: Float64Array | undefined,
  rowScale: Float64Array | undefined,
): Steps<Unresolved> {
  if (nulls.length === 0) return { rows: [], directions: 0 };
  const { n, d } = matrix;
  const unit = sizes.map((size, c) => (size > 0 ? (columnScale ? columnScale[c] : 1) / size : 0));
  const directions = nulls.map((column) => {
    const direction = column.map((entry, c) => entry * sizes[c]);
    const norm = Math.hypot(...direction);
    return direction.map((entry) => entry / norm);
  });
  const threshold = rounding(d);
  const rows: number[] = [];
  const found = new Set<Float64Array>();
  const key = new Float64Array(d);
  yield* eachBlock(n, 'unresolved', (start, end) => {
    const block = matrix.rows(start, end);
    for (let j = start; j < end; j++) {
      if (rowScale && rowScale[j] === 0) continue;
      let square = 0;
      for (let c = 0; c < d; c++) {
        key[c] = block[(j - start) * d + c] * unit[c];
        square += key[c] * key[c];
      }
      const norm = Math.sqrt(square);
      const along = directions.filter((direction) => Math.abs(dot(key, direction)) > threshold * norm);
      if (along.length === 0) continue;
      rows.push(j);
      for (const direction of along) found.add(direction);
    }
  });
  return { rows, directions: Math.min(found.size, rows.length) };
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
