/** Leverage scores of small, well-conditioned matrices, without the machinery that others need (docs/algorithms.md, section 2). */
import { BLOCK_ROWS, type LeverageKernel } from '../kernels/kernels.js';
import { leverageKernel } from '../kernels/leverage.js';
import type { Floats, KeyMatrix } from '../keys.js';
import { errorsOf } from './certificate.js';
import { ACCURACY, marginAt } from './factor.js';
import { summationDepth, UNIT_ROUNDOFF } from './gram.js';
import { columnScale, hasDigits } from './screening.js';

/** What is known of the scores. */
export interface SmallLeverage {
  /** [n], in [0, 1]. */
  readonly scores: Float64Array;
  /** As many as columns, that of ones included, or as rows. */
  readonly rank: number;
  /** Certified bound of the error of every score. */
  readonly margin: number;
}

/**
 * The scores of at most BLOCK_ROWS rows and columns, where a Gram by itself is proved to tell them, of the columns or, where there are fewer rows, of the
 * rows; undefined for others: of lower rank, ill-conditioned, out of the range of squares or not finite. The same bytes as by `factorize`.
 * O(n d min(n, d)).
 */
export function smallLeverage(keys: KeyMatrix, isCentred: boolean): SmallLeverage | undefined {
  const { n, d } = keys;
  const width = isCentred ? d + 1 : d;
  if (Math.max(n, width) > BLOCK_ROWS) return undefined;
  const kernel = leverageKernel();
  const rows = keys.rows(0, n);
  if (n < width) return areIndependent(kernel, rows, d, isCentred) ? alone(n) : undefined;
  const errors = factorOf(kernel, rows, d, isCentred);
  if (!errors) return undefined;
  const scores = kernel.scores().slice();
  for (let j = 0; j < n; j++) if (scores[j] > 1) scores[j] = 1;
  return { scores, rank: width, margin: marginAt(errors, 1) };
}

/** The first two steps of the kernel, and what is proved of the scores that the third gives; undefined where that is not enough. */
function factorOf(kernel: LeverageKernel, rows: Floats, d: number, isCentred: boolean) {
  const roots = kernel.gram(rows, d, isCentred).map(Math.sqrt);
  const width = roots.length;
  const scale = new Float64Array(width);
  for (let c = 0; c < width; c++) {
    if (!hasDigits(roots[c] * roots[c])) return undefined;
    // Unit columns by powers of two, which round nothing.
    scale[c] = 2 ** -Math.round(Math.log2(roots[c]));
    roots[c] *= scale[c];
  }
  const growth = kernel.factor(scale, roots, width * UNIT_ROUNDOFF);
  const errors = errorsOf(growth, 0, width, summationDepth(rows.length / d));
  return errors && errors.gramError <= ACCURACY / 4 ? errors : undefined;
}

/** Whether fewer rows than columns are proved to be independent, with columns scaled as for `rowSpaces`. */
function areIndependent(kernel: LeverageKernel, rows: Floats, d: number, isCentred: boolean): boolean {
  const n = rows.length / d;
  const width = isCentred ? d + 1 : d;
  const largest = new Float64Array(width).fill(1);
  for (let c = 0; c < d; c++) {
    let most = 0;
    // A NaN stays in Math.max.
    for (let at = c; at < rows.length; at += d) most = Math.max(most, Math.abs(rows[at]));
    largest[c] = most;
  }
  const scale = columnScale(largest);
  const transposed = new Float64Array(width * n).fill(1);
  for (let c = 0; c < d; c++) for (let i = 0; i < n; i++) transposed[c * n + i] = scale[c] * rows[i * d + c];
  return factorOf(kernel, transposed, n, false) !== undefined;
}

/** The scores of n rows each alone in a direction: exactly 1. */
function alone(n: number): SmallLeverage {
  const errors = errorsOf(Math.sqrt(n), 0, n, summationDepth(n))!;
  return { scores: new Float64Array(n).fill(1), rank: n, margin: marginAt(errors, 1) };
}
