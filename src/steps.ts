/** Long computations as generators that yield their progress, so that one body serves blocking callers, cooperative ones and threads. */

/** How far a long call is: `done` of `total` units of the named phase. */
export interface Progress {
  readonly phase: string;
  readonly done: number;
  readonly total: number;
  /** What is known by now, such as a loss. */
  readonly note?: string;
}

/** Options that every long call takes. */
export interface CallOptions {
  /** Aborts the call with the signal's reason; looked at between blocks of work. */
  readonly signal?: AbortSignal;
  /** Called between blocks of work, some milliseconds apart. */
  readonly onProgress?: (progress: Progress) => void;
  /**
   * Workers that share the passes over the keys, 1 to 256; 1, no worker at all, unless given. For the `...Async` functions and
   * `runAsync`: a blocking call has one thread. Results are the same to the last bit.
   *
   * Keys over a SharedArrayBuffer are shared as they are, all others are copied block by block as workers need them. Workers are
   * threads of Node or of a browser; they end when they have been idle for two seconds, and never keep Node alive. A bundler that
   * does not follow `new Worker(new URL(...))` needs a second entry, `levattention/worker`, as `worker.js` beside the bundle.
   */
  readonly threads?: number;
}

/** A computation that yields between blocks of work and returns its result. */
export type Steps<T> = Generator<Progress, T, void>;

/**
 * Runs to the end without giving up the thread. The signal can then change only inside `onProgress`.
 *
 * @param caller - opens messages
 * @throws TypeError for a signal or a callback that is none
 *
 * @example
 * ```ts
 * import { leverageScoresSteps, run } from 'levattention';
 *
 * const { rank } = run(leverageScoresSteps({ data: Float32Array.of(3, 0, 0, 1), shape: [2, 2] }));
 * rank; // => 2
 * ```
 */
export function run<T>(steps: Steps<T>, options?: CallOptions, caller = 'run'): T {
  const { signal, onProgress } = checkedCall(options, caller);
  signal?.throwIfAborted();
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    onProgress?.(step.value);
    signal?.throwIfAborted();
  }
}

/** The options of a call, checked; those that are null get their message from the steps themselves. */
export function checkedCall(options: CallOptions | null | undefined, caller: string): CallOptions {
  const call = options ?? {};
  const { signal, onProgress } = call;
  if (signal && typeof signal.throwIfAborted !== 'function')
    throw new TypeError(`${caller}: signal must be an AbortSignal, got ${String(signal)}`);
  if (onProgress && typeof onProgress !== 'function')
    throw new TypeError(`${caller}: onProgress must be a function, got ${String(onProgress)}`);
  return call;
}
