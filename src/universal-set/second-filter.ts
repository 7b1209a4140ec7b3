/** The second of two passes: rows that are heavy by the Gram of all, and parts that need not be read for it (docs/algorithms.md, sections 2, 6 and 7). */
import type { Keys } from '../keys.js';
import { marginAt } from '../scores/factor.js';
import { UNIT_ROUNDOFF } from '../scores/gram.js';
import type { GramFactor } from '../scores/gram-factor.js';
import type { GramSummary } from './gram-summary.js';
import { Screen } from './screen.js';
import { type HeavyRows, heavyByFactor } from './second-pass.js';
import { checkOffset, matrixOf } from './sketch-options.js';

/** What is of second order in the bounds, and the rounding of the bounds themselves. */
const SLACK = 1 + 2 ** -20;

/** Rows and parts of a matrix, judged by the Gram of all its rows. */
export class GramFilter {
  private readonly screen: Screen;

  private constructor(
    private readonly all: GramSummary,
    private readonly factor: GramFactor,
    readonly epsilon: number,
  ) {
    this.screen = new Screen(factor, all.shape.width, epsilon);
  }

  /** The filter at a threshold; undefined where the Gram does not certify scores. */
  static of(all: GramSummary, epsilon: number): GramFilter | undefined {
    const factor = all.factor();
    return factor && new GramFilter(all, factor, epsilon);
  }

  /** Relative margin of the scores at the threshold. */
  get margin(): number {
    return marginAt(this.factor, this.epsilon);
  }

  /** Rank of all rows: columns that are not zero. */
  get rank(): number {
    return this.all.shape.width - this.factor.zero.length;
  }

  /**
   * The keys among rows offset .. offset + n - 1 that can reach the threshold, with their scores among all. O(n d^2).
   *
   * @throws TypeError or RangeError, one line: for another number of columns, a number that is not finite, or rows that are certainly not of the Gram.
   */
  filter(keys: Keys, offset: number): HeavyRows {
    const { all } = this;
    const matrix = matrixOf(keys, all.d, 'filter');
    checkOffset(offset, matrix.n, 'filter');
    if (!all.ranges.covers(offset, offset + matrix.n))
      throw new RangeError(
        `filter: the keys must be rows of the Gram, and rows ${offset} to ${offset + matrix.n - 1} are not all in it`,
      );
    return heavyByFactor(this.screen, all.shape, matrix, offset);
  }

  /**
   * An upper bound of the summed score of a part, sum_j tau_j <= (1 + relative) tr(W G_p W^T), G_p its Gram: where it is below the threshold, no row of the
   * part is heavy. O(d^3).
   *
   * The computed G_p is off by depth u s s^T, s the norms of its columns, and the trace, as computed, by (3 d + 8) u times the same sum over sizes:
   * with g^2 = sum_i (|w_i|^T s)^2 the trace is at most the computed one and (depth + 3 d + 8) u g^2.
   *
   * @throws RangeError, one line, for a Gram that is certainly not of rows of all.
   */
  summedScore(part: GramSummary): number {
    const { all, factor } = this;
    const { width } = all.shape;
    if (
      part.d !== all.d ||
      part.centre !== all.centre ||
      !part.ranges.list.every(([a, b]) => all.ranges.covers(a, b))
    )
      throw new RangeError('summedScore: the part must be of rows of all, and is of others');
    const { gram } = part;
    // A part whose Gram is lost makes that of all be lost.
    if (!gram) throw new RangeError('summedScore: the part must be of rows of all, and its Gram is lost');
    if (factor.zero.some((c) => gram[c * width + c] > 0))
      throw new RangeError('summedScore: the part must be of rows of all, where a column is zero');
    const { trace, sizes } = traceOf(factor.factor, gram, width);
    const rounding = (part.depth + 3 * width + 8) * UNIT_ROUNDOFF * sizes;
    return Math.max(0, (trace + rounding * SLACK) * (1 + factor.relative)) * SLACK;
  }
}

/** tr(W G W^T), and the same with the sizes of all terms. W is lower triangular. */
function traceOf(w: Float64Array, gram: Float64Array, width: number): { trace: number; sizes: number } {
  const norms = Float64Array.from({ length: width }, (_, c) => Math.sqrt(gram[c * width + c]));
  let [trace, sizes] = [0, 0];
  for (let i = 0; i < width; i++) {
    let size = 0;
    for (let a = 0; a <= i; a++) {
      const wa = w[i * width + a];
      if (wa === 0) continue;
      let product = 0;
      for (let b = 0; b <= i; b++) product += gram[a * width + b] * w[i * width + b];
      trace += wa * product;
      size += Math.abs(wa) * norms[a];
    }
    sizes += size * size;
  }
  return { trace, sizes };
}
