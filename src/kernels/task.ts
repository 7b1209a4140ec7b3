/** What is done to a run of whole blocks of rows, told by plain data: the same on this thread and on a worker. */
import type { Floats } from '../keys.js';
import { GramSum } from './gram-sum.js';
import { BLOCK_ROWS, type BlockPlan } from './kernels.js';
import { kernels } from './load.js';
import { type Passed, type SievePlan, sieve } from './sieve.js';

/** What each kind of task finds in a run of rows that begins with a block. */
export interface Parts {
  /** The levels of a {@link GramSum} of X^T X. */
  gram: (Float64Array | undefined)[];
  /** |W x_i|^2 of each row. */
  scores: Float64Array;
  /** The rows that a sieve leaves, counted from the first row of the run. */
  sieve: Passed;
}

/** What each kind of task is told. */
export interface Plans {
  gram: BlockPlan;
  scores: BlockPlan;
  sieve: SievePlan;
}

/** A kind of work and its plan; can be sent to a worker. */
export interface BlockTask<K extends keyof Parts = keyof Parts> {
  readonly kind: K;
  readonly plan: Plans[K];
}

/** Does a task to runs of rows, row i multiplied by rowScale[i]. */
export type Performer<K extends keyof Parts> = (rows: Floats, rowScale?: Float64Array) => Parts[K];

/** What makes a performer of each kind. */
const performers: { readonly [K in keyof Parts]: (plan: Plans[K]) => Performer<K> } = {
  gram(plan) {
    const kernel = kernels().blocks(plan);
    const width = plan.width ?? plan.d;
    return (rows, rowScale) => {
      const sums = new GramSum(width);
      for (const [start, end] of blocksOf(rows, plan)) {
        const sum = new Float64Array(width * width);
        kernel.gram(rows.subarray(start * plan.d, end * plan.d), sum, rowScale?.subarray(start, end));
        sums.add(sum);
      }
      return sums.levels;
    };
  },
  scores(plan) {
    const kernel = kernels().blocks(plan);
    return (rows, rowScale) => {
      const scores = new Float64Array(rows.length / plan.d);
      for (const [start, end] of blocksOf(rows, plan)) {
        const block = rows.subarray(start * plan.d, end * plan.d);
        kernel.scores(block, scores.subarray(start, end), rowScale?.subarray(start, end));
      }
      return scores;
    };
  },
  sieve(plan) {
    const pass = sieve(plan);
    return (rows) => {
      const passed: Passed = { positions: [], scores: [] };
      for (const [start, end] of blocksOf(rows, plan))
        pass(rows.subarray(start * plan.d, end * plan.d), passed, start);
      return passed;
    };
  },
};

/** Rows [start, end) of each block. */
function* blocksOf(rows: Floats, { d }: BlockPlan): Generator<readonly [start: number, end: number]> {
  const count = rows.length / d;
  for (let start = 0; start < count; start += BLOCK_ROWS) yield [start, Math.min(start + BLOCK_ROWS, count)];
}

/** Prepares a task for many runs. */
export function performer<K extends keyof Parts>({ kind, plan }: BlockTask<K>): Performer<K> {
  return performers[kind](plan);
}
