/** Runs long computations without blocking, their passes over the keys on several threads where that is asked for. */
import { type CallOptions, checkedCall, type Steps } from '../steps.js';
import { offeredWith } from './pass.js';
import { rowWork } from './row-work.js';
import { shareOut } from './share-out.js';

/** More workers than any machine that this is for has cores. */
export const MOST_THREADS = 256;

/**
 * Runs to the end, letting timers, events and painting happen between pieces of work once 20 ms have passed. Most pieces take some
 * milliseconds; sorting for a `top` of 200,000 keys, rows against many queries, and factors of many hundred columns take some hundred.
 * With `threads`, passes over the keys are done by that many workers, and the result is the same to the last bit.
 *
 * @param caller - opens messages
 * @throws RangeError unless `threads` is a whole number from 1 to 256; Error where a worker cannot be started or ends early
 *
 * @example
 * ```ts
 * import { leverageScoresSteps, runAsync } from 'levattention';
 *
 * const { rank } = await runAsync(leverageScoresSteps({ data: Float32Array.of(3, 0, 0, 1), shape: [2, 2] }));
 * rank; // => 2
 * ```
 */
export async function runAsync<T>(steps: Steps<T>, options?: CallOptions, caller = 'runAsync'): Promise<T> {
  const { signal, onProgress, threads = 1 } = checkedCall(options, caller);
  if (!(Number.isInteger(threads) && threads >= 1 && threads <= MOST_THREADS))
    throw new RangeError(
      `${caller}: threads must be a whole number from 1 to ${MOST_THREADS}, got ${threads}`,
    );
  signal?.throwIfAborted();
  let resumed = performance.now();
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    const offered = threads > 1 ? offeredWith(step.value) : undefined;
    if (offered) {
      const { offer } = offered;
      const work = typeof offer === 'function' ? offer(threads) : rowWork(offer, threads);
      await shareOut(work, { threads, signal, onProgress, caller });
      offered.taken = true;
      resumed = performance.now();
    } else {
      onProgress?.(step.value);
      if (performance.now() - resumed > 20) {
        await new Promise((resolve) => setTimeout(resolve));
        resumed = performance.now();
      }
    }
    signal?.throwIfAborted();
  }
}
