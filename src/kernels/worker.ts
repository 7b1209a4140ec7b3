/** The worker's side of the threads: does tasks to the runs of rows that it is sent. */
import type { FromWorker, Run, ToWorker } from './messages.js';
import { workerThreads } from './platform.js';
import { performer } from './task.js';

/** The other side in a browser: the global scope. */
interface Scope {
  onmessage: (event: { readonly data: ToWorker }) => void;
  postMessage(message: FromWorker, transfer: ArrayBuffer[]): void;
}

const port = workerThreads()?.parentPort;
const scope = globalThis as unknown as Scope;

/** What is done to a run of each job. */
const jobs = new Map<number, (run: Run) => void>();

function reply(message: FromWorker, transfer: ArrayBuffer[] = []): void {
  (port ?? scope).postMessage(message, transfer);
}

function receive(message: ToWorker): void {
  const { job } = message;
  try {
    if ('start' in message) jobs.get(job)?.(message);
    else if (!('task' in message)) jobs.delete(job);
    else {
      const { task, shared } = message;
      const { d } = task.plan;
      const perform = performer(task);
      jobs.set(job, ({ start, end, rows, rowScale }) => {
        const part = perform(rows ?? shared!.subarray(start * d, end * d), rowScale);
        reply({ job, start, part, rows }, rows ? [rows.buffer as ArrayBuffer] : []);
      });
    }
  } catch (error) {
    reply({ job, error: error instanceof Error ? error.message : String(error) });
  }
}

if (port) port.on('message', receive);
else scope.onmessage = ({ data }) => receive(data);
