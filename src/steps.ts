/** Long computations as generators that yield their progress, so that one body serves blocking and cooperative callers. */

/** How far a long call is: `done` of `total` units of the named phase. */
export interface Progress {
  readonly phase: string;
  readonly done: number;
  readonly total: number;
}

/** Options that every long call takes. */
export interface CallOptions {
  /** Aborts the call with the signal's reason; looked at between blocks of work. */
  readonly signal?: AbortSignal;
  /** Called between blocks of work, some milliseconds apart. */
  readonly onProgress?: (progress: Progress) => void;
}

/** A computation that yields between blocks of work and returns its result. */
export type Steps<T> = Generator<Progress, T, void>;

/**
 * Runs to the end without giving up the thread. The signal can then change only inside `onProgress`.
 *
 * @example
 * ```ts
 * import { leverageScoresSteps, run } from 'levattention';
 *
 * const { rank } = run(leverageScoresSteps({ data: Float32Array.of(3, 0, 0, 1), shape: [2, 2] }));
 * rank; // => 2
 * ```
 */
export function run<T>(steps: Steps<T>, options?: CallOptions): T {
  // Options that are null get their message from the steps themselves.
  const { signal, onProgress } = options ?? {};
  signal?.throwIfAborted();
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    onProgress?.(step.value);
    signal?.throwIfAborted();
  }
}

/**
 * Runs to the end, letting timers, events and painting happen about every 20 ms.
 *
 * @example
 * ```ts
 * import { leverageScoresSteps, runAsync } from 'levattention';
 *
 * const { rank } = await runAsync(leverageScoresSteps({ data: Float32Array.of(3, 0, 0, 1), shape: [2, 2] }));
 * rank; // => 2
 * ```
 */
export async function runAsync<T>(steps: Steps<T>, options?: CallOptions): Promise<T> {
  const { signal, onProgress } = options ?? {};
  signal?.throwIfAborted();
  let resumed = performance.now();
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    onProgress?.(step.value);
    if (performance.now() - resumed > 20) {
      await new Promise((resolve) => setTimeout(resolve));
      resumed = performance.now();
    }
    signal?.throwIfAborted();
  }
}
