/** A pass over the rows of a matrix as runs of blocks for workers. */
import { ArrayMatrix, type Floats, type KeyMatrix } from '../keys.js';
import { BLOCK_ROWS } from './kernels.js';
import type { Offer } from './pass.js';
import { sharesMemory } from './platform.js';
import type { Work } from './share-out.js';
import { SomeRows } from './some-rows.js';

/** Numbers in a run at most: some milliseconds of work, and memory that a core has near. */
const RUN_NUMBERS = 2 ** 20;
/** Runs for each worker at least, so that all end at about the same time. */
const LEAST_RUNS = 4;
/** Runs for each worker that may be handed out beyond what is collected: bounds what is held. */
const MOST_AHEAD = 8;

/** The runs of a pass that a generator offers. */
export function rowWork(offer: Offer, threads: number): Work {
  const { phase, matrix, task, rowScale } = offer;
  const { n, d } = matrix;
  const runRows = rowsOfRun(n, d, threads);
  const indices = matrix instanceof SomeRows ? matrix.indices : undefined;
  const shared = sharedRows(matrix instanceof SomeRows ? matrix.source : matrix);
  const copies = new RunCopies(matrix);
  return {
    phase,
    total: n,
    runs: Math.ceil(n / runRows),
    ahead: MOST_AHEAD,
    task,
    shared,
    input(index) {
      const start = index * runRows;
      const end = Math.min(start + runRows, n);
      const rows = shared ? undefined : copies.take(start, end);
      const picked = shared && indices?.slice(start, end);
      const scale = rowScale?.slice(start, end);
      const transfer = [rows, scale].flatMap((array) => (array ? [array.buffer as ArrayBuffer] : []));
      return { input: { start, end, indices: picked, rows, rowScale: scale }, transfer };
    },
    collect(part, index) {
      offer.collect(part as never, index * runRows);
      return Math.min((index + 1) * runRows, n);
    },
    giveBack: (rows) => copies.giveBack(rows),
  };
}

/** Rows of a run: a power of two of blocks, so that each run is a whole branch of the tree of Gram sums. */
function rowsOfRun(n: number, d: number, threads: number): number {
  let rows = BLOCK_ROWS;
  while (2 * rows * d <= RUN_NUMBERS && 2 * rows * threads * LEAST_RUNS <= n) rows *= 2;
  return rows;
}

/** The rows where workers can see them in place. */
function sharedRows(matrix: KeyMatrix): Floats | undefined {
  if (!(matrix instanceof ArrayMatrix) || !sharesMemory()) return undefined;
  return matrix.data.buffer instanceof SharedArrayBuffer ? matrix.data : undefined;
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
