/** The Gram of rows that come one by one, and certified factors of it whenever one is wanted (docs/algorithms.md, sections 2 and 6). */

import { GramSum } from '../kernels/gram-sum.js';
import { FLUSH_ROWS } from '../kernels/kernels.js';
import { kernels } from '../kernels/load.js';
import { certify } from './certificate.js';
import { diagonalRoots, submatrix } from './gram.js';
import { scaleBoth, scaleColumns } from './scaling.js';
import { hasDigits } from './screening.js';

/** W of the rows so far, over the columns that are not zero in all of them: W G W^T = I + M, |M| <= gramError. */
export interface PrefixFactor {
  /** The columns that W is over, ascending. */
  readonly columns: Int32Array;
  /** [width, width] row-major, lower triangular. */
  readonly inverse: Float64Array;
  /** [width]: norms of the columns. */
  readonly sizes: Float64Array;
  /** g = | |W| s |, s the column norms. */
  readonly growth: number;
  readonly gramError: number;
}

/** A factor that is known less well than this decides too little. */
const ACCURACY = 1e-6;

/** Rows in, factors out: O(d^2) a row, O(d^3) a factor, O(d^2 log n) memory. */
export class GrowingGram {
  /** Whether a column has had an entry other than zero. */
  private readonly live: Uint8Array;
  private readonly pending: Float64Array;
  private waiting = 0;
  private flushed = 0;
  private added = 0;
  private readonly sum: GramSum;

  constructor(private readonly d: number) {
    this.live = new Uint8Array(d);
    this.pending = new Float64Array(FLUSH_ROWS * d);
    this.sum = new GramSum(d);
  }

  /** Columns that have had an entry other than zero. */
  get width(): number {
    return this.live.reduce((sum, one) => sum + one, 0);
  }

  get rows(): number {
    return this.added;
  }

  add(row: Float64Array): void {
    this.added++;
    for (let c = 0; c < this.d; c++) if (row[c] !== 0) this.live[c] = 1;
    this.pending.set(row, this.waiting * this.d);
    if (++this.waiting === FLUSH_ROWS) this.flush();
  }

  /**
   * A factor of all rows so far; undefined where the Gram is not certainly definite over the columns that are not all zero: fewer
   * rows than these, dependent or ill-conditioned ones, squares beyond the range of float64.
   */
  factor(): PrefixFactor | undefined {
    const { d } = this;
    this.flush();
    const columns = Int32Array.from(this.live.keys()).filter((c) => this.live[c] === 1);
    const r = columns.length;
    const gram = submatrix(this.sum.total(), d, Array.from(columns));
    const sizes = diagonalRoots(gram, r);
    if (!sizes.every((size) => hasDigits(size * size))) return undefined;
    const scale = sizes.map((size) => 2 ** -Math.round(Math.log2(size)));
    // One chain of additions in a block, and the tree of blocks with the sum over its levels.
    const depth = FLUSH_ROWS + 4 + Math.ceil(Math.log2(this.flushed + 1));
    const certified = certify(scaleBoth(gram, r, scale), r, new Float64Array(r), depth);
    if (!certified || !(certified.gramError <= ACCURACY)) return undefined;
    const { growth, gramError } = certified;
    return { columns, inverse: scaleColumns(certified.inverse, r, scale), sizes, growth, gramError };
  }

  private flush(): void {
    if (this.waiting === 0) return;
    const kernel = kernels().blocks({ d: this.d });
    const block = new Float64Array(this.d * this.d);
    kernel.gram(this.pending.subarray(0, this.waiting * this.d), block);
    this.sum.add(block);
    this.waiting = 0;
    this.flushed++;
  }
}
