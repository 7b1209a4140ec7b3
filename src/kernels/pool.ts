/** The workers of this process or page: started when a job needs them, ended when idle or when one of them fails. */
import type { Begin, FromWorker, ToWorker } from './messages.js';
import { workerThreads } from './platform.js';

/** Who has begun a job on a worker. */
export interface Client {
  /** Takes what came of a run. */
  receive(seat: Seat, message: FromWorker): void;
  /** The worker has ended, for this reason. */
  fail(reason: string): void;
}

/** Workers stay for the next job this long: starting one takes longer than many a job. */
const IDLE_MS = 2000;

/** Where the worker's code is, from the file that this one is bundled into. */
let workerFile: string | URL = './worker.js';
let seats: Seat[] = [];
let idle: ReturnType<typeof setTimeout> | undefined;

/** Replaces the worker's file, for tests, and ends the workers that run another one; returns that which was in use. */
export function useWorkerFile(next: string | URL): string | URL {
  const before = workerFile;
  workerFile = next;
  endAll();
  return before;
}

/** Workers for a job; each must be left by `end`. */
export function takeSeats(count: number): Seat[] {
  clearTimeout(idle);
  while (seats.length < count) seats.push(new Seat());
  return seats.slice(0, count);
}

function endAll(): void {
  for (const seat of seats) seat.terminate();
  seats = [];
}

/** One worker, and the jobs that it works for. */
export class Seat {
  private readonly clients = new Map<number, Client>();
  private readonly worker: ReturnType<typeof start>;

  constructor() {
    this.worker = start(
      (message) => this.clients.get(message.job)?.receive(this, message),
      (reason) => this.fail(reason),
    );
  }

  begin(message: Begin, client: Client): void {
    this.clients.set(message.job, client);
    this.worker.keepAlive(true);
    this.post(message);
  }

  post(message: ToWorker, transfer: ArrayBuffer[] = []): void {
    this.worker.post(message, transfer);
  }

  /** Lets go of a job; what it has still under way is dropped when it comes. */
  end(job: number): void {
    if (!this.clients.delete(job)) return;
    this.post({ job });
    if (this.clients.size === 0) this.worker.keepAlive(false);
    if (seats.some(({ clients }) => clients.size > 0)) return;
    clearTimeout(idle);
    idle = setTimeout(endAll, IDLE_MS);
    // A number in browsers; in Node the timer would keep the process alive.
    (idle as { unref?(): void }).unref?.();
  }

  terminate(): void {
    this.worker.terminate();
  }

  private fail(reason: string): void {
    seats = seats.filter((seat) => seat !== this);
    this.terminate();
    for (const client of this.clients.values()) client.fail(reason);
    this.clients.clear();
  }
}

/** Starts a worker of Node or of a browser. */
function start(receive: (message: FromWorker) => void, fail: (reason: string) => void) {
  const threads = workerThreads();
  if (threads) {
    // Flags of the process, such as a loader of its sources, are not for the worker.
    const worker = new threads.Worker(new URL(workerFile, import.meta.url), { execArgv: [] });
    worker.unref();
    worker.on('message', receive);
    worker.on('messageerror', (error) => fail(error.message));
    worker.on('error', (error) => fail(error.message));
    worker.on('exit', (code) => fail(`exit code ${code}`));
    return {
      post: (message: ToWorker, transfer: ArrayBuffer[]) => worker.postMessage(message, transfer),
      keepAlive: (on: boolean) => (on ? worker.ref() : worker.unref()),
      terminate: () => void worker.terminate(),
    };
  }
  // Written out in one piece, as bundlers look for it.
  const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
  worker.onmessage = ({ data }) => receive(data);
  worker.onmessageerror = () => fail('a message could not be read');
  worker.onerror = (event) => {
    event.preventDefault();
    fail(event.message ?? 'its file cannot be loaded');
  };
  return {
    post: (message: ToWorker, transfer: ArrayBuffer[]) => worker.postMessage(message, transfer),
    keepAlive: () => {},
    terminate: () => worker.terminate(),
  };
}
