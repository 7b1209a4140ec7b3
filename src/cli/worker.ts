/** `levattention worker`: partitions in, results out, a line each, for any engine that runs programs on many machines. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { addAbortSignal } from 'node:stream';
import { Command } from 'commander';
import { parseWeight } from '../weights/parse.js';
import { UsageError } from './failure.js';
import { parseCount, parsedBy, parseEpsilon } from './options.js';
import { filterPartitions, mergeResults, sketchPartitions } from './partition-work.js';
import type { Session } from './session.js';
import { readSketch } from './sketching.js';

interface WorkerOptions {
  readonly epsilon?: string;
  readonly f?: string;
  readonly centre?: boolean;
  readonly factor?: string;
  readonly fanIn?: string;
  readonly output?: string;
}

const MODES = ['sketch', 'merge', 'filter'];
/** The options that belong to one mode. */
const OWNERS = {
  epsilon: 'sketch',
  f: 'sketch',
  centre: 'sketch',
  factor: 'filter',
  fanIn: 'merge',
} as const;

const help = `
sketch and filter take a partition a line from standard input, as levattention manifest writes them:
  {"partition": 3, "input": "part3.parquet", "offset": 750000, "rows": 250000, "start": 0}
rows [start, start + rows) of the input are rows [offset, offset + rows) of the matrix. Inputs are files and URLs as
for find. merge takes the lines that sketch or merge printed, in ascending order of their partitions.

A line of JSON is printed for each partition, or for each group that was merged, and at the end a trailer:
  {"partition": 3, "rows": 250000, "sketch": "..."}                               sketch, merge
  {"partition": 3, "rows": 250000, "indices": [], "scores": [], "undecided": []}  filter
  {"end": "sketch", "results": 1, "rows": 250000, "crc32": "2ab1c0de"}
Output without its trailer, or with another one, is that of a worker that was cut off: work on its partitions
again, as often as need be, which gives the same. A partition twice, or a row in two of them, is refused.

Examples:
  levattention manifest part*.parquet -o parts.jsonl
  levattention worker sketch --epsilon 0.01 < parts.jsonl > sketches.jsonl
  levattention worker merge -o merged < sketches.jsonl
  levattention worker filter --factor merged/part-00000.lev < parts.jsonl`;

/** The command. */
export function workerCommand({ call }: Session): Command {
  return new Command('worker')
    .summary('partitions in, results out: for engines that run it on many machines')
    .description(
      'Works on the partitions of one matrix that are described on standard input, and prints a result for each: ' +
        'its sketch, the sketch of several, or its keys that can be heavy. Memory for one partition at a time, of which only pieces are read.',
    )
    .argument('<mode>', 'sketch, merge or filter')
    .option('--epsilon <e>', 'sketch: threshold of the attention score, in (0, 1]')
    .option('--f <weight>', 'sketch: as for find; power:2 unless given')
    .option('--centre', 'sketch: cover queries with an offset too, f(<query, key> + b)')
    .option(
      '--fan-in <k>',
      'merge: partitions k i to k i + k - 1 become partition i; all become one unless given',
    )
    .option('--factor <all.lev>', 'filter: sketch of all rows')
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
  for (const [name, owner] of Object.entries(OWNERS))
    if (options[name as keyof typeof OWNERS] !== undefined && owner !== mode)
      throw new UsageError(
        `--${name === 'fanIn' ? 'fan-in' : name} belongs to worker ${owner}, not to ${mode}`,
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
  if (mode === 'filter') {
    if (options.factor === undefined)
      throw new UsageError('worker filter needs --factor, a sketch of all rows');
    return filterPartitions(lines(call.signal), await readSketch(options.factor), destination, call);
  }
  if (options.epsilon === undefined)
    throw new UsageError('worker sketch needs --epsilon, such as --epsilon 0.05');
  const epsilon = parseEpsilon(options.epsilon);
  const f = parsedBy(parseWeight, options.f ?? 'power:2', '--f');
  return sketchPartitions(lines(call.signal), { epsilon, f, centre: options.centre }, destination, call);
}

/** The lines of standard input that are not empty. */
async function* lines(signal?: AbortSignal): AsyncGenerator<string> {
  const input = signal ? addAbortSignal(signal, process.stdin) : process.stdin;
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY }))
    if (line.trim() !== '') yield line;
  signal?.throwIfAborted();
}
