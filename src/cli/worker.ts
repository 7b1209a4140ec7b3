/** `levattention worker`: partitions in, results out, a line each, for any engine that runs programs on many machines. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { addAbortSignal } from 'node:stream';
import { Command } from 'commander';
import { GramFilter } from '../universal-set/second-filter.js';
import { UniversalSetSketch } from '../universal-set/sketch.js';
import { parseWeight } from '../weights/parse.js';
import { InputError, UsageError } from './failure.js';
import { factorOfResults, mergeResults } from './merge-work.js';
import { parseCount, parsedBy, parseEpsilon } from './options.js';
import { filterPartitions, gramPartitions, sketchPartitions } from './partition-work.js';
import type { Session } from './session.js';
import { readSummary } from './summaries.js';

interface WorkerOptions {
  readonly epsilon?: string;
  readonly f?: string;
  readonly centre?: boolean;
  readonly factor?: string;
  readonly fanIn?: string;
  readonly output?: string;
}

const MODES = ['gram', 'sketch', 'merge', 'factor', 'filter'];
/** The modes that an option belongs to. */
const OWNERS: Readonly<Record<Exclude<keyof WorkerOptions, 'output'>, readonly string[]>> = {
  epsilon: ['sketch', 'factor', 'filter'],
  f: ['sketch'],
  centre: ['gram', 'sketch'],
  factor: ['filter'],
  fanIn: ['merge'],
};

const help = `
gram, sketch and filter take a partition a line from standard input, as levattention manifest writes them:
  {"partition": 3, "input": "part3.parquet", "offset": 750000, "rows": 250000, "start": 0}
rows [start, start + rows) of the input are rows [offset, offset + rows) of the matrix. Inputs are files and URLs as
for find. merge takes the lines that gram, sketch or merge printed, in ascending order of their partitions.

One pass: sketch, merge, and levattention finish of what was merged. Two passes, for power:2: gram, merge, and filter by
the Gram of all rows, of which factor says beforehand whether it certifies scores ("certified"). A partition that comes to filter
with the "crc32" that the first pass printed is refused where its rows have changed since. One that comes with its "gram" and
"version", too, is not read again where the summed score of its rows is below epsilon and the input still has that version
("skipped"); an input that cannot tell its version is always read again.

A line of JSON is printed for each partition, or for each group that was merged, and at the end a trailer:
  {"partition": 3, "rows": 250000, "crc32": "...", "version": "...", "gram": "..."}    gram (merge: the Gram alone)
  {"partition": 3, "rows": 250000, "crc32": "...", "version": "...", "sketch": "..."}  sketch (merge: the sketch alone)
  {"partition": 3, "rows": 250000, "indices": [], "scores": [], "undecided": []}       filter
  {"end": "sketch", "results": 1, "rows": 250000, "crc32": "2ab1c0de"}
Output without its trailer, or with another one, is that of a worker that was cut off: work on its partitions
again, as often as need be, which gives the same. A partition twice, or a row in two of them, is refused.

Examples:
  levattention manifest part*.parquet -o parts.jsonl
  levattention worker sketch --epsilon 0.01 < parts.jsonl > sketches.jsonl
  levattention worker merge -o merged < sketches.jsonl
  levattention worker filter --factor merged/part-00000.lev < parts.jsonl
  levattention worker gram < parts.jsonl > grams.jsonl
  levattention worker merge -o merged < grams.jsonl
  levattention worker filter --factor merged/part-00000.gram --epsilon 0.01 < parts.jsonl`;

/** The command. */
export function workerCommand({ call }: Session): Command {
  return new Command('worker')
    .summary('partitions in, results out: for engines that run it on many machines')
    .description(
      'Works on the partitions of one matrix that are described on standard input, and prints a result for each: ' +
        'its Gram or sketch, that of several, or its keys that can be heavy. Memory for one partition at a time, of which only pieces are read.',
    )
    .argument('<mode>', 'gram, sketch, merge, factor or filter')
    .option('--epsilon <e>', 'sketch, factor, filter by a Gram: threshold of the attention score, in (0, 1]')
    .option('--f <weight>', 'sketch: as for find; power:2 unless given')
    .option('--centre', 'gram, sketch: cover queries with an offset too, f(<query, key> + b)')
    .option(
      '--fan-in <k>',
      'merge: partitions k i to k i + k - 1 become partition i; all become one unless given',
    )
    .option('--factor <file>', 'filter: sketch or Gram of all rows')
    .option('-o, --output <folder>', 'write results into files of this folder, and print their names')
    .option('--json', 'what is printed is JSON in any case')
    .addHelpText('after', help)
    .action(async (mode: string, options: WorkerOptions) => {
      for await (const line of await results(mode, options, call))
        if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain');
    });
}

async function results(
  mode: string,
  options: WorkerOptions,
  call: Session['call'],
): Promise<AsyncIterable<string>> {
  if (!MODES.includes(mode)) throw new UsageError(`the mode must be ${MODES.join(', ')}, got '${mode}'`);
  for (const [name, owners] of Object.entries(OWNERS))
    if (options[name as keyof typeof OWNERS] !== undefined && !owners.includes(mode))
      throw new UsageError(
        `--${name === 'fanIn' ? 'fan-in' : name} belongs to worker ${owners.join(' and ')}, not to ${mode}`,
      );
  if (process.stdin.isTTY)
    throw new UsageError(
      'partitions come from standard input, and that is a terminal: pipe a manifest into it',
    );
  const destination = { folder: options.output };
  if (mode === 'merge') {
    const fanIn = options.fanIn === undefined ? undefined : parseCount(options.fanIn, '--fan-in');
    return mergeResults(lines(call.signal), fanIn, destination, call);
  }
  if (mode === 'gram') return gramPartitions(lines(call.signal), options.centre ?? false, destination, call);
  if (mode === 'filter')
    return filterPartitions(lines(call.signal), await factorOf(options), destination, call);
  if (mode === 'factor') return factorOfResults(lines(call.signal), epsilonOf(mode, options));
  const f = parsedBy(parseWeight, options.f ?? 'power:2', '--f');
  const settings = { epsilon: epsilonOf(mode, options), f, centre: options.centre };
  return sketchPartitions(lines(call.signal), settings, destination, call);
}

function epsilonOf(mode: string, { epsilon }: WorkerOptions): number {
  if (epsilon === undefined) throw new UsageError(`worker ${mode} needs --epsilon, such as --epsilon 0.05`);
  return parseEpsilon(epsilon);
}

/** What a second pass judges by. */
async function factorOf(options: WorkerOptions): Promise<UniversalSetSketch | GramFilter> {
  const { factor } = options;
  if (factor === undefined)
    throw new UsageError('worker filter needs --factor, a sketch or Gram of all rows');
  const all = await readSummary(factor);
  if (all instanceof UniversalSetSketch) {
    if (options.epsilon !== undefined)
      throw new UsageError(`--epsilon belongs to a filter by a Gram: the sketch has its own, ${all.epsilon}`);
    return all;
  }
  const filter = GramFilter.of(all, epsilonOf('filter by a Gram', options));
  if (filter) return filter;
  throw new InputError(
    `${factor}: the Gram does not certify scores, its rows are of low rank or too ill-conditioned: worker sketch and merge take one pass`,
  );
}

/** The lines of standard input that are not empty. */
async function* lines(signal?: AbortSignal): AsyncGenerator<string> {
  const input = signal ? addAbortSignal(signal, process.stdin) : process.stdin;
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY }))
    if (line.trim() !== '') yield line;
  signal?.throwIfAborted();
}
