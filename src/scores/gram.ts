/** The Gram matrix G = X^T X of all rows, in canonical blocks and a fixed binary tree of sums (docs/algorithms.md, section 2). */

import { GramSum } from '../kernels/gram-sum.js';
import { BLOCK_ROWS, type BlockPlan, FLUSH_ROWS, SINGLE_ROWS } from '../kernels/kernels.js';
import { passOver } from '../kernels/pass.js';
import type { KeyMatrix } from '../keys.js';
import type { Steps } from '../steps.js';

/** Unit roundoff of float64. */
export const UNIT_ROUNDOFF = 2 ** -53;

/**
 * Additions that an entry of G has been through at most: inside a block, and up the tree of blocks. With u the unit
 * roundoff each entry of G is off by at most depth u |X|^T |X|, to first order; one more covers the product's rounding.
 */
export function summationDepth(n: number): number {
  return FLUSH_ROWS + BLOCK_ROWS / FLUSH_ROWS + Math.ceil(Math.log2(Math.max(1, n / BLOCK_ROWS))) + 1;
}

/**
 * What a `single` plan adds to the depth, in units of float64: two entries rounded to float32, their product, SINGLE_ROWS - 1 additions and
 * FLUSH_ROWS / SINGLE_ROWS - 1 of their sums, and one more for terms of second order and for underflow, as long as no column is too short for
 * it (docs/algorithms.md, section 2).
 */
export const SINGLE_DEPTH = (SINGLE_ROWS + FLUSH_ROWS / SINGLE_ROWS + 2) * 2 ** 29;

/** Whether the squares of a column that sum to this neither overflow in float32 nor lose more to underflow than SINGLE_DEPTH has room for. */
export function hasSingleDigits(square: number): boolean {
  return square >= 2 ** -90 && square <= 2 ** 100;
}

/** Visits the canonical blocks of a matrix: rows [start, end) at multiples of BLOCK_ROWS. */
export function* eachBlock(
  n: number,
  phase: string,
  visit: (start: number, end: number) => void,
): Steps<void> {
  for (let start = 0; start < n; start += BLOCK_ROWS) {
    const end = Math.min(start + BLOCK_ROWS, n);
    visit(start, end);
    yield { phase, done: end, total: n };
  }
}

/**
 * G = sum_j x_j x_j^T, [width, width] row-major, with x_j = rowScale_j k_j after the plan's scaling and transform.
 * O(n d^2) time; memory O(width^2 log n), whatever the chunks of the matrix. NaN and infinity show on the diagonal.
 */
export function* gramOf(matrix: KeyMatrix, plan: BlockPlan, rowScale?: Float64Array): Steps<Float64Array> {
  const sums = new GramSum(plan.width ?? plan.d);
  yield* passOver({
    phase: 'gram',
    matrix,
    task: { kind: 'gram', plan },
    rowScale,
    collect: (levels) =>
      levels.forEach((sum, level) => {
        if (sum) sums.add(sum, level);
      }),
  });
  return sums.total();
}

/** The square roots of the diagonal: the norms of the columns. */
export function diagonalRoots(gram: Float64Array, width: number): Float64Array {
  const roots = new Float64Array(width);
  for (let c = 0; c < width; c++) roots[c] = Math.sqrt(gram[c * width + c]);
  return roots;
}

/** The rows and columns of a symmetric matrix that are kept. */
export function submatrix(gram: Float64Array, width: number, kept: readonly number[]): Float64Array {
  return Float64Array.from(
    { length: kept.length ** 2 },
    (_, i) => gram[kept[Math.floor(i / kept.length)] * width + kept[i % kept.length]],
  );
}
