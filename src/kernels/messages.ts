/** What the threads tell each other. */
import type { Floats } from '../keys.js';
import type { AttendKind, AttendParts, AttendPlans } from './attend-task.js';
import type { BlockTask, Parts } from './task.js';

/** What is done to each run of a job. */
export type Task = BlockTask | { readonly kind: AttendKind };

/** Begins a job: what is done to each run, and for tasks of rows all rows where both sides see them. */
export interface Begin {
  readonly job: number;
  readonly task: Task;
  readonly shared?: Floats;
}

/** Rows [start, end) of a matrix; with the rows themselves where they are not shared, and with their indices where they are some of those that are. */
export interface RowRun {
  readonly start: number;
  readonly end: number;
  readonly indices?: readonly number[];
  readonly rows?: Floats;
  readonly rowScale?: Float64Array;
}

/** Some calls of the kernels for attention. */
export type AttendRun = readonly AttendPlans[AttendKind][];

/** One of the runs of a job, which are numbered. */
export interface Run {
  readonly job: number;
  readonly index: number;
  readonly input: RowRun | AttendRun;
}

/** Ends a job. */
export interface End {
  readonly job: number;
}

export type ToWorker = Begin | Run | End;

/** What came of a run: the part of a run of rows, or one for each call. */
export type RunResult = Parts[keyof Parts] | readonly AttendParts[AttendKind][];

/** What a run gave, with its rows for the next one; or why it failed. */
export type FromWorker = { readonly job: number } & (
  | { readonly index: number; readonly part: RunResult; readonly rows?: Floats }
  | { readonly error: string }
);
