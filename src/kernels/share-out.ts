/** One pass over a matrix on several workers: hands out runs of blocks, and collects what they give in the order of the rows. */
import { ArrayMatrix, type Floats, type KeyMatrix } from '../keys.js';
import type { CallOptions } from '../steps.js';
import { BLOCK_ROWS } from './kernels.js';
import type { FromWorker } from './messages.js';
import { type Seat, takeSeats } from './pool.js';
import type { Offer, Parts } from './task.js';

/** On how many workers, and who opens error messages. */
export interface Sharing extends CallOptions {
  readonly threads: number;
  readonly caller: string;
}

/** Numbers in a run at most: some milliseconds of work, and memory that a core has near. */
const RUN_NUMBERS = 2 ** 20;
/** Runs for each worker at least, so that all end at about the same time. */
const LEAST_RUNS = 4;
/** Runs that a worker has before it, so that it need not wait for this thread. */
const QUEUE = 2;
/** Runs for each worker that may be handed out beyond what is collected: bounds what is held. */
const MOST_AHEAD = 8;

let jobs = 0;

/**
 * Does the pass that a generator offers. Rejects with the signal's reason as soon as it is aborted, and with one line where a
 * worker fails; what is under way then is dropped.
 */
export async function shareOut(
  offer: Offer,
  { threads, signal, onProgress, caller }: Sharing,
): Promise<void> {
  const { phase, matrix, task, rowScale } = offer;
  const { n, d } = matrix;
  const runRows = rowsOfRun(n, d, threads);
  const runs = Math.ceil(n / runRows);
  const job = jobs++;
  const shared = sharedRows(matrix);
  const copies = new RunCopies(matrix);
  const parts = new Map<number, Parts[keyof Parts]>();
  const seats = takeSeats(Math.min(threads, runs));
  const queued = new Map<Seat, number>(seats.map((seat) => [seat, 0]));
  let handed = 0;
  let collected = 0;

  function hand(seat: Seat): void {
    const start = handed++ * runRows;
    const end = Math.min(start + runRows, n);
    const rows = shared ? undefined : copies.take(start, end);
    const scale = rowScale?.slice(start, end);
    const transfer = [rows, scale].flatMap((array) => (array ? [array.buffer as ArrayBuffer] : []));
    queued.set(seat, (queued.get(seat) ?? 0) + 1);
    seat.post({ job, start, end, rows, rowScale: scale }, transfer);
  }

  function feed(): void {
    const most = Math.min(runs, collected + MOST_AHEAD * seats.length);
    for (let length = 0; length < QUEUE; length++)
      for (const [seat, count] of queued) if (count === length && handed < most) hand(seat);
  }

  function receive(seat: Seat, message: Extract<FromWorker, { start: number }>): void {
    parts.set(message.start, message.part);
    if (message.rows) copies.giveBack(message.rows);
    queued.set(seat, (queued.get(seat) ?? 0) - 1);
    // A progress callback may abort.
    for (let start = collected * runRows; !signal?.aborted; start += runRows) {
      const part = parts.get(start);
      if (!part) break;
      parts.delete(start);
      offer.collect(part as never, start);
      collected++;
      onProgress?.({ phase, done: Math.min(start + runRows, n), total: n });
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

/** Rows of a run: a power of two of blocks, so that each run is a whole branch of the tree of Gram sums. */
function rowsOfRun(n: number, d: number, threads: number): number {
  let rows = BLOCK_ROWS;
  while (2 * rows * d <= RUN_NUMBERS && 2 * rows * threads * LEAST_RUNS <= n) rows *= 2;
  return rows;
}

/** The rows where workers can see them in place. */
function sharedRows(matrix: KeyMatrix): Floats | undefined {
  // A page that is not isolated has shared memory only by way of WebAssembly, and may not send it.
  const { SharedArrayBuffer: Shared, crossOriginIsolated = true } = globalThis;
  if (!(matrix instanceof ArrayMatrix) || !Shared || !crossOriginIsolated) return undefined;
  return matrix.data.buffer instanceof Shared ? matrix.data : undefined;
}

/** Copies of runs in memory that goes to a worker and comes back for a later run. */
class RunCopies {
  private readonly free: ArrayBuffer[] = [];

  constructor(private readonly matrix: KeyMatrix) {}

  /** The rows [start, end), read block by block, as all other passes read them. */
  take(start: number, end: number): Floats {
    const { d } = this.matrix;
    let copy: Floats | undefined;
    for (let first = start; first < end; first += BLOCK_ROWS) {
      const block = this.matrix.rows(first, Math.min(first + BLOCK_ROWS, end));
      // A matrix may give float32 rows first and float64 rows later.
      if (!copy || (block instanceof Float64Array && copy instanceof Float32Array)) {
        const wider = this.room(block, (end - start) * d);
        if (copy) wider.set(copy.subarray(0, (first - start) * d));
        copy = wider;
      }
      copy.set(block, (first - start) * d);
    }
    return copy as Floats;
  }

  giveBack({ buffer }: Floats): void {
    this.free.push(buffer as ArrayBuffer);
  }

  private room(like: Floats, length: number): Floats {
    const bytes = length * like.BYTES_PER_ELEMENT;
    const at = this.free.findIndex(({ byteLength }) => byteLength >= bytes);
    const buffer = at < 0 ? new ArrayBuffer(bytes) : this.free.splice(at, 1)[0];
    return like instanceof Float32Array
      ? new Float32Array(buffer, 0, length)
      : new Float64Array(buffer, 0, length);
  }
}
