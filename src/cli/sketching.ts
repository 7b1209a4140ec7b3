/** Sketches on the command line: rows put into them, and their files. */
import { runAsync } from '../kernels/run-async.js';
import type { CallOptions, Progress } from '../steps.js';
import { UniversalSetSketch } from '../universal-set/sketch.js';
import { isSketch } from '../universal-set/sketch-bytes.js';
import type { SketchOptions } from '../universal-set/sketch-options.js';
import { InputError } from './failure.js';
import { leadOf, openFile, writeFileAtomic } from './file-source.js';
import { about } from './inputs.js';
import { checkOffset } from './row-source.js';
import type { RowSource, Rows } from './rows.js';

/** The ending of files of sketches. */
export const SKETCH_ENDING = '.lev';

/** How files of keys are called. */
const KEYS_ENDING = /\.(npy|npz|safetensors|parquet)$/i;

/** Writes a sketch, in full or not at all, whatever happens to the process or the machine. */
export function writeSketch(path: string, sketch: UniversalSetSketch, note?: string): number {
  const bytes = sketch.toBytes(note);
  writeFileAtomic(path, [bytes], { synced: true });
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
    // Keys may be far more than a sketch.
    if (!isSketch(leadOf(file)) && KEYS_ENDING.test(path))
      throw new InputError(`${path}: is a file of keys, not a sketch: levattention find ${path} takes them`);
    const bytes = file.slice(0, file.byteLength);
    return await about(path, async () => UniversalSetSketch.fromBytes(bytes, expected));
  } finally {
    file.close();
  }
}

/** Rows are counted from the first one of the source, not of a piece. */
export function overall(step: Progress, start: number, total: number): Progress {
  return step.phase === 'rows' ? { ...step, done: start + step.done, total } : step;
}

/**
 * Puts all rows of a source, from row `from` on, into a sketch, and returns it; `afterwards` is called with the rows so far and the last piece of
 * them, as far as it came in.
 */
export async function insertRows(
  sketch: UniversalSetSketch,
  source: RowSource,
  { signal, onProgress }: CallOptions,
  {
    offset = 0,
    from = 0,
    every,
    afterwards,
  }: {
    offset?: number;
    from?: number;
    every?: number;
    afterwards?: (rows: number, last: Rows['keys']) => void;
  } = {},
): Promise<UniversalSetSketch> {
  checkOffset(offset, source);
  await about(source.name, async () => {
    for await (const { start, keys } of source.rows({ from, every })) {
      const [count, d] = keys.shape;
      checkOffset(offset, source, start + count);
      const before = sketch.rows;
      try {
        await runAsync(sketch.insertSteps(keys, offset + start), {
          signal,
          onProgress: (step) => onProgress?.(overall(step, start, source.n ?? 0)),
        });
      } finally {
        const came = sketch.rows - before;
        if (came > 0) afterwards?.(start + came, { data: keys.data.subarray(0, came * d), shape: [came, d] });
      }
    }
  });
  if (sketch.rows === 0) throw new InputError(`${source.name}: there are no rows`);
  return sketch;
}
