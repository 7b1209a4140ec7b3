/** What a worker does with partitions: line by line in and out, so that an engine can restart it, and one partition in memory at a time. */
import type { Partition } from '../cluster/partition.js';
import { ResultWriter } from '../cluster/results.js';
import type { CallOptions } from '../steps.js';
import { GramPass, GramSummary } from '../universal-set/gram-summary.js';
import type { GramFilter } from '../universal-set/second-filter.js';
import type { HeavyRows } from '../universal-set/second-pass.js';
import { UniversalSetSketch } from '../universal-set/sketch.js';
import type { SketchOptions } from '../universal-set/sketch-options.js';
import { InputError } from './failure.js';
import { writeFileAtomic } from './file-source.js';
import { eachPiece, inPartition, isUnchanged, partitionsOf } from './partition-rows.js';
import { type Destination, placeIn, stored } from './summaries.js';

/** Lines of text in, lines of text out. */
type Lines = AsyncIterable<string>;

/** Takes the Grams of partitions, each described by a line: the first of two passes. */
export async function* gramPartitions(
  lines: Lines,
  centre: boolean,
  destination: Destination,
  call: CallOptions,
): AsyncGenerator<string> {
  const writer = new ResultWriter('gram');
  for await (const partition of partitionsOf(lines)) {
    const { partition: number, rows } = partition;
    let pass: GramPass | undefined;
    const known = await eachPiece(partition, call, (keys, row) => {
      pass ??= new GramPass(keys.shape[1], centre);
      pass.insert(keys, row);
    });
    // What the rows of the last block have is known when they are counted.
    const gram = await inPartition(number, async () => pass?.finish());
    yield writer.line({ partition: number, rows, ...known, ...stored(gram, number, destination) });
  }
  yield writer.end();
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
    const known = await eachPiece(partition, call, (keys, row) => {
      sketch ??= new UniversalSetSketch({ ...options, d: keys.shape[1] });
      sketch.insert(keys, row);
    });
    yield writer.line({ partition: number, rows, ...known, ...stored(sketch, number, destination) });
  }
  yield writer.end();
}

/** Lists the keys of partitions that can be heavy, by a sketch or by the Gram of all rows. A partition that comes with its Gram is not read where its summed score is below epsilon and its input has not changed. */
export async function* filterPartitions(
  lines: Lines,
  factor: UniversalSetSketch | GramFilter,
  { folder }: Destination,
  call: CallOptions,
): AsyncGenerator<string> {
  const writer = new ResultWriter('filter');
  for await (const partition of partitionsOf(lines)) {
    const { partition: number, rows } = partition;
    const found = { indices: [] as number[], scores: [] as number[], undecided: [] as number[] };
    const summed = await inPartition(number, async () => summedScore(partition, factor));
    const light = summed !== undefined && summed < factor.epsilon;
    const skipped = light && (await isUnchanged(partition, call));
    if (!skipped)
      await eachPiece(partition, call, (keys, row) => {
        const heavy = factor.filter(keys, row);
        for (const name of ['indices', 'scores', 'undecided'] as const) found[name].push(...heavy[name]);
      });
    const told = { partition: number, rows, ...(skipped ? { skipped, summed } : {}) };
    if (folder === undefined) yield writer.line({ ...told, ...found });
    else yield writer.line({ ...told, ...writeFound(found, placeIn(folder, number, '.jsonl')) });
  }
  yield writer.end();
}

/** An upper bound of the summed score of a partition; undefined where nothing is known of it. */
function summedScore(
  { gram, rows, offset }: Partition,
  factor: UniversalSetSketch | GramFilter,
): number | undefined {
  if (gram === undefined || rows === 0 || factor instanceof UniversalSetSketch) return undefined;
  const part = GramSummary.fromBytes(Buffer.from(gram, 'base64'));
  const [range, ...others] = part.ranges.list;
  if (others.length > 0 || range?.[0] !== offset || range[1] !== offset + rows)
    throw new InputError('its Gram is of other rows');
  return factor.summedScore(part);
}

/** Writes keys into a file, a line of JSON for each. */
function writeFound({ indices, scores, undecided }: HeavyRows, file: string): { keys: number; file: string } {
  const open = new Set(undecided);
  const lines = indices.map((row, i) => ({ row, score: scores[i], undecided: open.has(row) }));
  writeFileAtomic(
    file,
    lines.map((line) => `${JSON.stringify(line)}\n`),
  );
  return { keys: indices.length, file };
}
