/** Leverage scores of small, well-conditioned matrices, without the machinery that others need (docs/algorithms.md, section 2). */
import { BLOCK_ROWS } from '../kernels/kernels.js';
import { leverageKernel } from '../kernels/leverage.js';
import type { KeyMatrix } from '../keys.js';
import { errorsOf } from './certificate.js';
import { ACCURACY, marginAt } from './factor.js';
import { summationDepth, UNIT_ROUNDOFF } from './gram.js';
import { hasDigits } from './screening.js';

/** What is known of the scores. */
export interface SmallLeverage {
  /** [n], in [0, 1]. */
  readonly scores: Float64Array;
  /** All columns, with that of ones. */
  readonly rank: number;
  /** Certified bound of the error of every score. */
  readonly margin: number;
}

/**
 * The scores of at most BLOCK_ROWS rows, no fewer than columns, of which a Gram by itself is proved to give the scores; undefined for others: of lower
 * rank, ill-conditioned, out of the range of squares or not finite. The same bytes as by `factorize`. O(n d^2).
 */
export function smallLeverage(keys: KeyMatrix, isCentred: boolean): SmallLeverage | undefined {
  const { n, d } = keys;
  const width = isCentred ? d + 1 : d;
  if (n < width || n > BLOCK_ROWS) return undefined;
  const kernel = leverageKernel();
  const roots = kernel.gram(keys.rows(0, n), d, isCentred).map(Math.sqrt);
  const scale = new Float64Array(width);
  for (let c = 0; c < width; c++) {
    if (!hasDigits(roots[c] * roots[c])) return undefined;
    // Unit columns by powers of two, which round nothing.
    scale[c] = 2 ** -Math.round(Math.log2(roots[c]));
    roots[c] *= scale[c];
  }
  const growth = kernel.factor(scale, roots, width * UNIT_ROUNDOFF);
  const errors = errorsOf(growth, 0, width, summationDepth(n));
  if (!(errors.gramError <= ACCURACY / 4)) return undefined;
  const scores = kernel.scores().slice();
  for (let j = 0; j < n; j++) if (scores[j] > 1) scores[j] = 1;
  return { scores, rank: width, margin: marginAt(errors, 1) };
}
