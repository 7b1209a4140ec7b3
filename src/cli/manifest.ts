/** `levattention manifest`: the partitions of one matrix whose rows lie in many files. */
import { Command } from 'commander';
import { type Partition, PartitionList } from '../cluster/partition.js';
import type { CallOptions } from '../steps.js';
import { InputError } from './failure.js';
import { writeFileAtomic } from './file-source.js';
import { parseCount } from './options.js';
import { checkOutput } from './outputs.js';
import { placeOfInput } from './partition-rows.js';
import { openRows, STANDARD_INPUT } from './row-source.js';
import type { RowSource } from './rows.js';
import type { Session } from './session.js';
import { counted } from './text.js';

interface ManifestOptions {
  readonly rows?: string;
  readonly output: string;
  readonly json?: boolean;
}

const help = `
INPUTS are files of shape [n, d] and URLs, as for find; their rows are numbered one after the other, in the order of
the inputs. Only headers and footers are read. Each input is a partition, or several of at most --rows rows each;
Parquet is cut between its row groups alone.

Examples:
  levattention manifest part0.parquet part1.parquet -o parts.jsonl
  levattention manifest keys.npy --rows 1000000 -o parts.jsonl --json`;

/** The command. */
export function manifestCommand({ call, print }: Session): Command {
  return new Command('manifest')
    .summary('the partitions of a matrix whose rows lie in many files, for worker')
    .description('Writes a line of JSON for each partition of a matrix, as levattention worker takes them.')
    .argument('<inputs...>', 'files of keys, or URLs')
    .option('--rows <n>', 'the most rows of a partition')
    .requiredOption('-o, --output <file.jsonl>', 'write the partitions')
    .option('--json', 'print JSON')
    .addHelpText('after', help)
    .action(async (inputs: string[], options: ManifestOptions) =>
      print(await manifest(inputs, options, call)),
    );
}

async function manifest(
  inputs: readonly string[],
  options: ManifestOptions,
  call: CallOptions,
): Promise<string> {
  const most = options.rows === undefined ? Number.POSITIVE_INFINITY : parseCount(options.rows, '--rows');
  checkOutput(options.output, ['.jsonl'], '-o', inputs);
  const { partitions, rows, d } = await partitionsOfInputs(inputs, most, call);
  writeManifest(options.output, partitions);
  if (options.json) return JSON.stringify({ partitions: partitions.length, rows, d });
  return `${counted(partitions.length, 'partition')} of ${counted(rows, 'row')} and ${counted(d, 'column')} written to ${options.output}`;
}

/** Writes partitions, a line of JSON for each. */
export function writeManifest(path: string, partitions: readonly Partition[]): void {
  writeFileAtomic(
    path,
    partitions.map((partition) => `${JSON.stringify(partition)}\n`),
  );
}

/**
 * The partitions of inputs whose rows are numbered one after the other, of at most so many rows each.
 *
 * @throws InputError, one line, for inputs that cannot be read, that differ in their columns, or that come twice
 */
export async function partitionsOfInputs(
  inputs: readonly string[],
  most: number,
  call: CallOptions,
): Promise<{ partitions: Partition[]; rows: number; d: number }> {
  const list = new PartitionList(placeOfInput);
  const partitions: Partition[] = [];
  let [offset, d] = [0, 0];
  for (const [i, input] of inputs.entries()) {
    call.signal?.throwIfAborted();
    if (input === STANDARD_INPUT)
      throw new InputError(`'-': rows of a partition must be in a file or at a URL`);
    const source = await openRows(input, {}, call.signal);
    source.close?.();
    if (source.n! > 0 && d > 0 && source.d !== d)
      throw new InputError(`${source.name}: has ${source.d} columns, the inputs before it have ${d}`);
    if (source.n! > 0) d = source.d;
    for (const [start, end] of parts(source, most)) {
      const partition = { partition: partitions.length, input, start, rows: end - start, offset };
      list.add(partition);
      partitions.push(partition);
      offset += partition.rows;
    }
    call.onProgress?.({ phase: 'inputs', done: i + 1, total: inputs.length });
  }
  return { partitions, rows: offset, d };
}

/** The rows of an input in parts of at most so many; a row group of more is a part of its own, and so is an input without rows. */
function parts({ n = 0, groups }: RowSource, most: number): [start: number, end: number][] {
  if (n === 0) return [[0, 0]];
  const list: [number, number][] = [];
  for (let start = 0; start < n; ) {
    let end = Math.min(n, start + most);
    if (groups && end < n) {
      const cuts = groups.filter((row) => row > start);
      end = cuts.findLast((row) => row <= end) ?? cuts[0] ?? n;
    }
    list.push([start, end]);
    start = end;
  }
  return list;
}
