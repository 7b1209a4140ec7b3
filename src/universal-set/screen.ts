/** Rows against a certified factor of other rows: those that may still be heavy pass (docs/algorithms.md, sections 2 and 7). */
import { BLOCK_ROWS, type BlockKernel } from '../kernels/kernels.js';
import { kernels } from '../kernels/load.js';
import { type Floats, type KeyMatrix, matrixOver } from '../keys.js';
import { upperScore } from '../scores/factor.js';
import type { GramFactor } from '../scores/gram-factor.js';
import { type Filter, filtersFor } from './filters.js';
import { rowsAt } from './indexed-rows.js';

/** A factor with a threshold. */
export class Screen {
  private readonly kernel: BlockKernel;
  private readonly filters = new Map<unknown, readonly Filter[]>();

  constructor(
    readonly factor: GramFactor,
    readonly width: number,
    readonly threshold: number,
  ) {
    this.kernel = kernels().blocks({ d: width, factor: factor.factor });
  }

  /** Positions of the rows whose score by this factor may reach the threshold, ascending. */
  pass(matrix: KeyMatrix): number[] {
    const passed: number[] = [];
    for (let start = 0; start < matrix.n; start += BLOCK_ROWS) {
      const block = matrix.rows(start, Math.min(matrix.n, start + BLOCK_ROWS));
      for (const i of this.passBlock(block)) passed.push(start + i);
    }
    return passed;
  }

  /** |W x|^2 of each row. */
  scores(matrix: KeyMatrix): Float64Array {
    const scores = new Float64Array(matrix.n);
    for (let start = 0; start < matrix.n; start += BLOCK_ROWS) {
      this.kernel.load(matrix.rows(start, Math.min(matrix.n, start + BLOCK_ROWS)));
      this.kernel.scores(scores.subarray(start, start + BLOCK_ROWS));
    }
    return scores;
  }

  private passBlock(block: Floats): number[] {
    const { width } = this;
    let left = Array.from({ length: block.length / width }, (_, i) => i);
    let rows = block;
    for (const filter of this.filtersFor(block)) {
      const passed = filter.pass(rows);
      if (passed === undefined || passed.length === left.length) continue;
      left = passed.map((i) => left[i]);
      if (left.length === 0) return left;
      rows = rowsAt(block, width, left);
    }
    const scores = this.scores(matrixOver(rows, left.length, width));
    // Written so that a NaN would pass.
    return left.filter((_, i) => !(upperScore(this.factor, scores[i]) < this.threshold));
  }

  /** Filters learn from the rows they see, and depend on the type of these. */
  private filtersFor(block: Floats): readonly Filter[] {
    const { factor, width, threshold } = this;
    let found = this.filters.get(block.constructor);
    if (!found) {
      const plan = { d: width, factor: factor.factor };
      const matrix = matrixOver(block, block.length / width, width);
      found = filtersFor({ ...factor, rank: width, width, matrix, plan, unresolved: [] }, threshold);
      this.filters.set(block.constructor, found);
    }
    return found;
  }
}
