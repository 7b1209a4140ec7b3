/** Sketches on the command line: rows put into them, with checkpoints, and their files. */
import { statSync } from 'node:fs';
import { parseReference } from '../io/index.js';
import type { CallOptions } from '../steps.js';
import { type SketchOptions, UniversalSetSketch } from '../universal-set/sketch.js';
import { InputError, Interrupted } from './failure.js';
import { openFile, writeFileAtomic } from './file-source.js';
import { about } from './inputs.js';
import type { RowSource } from './row-source.js';

/** How a sketch goes on after the process has died. */
export interface Checkpoint {
  /** The file that holds the sketch of the rows so far. */
  readonly path: string;
  /** Rows between two writes of it. */
  readonly interval: number;
}

/** Rows between two writes of a checkpoint, unless it is said. The rows of an unfinished block come with it and tell one file from another. */
export const INTERVAL = 1_000_000;

/** The ending of files of sketches. */
export const SKETCH_ENDING = '.lev';

/** Writes a sketch, in full or not at all. */
export function writeSketch(path: string, sketch: UniversalSetSketch): number {
  const bytes = sketch.toBytes();
  writeFileAtomic(path, [bytes]);
  return bytes.length;
}

/**
 * Reads a sketch.
 *
 * @throws InputError, one line with the file, for one that is damaged or not as expected
 */
export async function readSketch(path: string, expected?: SketchOptions): Promise<UniversalSetSketch> {
  const file = openFile(path);
  try {
    const bytes = file.slice(0, file.byteLength);
    return await about(path, async () => UniversalSetSketch.fromBytes(bytes, expected));
  } finally {
    file.close();
  }
}

/** Puts all rows of a source, from row `from` on, into a sketch, and returns it; `afterwards` is called where a piece ends. */
export async function insertRows(
  sketch: UniversalSetSketch,
  source: RowSource,
  { signal, onProgress }: CallOptions,
  {
    offset = 0,
    from = 0,
    every,
    afterwards,
  }: { offset?: number; from?: number; every?: number; afterwards?: (rows: number) => void } = {},
): Promise<UniversalSetSketch> {
  await about(source.name, async () => {
    for await (const { start, keys } of source.rows({ from, every })) {
      signal?.throwIfAborted();
      sketch.insert(keys, offset + start);
      const done = start + keys.shape[0];
      onProgress?.({ phase: 'rows', done, total: source.n ?? 0 });
      afterwards?.(done);
    }
  });
  if (sketch.rows === 0) throw new InputError(`${source.name}: there are no rows`);
  return sketch;
}

/**
 * Puts all rows of a source into an empty sketch that is kept in a file every so many rows. A file that is there already is gone on from: at most one
 * interval of rows is read again, and the sketch is the same to the last bit.
 *
 * @returns the sketch, and how many of its rows an earlier run had read
 * @throws InputError for a file that is not of these rows; Interrupted once the rows so far are in the file
 */
export async function sketchWithCheckpoint(
  empty: UniversalSetSketch,
  source: RowSource,
  { path, interval }: Checkpoint,
  call: CallOptions,
): Promise<{ sketch: UniversalSetSketch; resumed: number }> {
  const sketch = (await earlierSketch(source, empty, path)) ?? empty;
  const resumed = sketch.rows;
  const save = () => writeSketch(path, sketch);
  try {
    await insertRows(sketch, source, call, {
      from: resumed,
      every: interval,
      afterwards: (rows) => {
        if (rows % interval === 0 && rows !== source.n) save();
      },
    });
  } catch (error) {
    if (!call.signal?.aborted || sketch.rows === 0) throw error;
    save();
    throw new Interrupted(
      source.matrix
        ? `interrupted: ${path} holds the first ${sketch.rows} rows, and the same command goes on from there`
        : `interrupted: ${path} holds the ${sketch.rows} rows that came, and levattention finish ${path} gives their set`,
    );
  }
  if (sketch.rows > resumed) save();
  return { sketch, resumed };
}

/** The sketch that an earlier run left, if there is one. */
async function earlierSketch(
  source: RowSource,
  expected: SketchOptions,
  path: string,
): Promise<UniversalSetSketch | undefined> {
  if (!source.matrix || !statSync(path, { throwIfNoEntry: false })) return undefined;
  const sketch = await readSketch(path, expected);
  const { n, rows } = source.matrix;
  const [first, ...others] = sketch.ranges;
  const { indices, keys } = sketch.held;
  const fits =
    others.length === 0 &&
    (first === undefined || (first[0] === 0 && first[1] <= n)) &&
    indices.every((index, i) => {
      const row = rows(index, index + 1);
      return row.every((x, c) => x === keys.data[i * source.d + c]);
    });
  if (!fits)
    throw new InputError(`${path}: is the sketch of other rows than the first ones of ${source.name}`);
  // Rows that are not held tell nothing, but a file that was written since does.
  if (statSync(parseReference(source.name).file).mtimeMs > statSync(path).mtimeMs)
    throw new InputError(
      `${path}: is older than ${source.name}, which may have changed: remove it to begin anew`,
    );
  return sketch;
}
