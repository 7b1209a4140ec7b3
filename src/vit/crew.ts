/** Who does the pieces of a step: this thread, or workers that share the parameters with it. */
import { workerThreads } from '../kernels/platform.js';
import type { Score } from './loss.js';
import { type Job, Replica, type Shared } from './replica.js';

/** Does pieces of work. */
export interface Crew {
  /** The score of each job, in their order, whoever did it. `onDone` is told how many are done; what it throws ends the run. */
  run(jobs: readonly Job[], version: number, onDone?: (done: number) => void): Promise<Score[]>;
  close(): Promise<void>;
}

/** Longest time between two looks at timers and signals. */
const BREATH_MS = 20;

/** A crew of this thread alone. */
export function soloCrew(shared: Shared): Crew {
  const replica = new Replica(shared);
  let resumed = performance.now();
  return {
    async run(jobs, version, onDone) {
      const scores: Score[] = [];
      for (const job of jobs) {
        scores.push(replica.run(job, version));
        onDone?.(scores.length);
        if (performance.now() - resumed < BREATH_MS) continue;
        await new Promise((resolve) => setTimeout(resolve));
        resumed = performance.now();
      }
      return scores;
    },
    close: async () => {},
  };
}

/** What a worker is told: first what it shares, then jobs. */
export type ToCrew = { readonly shared: Shared } | { readonly job: Job; readonly version: number };

/** What a worker answers to a job. */
export type FromCrew = { readonly score: Score } | { readonly error: Error };

/** What is used of a worker of Node. */
interface CrewWorker {
  postMessage(message: ToCrew): void;
  on(event: 'message', listener: (message: FromCrew) => void): void;
  on(event: 'error' | 'messageerror', listener: (error: Error) => void): void;
  on(event: 'exit', listener: (code: number) => void): void;
  terminate(): Promise<number>;
}

/**
 * A crew of so many workers of Node. What is shared must lie in SharedArrayBuffers: workers read the parameters and write gradients in place.
 *
 * @throws Error where there are no workers, as in a browser
 */
export function workerCrew(shared: Shared, threads: number): Crew {
  const node = workerThreads();
  if (!node) throw new Error('workerCrew: workers must be those of Node');
  const Worker = node.Worker as unknown as new (file: URL, options: { execArgv: string[] }) => CrewWorker;
  const workers = Array.from({ length: threads }, () => {
    const worker = new Worker(new URL('./vit-worker.js', import.meta.url), { execArgv: [] });
    worker.postMessage({ shared });
    return worker;
  });
  let receive: ((worker: CrewWorker, score: Score) => void) | undefined;
  let fail: (error: Error) => void = () => {};
  const lost = (reason: string) => fail(new Error(`workerCrew: ${reason}`));
  for (const worker of workers) {
    worker.on('message', (message) =>
      'error' in message ? fail(message.error) : receive?.(worker, message.score),
    );
    worker.on('error', (error) => lost(error.message));
    worker.on('messageerror', (error) => lost(error.message));
    worker.on('exit', (code) => lost(`a worker ended with exit code ${code}`));
  }
  return {
    run: (jobs, version, onDone) =>
      new Promise((resolve, reject) => {
        const scores: Score[] = new Array(jobs.length);
        const at = new Map<CrewWorker, number>();
        let next = 0;
        let done = 0;
        fail = reject;
        function give(worker: CrewWorker): void {
          if (next === jobs.length) return;
          at.set(worker, next);
          worker.postMessage({ job: jobs[next++], version });
        }
        receive = (worker, score) => {
          scores[at.get(worker)!] = score;
          done++;
          try {
            onDone?.(done);
          } catch (error) {
            reject(error);
            return;
          }
          if (done === jobs.length) resolve(scores);
          else give(worker);
        };
        if (jobs.length === 0) resolve(scores);
        for (const worker of workers) give(worker);
      }),
    async close() {
      fail = () => {};
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}
