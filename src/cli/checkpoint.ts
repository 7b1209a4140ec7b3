/** Checkpoints: a sketch that is kept in a file as rows come, and gone on from where the rows are still the same. */
import { statSync } from 'node:fs';
import { BLOCK_ROWS } from '../kernels/kernels.js';
import type { Floats } from '../keys.js';
import type { CallOptions } from '../steps.js';
import type { UniversalSetSketch } from '../universal-set/sketch.js';
import type { SketchOptions } from '../universal-set/sketch-options.js';
import { InputError, Interrupted } from './failure.js';
import { about } from './inputs.js';
import { RowDigest } from './row-digest.js';
import type { RowSource } from './rows.js';
import { insertRows, readSketch, writeSketch } from './sketching.js';

/** How a sketch goes on after the process has died. */
export interface Checkpoint {
  /** The file that holds the sketch of the rows so far. */
  readonly path: string;
  /** Rows between two writes of it. */
  readonly interval: number;
}

/** Rows between two writes of a checkpoint, unless it is said. */
export const INTERVAL = 1_000_000;

/** What to do about a file that cannot be gone on from. */
const REMEDY = 'remove it to begin anew';

/** What stands beside the rows in a checkpoint, and tells whether a file still has them. */
interface Mark {
  /** The file as it was before it was read; absent where its times could not tell. */
  readonly file?: string;
  /** Digest of the whole blocks of rows; those after them are in the sketch. */
  readonly blocks: string;
}

/** A sketch with all rows, and where an earlier run had left it. */
export interface Resumed {
  readonly sketch: UniversalSetSketch;
  /** Rows that an earlier run had read. */
  readonly resumed: number;
  /** Those of them that were read again, to be compared. */
  readonly compared: number;
}

/**
 * Puts all rows of a source into an empty sketch that is kept in a file every so many rows. A file that is there already is gone on from: at most one
 * interval of rows goes through the sketch again, which is the same to the last bit. Nothing before is read where the system says that the keys have not been
 * written since; otherwise it is read, and compared by its digest.
 *
 * @throws InputError for a file that is not of these rows; Interrupted once the rows so far are in the file
 */
export async function sketchWithCheckpoint(
  empty: UniversalSetSketch,
  source: RowSource,
  { path, interval }: Checkpoint,
  call: CallOptions,
): Promise<Resumed> {
  const { d, epsilon, f, centre } = empty;
  // Before any row is read.
  const identity = source.identity?.();
  const earlier = await earlierSketch(source, { d, epsilon, f, centre }, path, identity, call);
  const { sketch, digest, compared } = earlier ?? {
    sketch: empty,
    // A stream does not come again.
    digest: source.again ? new RowDigest(source.d) : undefined,
    compared: 0,
  };
  const resumed = sketch.rows;
  const save = () => {
    const mark: Mark | undefined = digest && { file: identity, blocks: digest.blocks };
    writeSketch(path, sketch, mark && JSON.stringify(mark));
  };
  try {
    await insertRows(sketch, source, call, {
      from: resumed,
      every: interval,
      afterwards(rows, keys) {
        digest?.add(keys.data);
        if (rows % interval === 0 && rows !== source.n) save();
      },
    });
  } catch (error) {
    if (!call.signal?.aborted || sketch.rows === 0) throw error;
    save();
    throw new Interrupted(
      source.again
        ? `interrupted: ${path} holds the first ${sketch.rows} rows, and the same command goes on from there`
        : `interrupted: ${path} holds the ${sketch.rows} rows that came, and levattention finish ${path} gives their set`,
    );
  }
  if (sketch.rows > resumed || compared > 0) save();
  return { sketch, resumed, compared };
}

/** The sketch that an earlier run left, if there is one, with the digest of its rows, once the source is known to have them. */
async function earlierSketch(
  source: RowSource,
  expected: SketchOptions,
  path: string,
  identity: string | undefined,
  call: CallOptions,
): Promise<{ sketch: UniversalSetSketch; digest: RowDigest; compared: number } | undefined> {
  if (!source.again || !statSync(path, { throwIfNoEntry: false })) return undefined;
  const sketch = await sketchIn(path, expected);
  if (sketch.rows === 0) return { sketch, digest: new RowDigest(source.d), compared: 0 };
  const mark = markOf(sketch.note);
  if (!mark)
    throw new InputError(
      `${path}: is a sketch and no checkpoint of a file: levattention finish ${path} gives its set`,
    );
  // The rows of an unfinished block came last, and are held.
  const digest = new RowDigest(source.d, mark.blocks);
  digest.add(lastRows(sketch));
  if (mark.file !== undefined && mark.file === identity) return { sketch, digest, compared: 0 };
  if (!(await hasRows(source, sketch.rows, digest, call)))
    throw new InputError(
      `${path}: is the sketch of other rows than the first ones of ${source.name}: ${REMEDY}`,
    );
  return { sketch, digest, compared: sketch.rows };
}

async function sketchIn(path: string, expected: SketchOptions): Promise<UniversalSetSketch> {
  try {
    return await readSketch(path, expected);
  } catch (error) {
    throw error instanceof InputError ? new InputError(`${error.message}: ${REMEDY}`) : error;
  }
}

function markOf(note: string): Mark | undefined {
  try {
    const { file, blocks }: Record<string, unknown> = JSON.parse(note);
    if (typeof blocks !== 'string' || (file !== undefined && typeof file !== 'string')) return undefined;
    return { file, blocks };
  } catch {
    return undefined;
  }
}

/** The rows after the last whole block of a sketch whose rows came in order. */
function lastRows({ rows, d, held }: UniversalSetSketch): Floats {
  const { indices, keys } = held;
  const at = indices.findIndex((index) => index >= rows - (rows % BLOCK_ROWS));
  return at < 0 ? keys.data.subarray(0, 0) : keys.data.subarray(at * d);
}

/** Whether the first rows of a source have a digest. */
async function hasRows(
  source: RowSource,
  rows: number,
  digest: RowDigest,
  { signal, onProgress }: CallOptions,
): Promise<boolean> {
  if (rows > (source.n ?? 0)) return false;
  const own = new RowDigest(source.d);
  await about(source.name, async () => {
    for await (const { start, keys } of source.rows({ every: rows })) {
      if (start >= rows) break;
      signal?.throwIfAborted();
      own.add(keys.data);
      onProgress?.({ phase: 'rows compared', done: start + keys.shape[0], total: rows });
    }
  });
  return own.blocks === digest.blocks && Buffer.compare(own.rest, digest.rest) === 0;
}
