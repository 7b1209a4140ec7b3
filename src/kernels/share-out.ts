/** One pass on several workers: hands out its runs, and collects what they give in their order. */
import type { Floats } from '../keys.js';
import type { CallOptions } from '../steps.js';
import type { FromWorker, Run, RunResult, Task } from './messages.js';
import { type Seat, takeSeats } from './pool.js';

/** On how many workers, and who opens error messages. */
export interface Sharing extends CallOptions {
  readonly threads: number;
  readonly caller: string;
}

/** A pass in runs that do not depend on each other. */
export interface Work {
  readonly phase: string;
  readonly total: number;
  readonly runs: number;
  /** Runs for each worker that may be handed out beyond what is collected: bounds what is held. */
  readonly ahead: number;
  readonly task: Task;
  /** Rows that all runs are of, where workers see them. */
  readonly shared?: Floats;
  /** What a worker is told of a run, and the memory that goes with it. */
  input(index: number): { readonly input: Run['input']; readonly transfer: ArrayBuffer[] };
  /** Takes what the runs give, in their order; returns how much of the total is done. */
  collect(part: RunResult, index: number): number;
  /** Takes the memory of the input of a run. */
  giveBack?(rows: Floats): void;
}

/** Runs that a worker has before it, so that it need not wait for this thread. */
const QUEUE = 2;

let jobs = 0;

/**
 * Does the work of a pass. Rejects with the signal's reason as soon as it is aborted, and with one line where a
 * worker fails; what is under way then is dropped.
 */
export async function shareOut(work: Work, { threads, signal, onProgress, caller }: Sharing): Promise<void> {
  const { phase, total, runs, ahead, task, shared } = work;
  const job = jobs++;
  const parts = new Map<number, RunResult>();
  const seats = takeSeats(Math.min(threads, runs));
  const queued = new Map<Seat, number>(seats.map((seat) => [seat, 0]));
  let handed = 0;
  let collected = 0;

  function hand(seat: Seat): void {
    const index = handed++;
    const { input, transfer } = work.input(index);
    queued.set(seat, (queued.get(seat) ?? 0) + 1);
    seat.post({ job, index, input }, transfer);
  }

  function feed(): void {
    const most = Math.min(runs, collected + ahead * seats.length);
    for (let length = 0; length < QUEUE; length++)
      for (const [seat, count] of queued) if (count === length && handed < most) hand(seat);
  }

  function receive(seat: Seat, message: Extract<FromWorker, { index: number }>): void {
    parts.set(message.index, message.part);
    if (message.rows) work.giveBack?.(message.rows);
    queued.set(seat, (queued.get(seat) ?? 0) - 1);
    // A progress callback may abort.
    while (!signal?.aborted) {
      const part = parts.get(collected);
      if (part === undefined) break;
      parts.delete(collected);
      const done = work.collect(part, collected);
      collected++;
      onProgress?.({ phase, done, total });
    }
    feed();
  }

  let abort: (() => void) | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const fail = (reason: string) =>
        reject(new Error(`${caller}: a worker failed: ${reason.split('\n')[0]}`));
      abort = () => reject(signal?.reason);
      signal?.addEventListener('abort', abort);
      const client = {
        fail,
        receive(seat: Seat, message: FromWorker) {
          // What a caller's function or matrix throws in here ends the call, not the process.
          try {
            if ('error' in message) return fail(message.error);
            receive(seat, message);
            if (collected === runs) resolve();
          } catch (error) {
            reject(error);
          }
        },
      };
      for (const seat of seats) seat.begin({ job, task, shared }, client);
      feed();
    });
  } finally {
    if (abort) signal?.removeEventListener('abort', abort);
    for (const seat of seats) seat.end(job);
  }
}
