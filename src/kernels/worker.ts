/** The worker's side of the threads: does tasks to the runs that it is sent. */
import { matrixOver } from '../keys.js';
import { type AttendKind, performAttend } from './attend-task.js';
import type { AttendRun, Begin, FromWorker, RowRun, Run, ToWorker } from './messages.js';
import { workerThreads } from './platform.js';
import { SomeRows } from './some-rows.js';
import { type BlockTask, performer } from './task.js';

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

/** What is done to runs of rows. */
function rowRunner({ job, shared }: Begin, task: BlockTask): (run: Run) => void {
  const { d } = task.plan;
  const perform = performer(task);
  const all = shared && matrixOver(shared, shared.length / d, d);
  return ({ index, input }) => {
    const { start, end, indices, rows, rowScale } = input as RowRun;
    const seen = indices ? new SomeRows(all!, indices).rows(0, end - start) : all?.rows(start, end);
    const part = perform((rows ?? seen)!, rowScale);
    reply({ job, index, part, rows }, rows ? [rows.buffer as ArrayBuffer] : []);
  };
}

/** What is done to calls of attention. */
function attendRunner({ job }: Begin, kind: AttendKind): (run: Run) => void {
  return ({ index, input }) => {
    const part = (input as AttendRun).map((plan) => performAttend[kind](plan as never));
    const buffers = part
      .flatMap((arrays) => Object.values(arrays))
      .flatMap((array) => (array ? [array.buffer as ArrayBuffer] : []));
    reply({ job, index, part }, buffers);
  };
}

function receive(message: ToWorker): void {
  const { job } = message;
  try {
    if ('input' in message) jobs.get(job)?.(message);
    else if (!('task' in message)) jobs.delete(job);
    else {
      const { task } = message;
      jobs.set(job, 'plan' in task ? rowRunner(message, task) : attendRunner(message, task.kind));
    }
  } catch (error) {
    reply({ job, error: error instanceof Error ? error.message : String(error) });
  }
}

if (port) port.on('message', receive);
else scope.onmessage = ({ data }) => receive(data);
