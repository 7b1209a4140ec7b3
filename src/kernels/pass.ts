/** Passes that a generator offers to a runner with workers, and does itself where nobody takes them. */
import type { KeyMatrix } from '../keys.js';
import type { Progress, Steps } from '../steps.js';
import { BLOCK_ROWS } from './kernels.js';
import type { Work } from './share-out.js';
import { type BlockTask, type Parts, performer } from './task.js';

/** A pass over a matrix that a runner with workers may do in place of the generator that offers it. */
export interface Offer<K extends keyof Parts = keyof Parts> {
  readonly phase: string;
  readonly matrix: KeyMatrix;
  readonly task: BlockTask<K>;
  readonly rowScale?: Float64Array;
  /** Takes the parts of runs that follow each other, each of 2^k blocks but for the last one. */
  collect(part: Parts[K], start: number): void;
}

/** A pass on offer, and whether somebody has done it. */
export interface Offered {
  /** The step of the generator that it goes with. */
  readonly step: Progress;
  /** The pass over rows, or what makes runs of another pass for a number of workers. */
  readonly offer: Offer | ((threads: number) => Work);
  taken: boolean;
}

/** Beside the progress that it comes with, so that progress stays plain data. */
const offers = new WeakMap<Progress, Offered>();

/** Offers a pass to a runner with workers, with a step that is to be yielded. */
export function offering(step: Progress, offer: Offered['offer']): Offered {
  const offered = { step, offer, taken: false };
  offers.set(step, offered);
  return offered;
}

/** The pass on offer with a step of a generator. */
export function offeredWith(step: Progress): Offered | undefined {
  return offers.get(step);
}

/**
 * One pass over the blocks of a matrix: by the workers of the runner where it has any, otherwise here. Parts are collected in the
 * order of the rows, so what they add up to does not depend on who made them.
 */
export function* passOver<K extends keyof Parts>(offer: Offer<K>): Steps<void> {
  const { phase, matrix, task, rowScale } = offer;
  const total = matrix.n;
  if (total > BLOCK_ROWS) {
    const offered = offering({ phase, done: 0, total }, offer as Offer);
    yield offered.step;
    if (offered.taken) return;
  }
  const perform = performer(task);
  for (let start = 0; start < total; start += BLOCK_ROWS) {
    const done = Math.min(start + BLOCK_ROWS, total);
    offer.collect(perform(matrix.rows(start, done), rowScale?.subarray(start, done)), start);
    yield { phase, done, total };
  }
}
