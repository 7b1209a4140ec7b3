/** Runs what is missing, some at a time in processes of their own, what others wait for first; each may be stopped at any moment. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Place } from './place.js';
import type { Report, Run } from './run.js';
import type { Settings } from './settings.js';

/** What a process of one run tells. */
export type Told = { readonly report: Report } | { readonly error: string };

/** Does one run to its end; a rejection says in one line why it could not. */
export type Worker = (run: Run, report: (report: Report) => void) => Promise<void>;

/** A process for each run, which ends when this one does. */
export function processes({ name }: Settings, { results, cache }: Place): Worker {
  const child = fileURLToPath(new URL('child.ts', import.meta.url));
  return (run, report) =>
    new Promise((resolve, reject) => {
      const worker = fork(child, [name, results, cache, run.name], { execArgv: ['--import', 'tsx'] });
      let reason = 'its process was killed';
      worker.on('message', (told: Told) => {
        if ('report' in told) report(told.report);
        else reason = told.error;
      });
      worker.on('error', reject);
      worker.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(reason))));
    });
}

/** What is to be done for some runs: they themselves where they have no result, and before them the runs that left nothing for them to read. */
export async function missingOf(asked: readonly Run[], place: Place): Promise<Run[]> {
  const undone = asked.filter((run) => !place.result(run));
  const missing = new Set<Run>();
  for (const artefact of undone.flatMap(({ reads }) => reads))
    if ((await artefact.read(place)) === undefined) missing.add(artefact.run);
  for (const run of undone) missing.add(run);
  return [...missing];
}

/** Whether a run has its result and what it leaves: another command may have done it since it was found missing. */
async function isFinished(run: Run, place: Place): Promise<boolean> {
  if (!place.result(run)) return false;
  for (const artefact of run.leaves ?? []) if ((await artefact.read(place)) === undefined) return false;
  return true;
}

/** How the schedule tells where it is: at every start and end, and from time to time between. */
export interface Teller {
  started(run: Run): void;
  ended(run: Run, error?: Error): void;
  reported(run: Run, report: Report): void;
}

/** Does the missing runs, `jobs` at a time; gives those that could not be done. */
export async function runAll(
  missing: readonly Run[],
  place: Place,
  work: Worker,
  jobs: number,
  teller: Teller,
): Promise<Run[]> {
  const waiting = new Set(missing);
  const left = new Set(missing);
  const failed: Run[] = [];
  const atWork = new Map<Run, Promise<void>>();
  const isReady = (run: Run) => run.reads.every(({ run: model }) => !left.has(model));
  async function execute(run: Run): Promise<void> {
    let error: Error | undefined;
    try {
      if (!(await isFinished(run, place))) {
        teller.started(run);
        await work(run, (report) => teller.reported(run, report));
      }
    } catch (thrown) {
      error = thrown as Error;
      failed.push(run);
    }
    place.unlock(run);
    teller.ended(run, error);
    atWork.delete(run);
    // What waits for a run that failed stays undone.
    if (!error) left.delete(run);
  }
  for (;;) {
    for (const run of waiting) {
      if (atWork.size >= jobs) break;
      if (!isReady(run)) continue;
      waiting.delete(run);
      if (place.lock(run)) atWork.set(run, execute(run));
      else {
        failed.push(run);
        teller.ended(run, new Error('another process is at work on it'));
      }
    }
    if (atWork.size === 0) return [...failed, ...waiting];
    await Promise.race(atWork.values());
  }
}
