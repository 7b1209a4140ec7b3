/** What a worker does with partitions: line by line in and out, so that an engine can restart it, and one partition in memory at a time. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Partition, PartitionList, parsePartition } from '../cluster/partition.js';
import { ResultReader, ResultWriter, type SketchResult } from '../cluster/results.js';
import type { CallOptions } from '../steps.js';
import { UniversalSetSketch } from '../universal-set/sketch.js';
import type { SketchOptions } from '../universal-set/sketch-options.js';
import { exitCode, failureOf, InputError } from './failure.js';
import { writeFileAtomic } from './file-source.js';
import { about } from './inputs.js';
import { openRows } from './row-source.js';
import { type Rows, rowRange } from './rows.js';
import { readSketch, SKETCH_ENDING, writeSketch } from './sketching.js';

/** Lines of text in, lines of text out. */
type Lines = AsyncIterable<string>;

/** Where results go: into lines, or into files of this folder, of which the lines then tell. */
export interface Destination {
  readonly folder?: string;
}

/** Sums up partitions, each described by a line; prints their sketches. */
export async function* sketchPartitions(
  lines: Lines,
  options: Omit<SketchOptions, 'd'>,
  destination: Destination,
  call: CallOptions,
): AsyncGenerator<string> {
  const writer = new ResultWriter('sketch');
  for await (const partition of partitionsOf(lines)) {
    const { partition: number, rows } = partition;
    let sketch: UniversalSetSketch | undefined;
    await eachPiece(partition, call, (keys, row) => {
      sketch ??= new UniversalSetSketch({ ...options, d: keys.shape[1] });
      sketch.insert(keys, row);
    });
    yield writer.line({ partition: number, rows, ...stored(sketch, number, destination) });
  }
  yield writer.end();
}

/** Lists the keys of partitions that can be heavy by a sketch of all rows. */
export async function* filterPartitions(
  lines: Lines,
  factor: UniversalSetSketch,
  { folder }: Destination,
  call: CallOptions,
): AsyncGenerator<string> {
  const writer = new ResultWriter('filter');
  for await (const partition of partitionsOf(lines)) {
    const { partition: number, rows } = partition;
    const found = { indices: [] as number[], scores: [] as number[], undecided: [] as number[] };
    await eachPiece(partition, call, (keys, row) => {
      const heavy = factor.filter(keys, row);
      for (const name of ['indices', 'scores', 'undecided'] as const) found[name].push(...heavy[name]);
    });
    if (folder === undefined) yield writer.line({ partition: number, rows, ...found });
    else {
      const file = placeIn(folder, number, '.jsonl');
      const undecided = new Set(found.undecided);
      writeFileAtomic(
        file,
        found.indices.map(
          (row, i) => `${JSON.stringify({ row, score: found.scores[i], undecided: undecided.has(row) })}\n`,
        ),
      );
      yield writer.line({ partition: number, rows, ...{ keys: found.indices.length, file } });
    }
  }
  yield writer.end();
}

/**
 * Merges results of workers, which come in ascending order of their partitions: `fanIn` neighbours into one, or all. The same results give the same bytes, as
 * the numbers of the partitions alone say what is added to what.
 */
export async function* mergeResults(
  lines: Lines,
  fanIn: number | undefined,
  destination: Destination,
  { signal }: CallOptions,
): AsyncGenerator<string> {
  const reader = new ResultReader();
  const writer = new ResultWriter('merge');
  let last = -1;
  let node: { readonly number: number; rows: number; sketch?: UniversalSetSketch } | undefined;
  const finished = () =>
    writer.line({
      partition: node!.number,
      rows: node!.rows,
      ...stored(node!.sketch, node!.number, destination),
    });
  for await (const line of lines) {
    signal?.throwIfAborted();
    const result = reader.read(line);
    if (!result) continue;
    if (result.partition <= last)
      throw new InputError(
        `partition ${result.partition} comes after ${last}: results must come in ascending order, each once`,
      );
    last = result.partition;
    const number = fanIn === undefined ? 0 : Math.floor(result.partition / fanIn);
    if (node && node.number !== number) {
      yield finished();
      node = undefined;
    }
    node ??= { number, rows: 0 };
    node.rows += result.rows;
    await inPartition(result.partition, async () => {
      const sketch = await sketchOf(result);
      if (sketch && node!.sketch) node!.sketch.merge(sketch);
      else node!.sketch ??= sketch;
    });
  }
  reader.end();
  if (node) yield finished();
  yield writer.end();
}

async function sketchOf({ rows, sketch, file }: SketchResult): Promise<UniversalSetSketch | undefined> {
  if (rows === 0) return undefined;
  const found =
    file === undefined
      ? UniversalSetSketch.fromBytes(Buffer.from(sketch!, 'base64'))
      : await readSketch(file);
  if (found.rows !== rows)
    throw new InputError(`the result tells of ${rows} rows, its sketch has ${found.rows}`);
  return found;
}

/** The partitions that lines describe, none of them twice. */
async function* partitionsOf(lines: Lines): AsyncGenerator<Partition> {
  const list = new PartitionList();
  for await (const line of lines) {
    const partition = parsePartition(line);
    list.add(partition);
    yield partition;
  }
}

/** Calls back with the rows of a partition, piece by piece, and the number of the first row of each among all rows. */
async function eachPiece(
  { partition, input, start, rows, offset }: Partition,
  { signal, onProgress }: CallOptions,
  use: (keys: Rows['keys'], row: number) => void,
): Promise<void> {
  if (rows === 0) return;
  await inPartition(partition, async () => {
    const source = await openRows(input, {}, signal);
    try {
      if (source.n! < start + rows)
        throw new InputError(
          `${source.name}: has ${source.n} rows, the partition ends at row ${start + rows}`,
        );
      await about(source.name, async () => {
        for await (const { start: done, keys } of rowRange(source, start, rows)) {
          signal?.throwIfAborted();
          use(keys, offset + done);
          onProgress?.({ phase: `partition ${partition}`, done: done + keys.shape[0], total: rows });
        }
      });
    } finally {
      source.close?.();
    }
  });
}

/** What is wrong with an input or with numbers is said with the number of the partition. */
async function inPartition<T>(partition: number, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const { line, code } = failureOf(error, '');
    if (code !== exitCode.input && code !== exitCode.usage) throw error;
    throw new InputError(`partition ${partition}: ${line.replace(/^levattention: /, '')}`);
  }
}

/** A sketch in a line, or in a file that is there in full or not at all, however often it is written. */
function stored(
  sketch: UniversalSetSketch | undefined,
  partition: number,
  { folder }: Destination,
): Pick<SketchResult, 'sketch' | 'file'> {
  if (!sketch) return {};
  if (folder === undefined) return { sketch: Buffer.from(sketch.toBytes()).toString('base64') };
  const file = placeIn(folder, partition, SKETCH_ENDING);
  writeSketch(file, sketch);
  return { file };
}

function placeIn(folder: string, partition: number, ending: string): string {
  mkdirSync(folder, { recursive: true });
  return join(folder, `part-${String(partition).padStart(5, '0')}${ending}`);
}
