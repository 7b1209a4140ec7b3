/** What the threads tell each other. */
import type { Floats } from '../keys.js';
import type { BlockTask, Parts } from './task.js';

/** Begins a job: what is done to each run, and all rows where both sides see them. */
export interface Begin {
  readonly job: number;
  readonly task: BlockTask;
  readonly shared?: Floats;
}

/** Rows [start, end) of a job, with the rows themselves where they are not shared. */
export interface Run {
  readonly job: number;
  readonly start: number;
  readonly end: number;
  readonly rows?: Floats;
  readonly rowScale?: Float64Array;
}

/** Ends a job. */
export interface End {
  readonly job: number;
}

export type ToWorker = Begin | Run | End;

/** What a run gave, with its rows for the next one; or why it failed. */
export type FromWorker = { readonly job: number } & (
  | { readonly start: number; readonly part: Parts[keyof Parts]; readonly rows?: Floats }
  | { readonly error: string }
);
