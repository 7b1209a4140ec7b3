/** What a job on many machines reads, and what its second pass has found. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Partition, PartitionList, parsePartition } from '../cluster/partition.js';
import { parseReference } from '../io/index.js';
import type { CallOptions } from '../steps.js';
import { InputError, UsageError } from './failure.js';
import type { FoundKey } from './found-keys.js';
import { filesOf } from './globs.js';
import { isUrl } from './http-source.js';
import { about } from './inputs.js';
import { partitionsOfInputs } from './manifest.js';
import { parseCount } from './options.js';
import { placeOfInput } from './partition-rows.js';
import { openRows } from './row-source.js';

/** The partitions of a job; their inputs by whole paths, as an executor has a folder of its own. */
export interface JobPartitions {
  readonly partitions: readonly Partition[];
  readonly rows: number;
  readonly d: number;
}

/** Where the partitions come from. */
export interface JobInputs {
  readonly input?: readonly string[];
  readonly manifest?: string;
  readonly rows: string;
}

/**
 * The partitions of inputs, or of a manifest.
 *
 * @throws UsageError or InputError, one line: for both or neither, no rows, or a manifest that lists a partition or a row twice
 */
export async function partitionsOfJob(
  { input, manifest, rows }: JobInputs,
  call: CallOptions,
): Promise<JobPartitions> {
  if ((input === undefined) === (manifest === undefined))
    throw new UsageError('either --input or --manifest says which keys are meant');
  const job =
    manifest === undefined
      ? await partitionsOfInputs(filesOf(input!), parseCount(rows, '--rows'), call)
      : await partitionsOfManifest(manifest, call);
  if (job.rows === 0) throw new InputError('there are no rows');
  return job;
}

async function partitionsOfManifest(path: string, { signal }: CallOptions): Promise<JobPartitions> {
  const lines = readFileSync(path, 'utf8').split('\n');
  const list = new PartitionList(placeOfInput);
  const partitions: Partition[] = [];
  for (const [i, line] of lines.entries()) {
    if (line.trim() === '') continue;
    const partition = await about(`${path}, line ${i + 1}`, async () => {
      const partition = parsePartition(line);
      list.add(partition);
      return partition;
    });
    // What an earlier first pass knew is left out: there is a new one.
    const { partition: number, input, start, rows, offset } = partition;
    partitions.push({ partition: number, input: everywhere(input), start, rows, offset });
  }
  const first = partitions.find(({ rows }) => rows > 0);
  if (!first) throw new InputError(`${path}: there are no rows`);
  const source = await openRows(first.input, {}, signal);
  source.close?.();
  return { partitions, rows: partitions.reduce((sum, { rows }) => sum + rows, 0), d: source.d };
}

/** An input by its whole path. */
function everywhere(input: string): string {
  const { file, name } = parseReference(input);
  return isUrl(file) ? input : resolve(file) + (name === undefined ? '' : `#${name}`);
}

/**
 * The keys of the results of a second pass, by ascending row, and what was not read for them.
 *
 * @throws InputError, one line, where these are not the results of all partitions, each once
 */
export function readFound(
  text: string,
  partitions: readonly Partition[],
): { keys: FoundKey[]; skipped: { partitions: number; rows: number } } {
  const open = new Map(partitions.map(({ partition, rows }) => [partition, rows]));
  const keys: FoundKey[] = [];
  const skipped = { partitions: 0, rows: 0 };
  for (const line of text.split('\n').filter(Boolean)) {
    const { partition, rows, indices, scores, undecided, skipped: light } = JSON.parse(line);
    if (open.get(partition) !== rows)
      throw new InputError(`the second pass has results of partition ${partition} that nobody asked for`);
    open.delete(partition);
    const unsure = new Set(undecided);
    indices.forEach((row: number, i: number) => {
      keys.push({ row, score: scores[i], undecided: unsure.has(row) });
    });
    if (!light) continue;
    skipped.partitions++;
    skipped.rows += rows;
  }
  const [missing] = open.keys();
  if (missing !== undefined) throw new InputError(`the second pass has no results of partition ${missing}`);
  keys.sort((a, b) => a.row - b.row);
  return { keys, skipped };
}
