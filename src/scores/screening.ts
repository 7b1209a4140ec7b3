/** What a Gram cannot say: which input is not finite, and which columns need scaling first. */
import type { KeyMatrix } from '../keys.js';
import { diagonalRoots } from './gram.js';

/** Whether a sum of squares has lost no digit to overflow or underflow. */
export function hasDigits(square: number): boolean {
  return square >= 1e-250 && square <= 1e290;
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
  if (diagonalRoots(gram, matrix.d).every((root) => hasDigits(root * root))) return undefined;
  return columnScale(largestEntries(matrix, where, rowScale));
}

/** Powers of two that bring columns of these largest entries near 1. */
export function columnScale(largest: Float64Array): Float64Array {
  return largest.map((value) =>
    value > 0 ? 2 ** -Math.max(-1000, Math.min(1000, Math.floor(Math.log2(value)))) : 1,
  );
}

/**
 * The largest magnitude in each column of the rows rowScale_j k_j.
 *
 * @throws RangeError where an entry is not finite.
 */
export function largestEntries(matrix: KeyMatrix, where: string, rowScale?: Float64Array): Float64Array {
  const { n, d } = matrix;
  const largest = new Float64Array(d);
  for (let start = 0; start < n; start += 1024) {
    const end = Math.min(n, start + 1024);
    const rows = matrix.rows(start, end);
    for (let i = 0; i < rows.length; i++) {
      const row = start + Math.floor(i / d);
      if (!Number.isFinite(rows[i]))
        throw new RangeError(`${where} must be finite, got ${rows[i]} at row ${row}, column ${i % d}`);
      const scale = rowScale ? rowScale[row] : 1;
      // What underflows is not zero: kernels scale columns first.
      const size = Math.abs(rows[i] * scale) || (rows[i] && scale && Number.MIN_VALUE);
      largest[i % d] = Math.max(largest[i % d], size);
    }
  }
  return largest;
}
