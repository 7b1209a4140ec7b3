/** Rows against a certified factor of other rows: those that may still be heavy pass (docs/algorithms.md, sections 2 and 7). */
import { BLOCK_ROWS, type BlockKernel, type BlockPlan } from '../kernels/kernels.js';
import { kernels } from '../kernels/load.js';
import type { Passed } from '../kernels/sieve.js';
import type { Floats, KeyMatrix } from '../keys.js';
import type { GramFactor } from '../scores/gram-factor.js';
import { screenFor, screening } from './screening.js';

/** Rows that a factor is expected to see before it is replaced; only speed depends on it. */
const EXPECTED_ROWS = 16 * BLOCK_ROWS;

/** A factor with a threshold. */
export class Screen {
  private readonly plan: BlockPlan;
  private readonly kernel: BlockKernel;
  private passBlock: ((rows: Floats) => Passed) | undefined;

  constructor(
    readonly factor: GramFactor,
    readonly width: number,
    readonly threshold: number,
  ) {
    this.plan = { d: width, factor: factor.factor };
    this.kernel = kernels().blocks(this.plan);
  }

  /** Positions of the rows whose score by this factor may reach the threshold, ascending. */
  pass(matrix: KeyMatrix): number[] {
    const passed: number[] = [];
    for (let start = 0; start < matrix.n; start += BLOCK_ROWS) {
      const block = matrix.rows(start, Math.min(matrix.n, start + BLOCK_ROWS));
      this.passBlock ??= this.passing(block);
      for (const i of this.passBlock(block).positions) passed.push(start + i);
    }
    return passed;
  }

  /** |W x|^2 of each row. */
  scores(matrix: KeyMatrix): Float64Array {
    const scores = new Float64Array(matrix.n);
    for (let start = 0; start < matrix.n; start += BLOCK_ROWS) {
      const block = matrix.rows(start, Math.min(matrix.n, start + BLOCK_ROWS));
      this.kernel.scores(block, scores.subarray(start, start + BLOCK_ROWS));
    }
    return scores;
  }

  /** Cheap bounds are chosen by the first block. */
  private passing(sample: Floats): (rows: Floats) => Passed {
    const { factor, plan, threshold } = this;
    return screening(screenFor({ ...factor, plan }, threshold, sample, EXPECTED_ROWS));
  }
}
