/** The rows of partitions that lines describe, piece by piece; what is wrong with them is said with the number of the partition. */
import { crc32 } from 'node:zlib';
import { type Partition, PartitionList, type Place, parsePartition } from '../cluster/partition.js';
import { parseReference } from '../io/index.js';
import type { CallOptions } from '../steps.js';
import { exitCode, failureOf, InputError } from './failure.js';
import { placeOf } from './file-source.js';
import { isUrl, normalUrl } from './http-source.js';
import { about } from './inputs.js';
import { openRows } from './row-source.js';
import { type Rows, rowRange } from './rows.js';

/** What an input is read from, as far as it can be seen from here. */
export function placeOfInput(input: string): Place {
  const { file, name } = parseReference(input);
  return { file: isUrl(file) ? normalUrl(file) : placeOf(file), name };
}

/** The partitions that lines describe, none of them twice. */
export async function* partitionsOf(lines: AsyncIterable<string>): AsyncGenerator<Partition> {
  const list = new PartitionList(placeOfInput);
  for await (const line of lines) {
    const partition = parsePartition(line);
    list.add(partition);
    yield partition;
  }
}

/** What a pass has read of a partition. */
export type Known = Pick<Partition, 'crc32' | 'version'>;

/**
 * Calls back with the rows of a partition, piece by piece, and the number of the first row of each among all rows.
 *
 * @throws InputError, one line, where the rows are not those that an earlier pass has read, if that is known; they have been called back with then
 */
export async function eachPiece(
  { partition, input, start, rows, offset, ...before }: Partition,
  { signal, onProgress }: CallOptions,
  use: (keys: Rows['keys'], row: number) => void,
): Promise<Known> {
  if (rows === 0) return {};
  return inPartition(partition, async () => {
    const source = await openRows(input, {}, signal);
    try {
      if (source.n! < start + rows)
        throw new InputError(
          `${source.name}: has ${source.n} rows, the partition ends at row ${start + rows}`,
        );
      const version = source.identity?.();
      let check = 0;
      await about(source.name, async () => {
        for await (const { start: done, keys } of rowRange(source, start, rows)) {
          signal?.throwIfAborted();
          const { buffer, byteOffset, byteLength } = keys.data;
          check = crc32(new Uint8Array(buffer, byteOffset, byteLength), check);
          use(keys, offset + done);
          onProgress?.({ phase: `partition ${partition}`, done: done + keys.shape[0], total: rows });
        }
      });
      const read = { crc32: check.toString(16).padStart(8, '0'), version };
      if (before.crc32 !== undefined && read.crc32 !== before.crc32)
        throw new InputError(`${source.name}: its rows have changed since the first pass`);
      return read;
    } finally {
      source.close?.();
    }
  });
}

/** Whether the input of a partition is certainly as it was when an earlier pass opened it. */
export async function isUnchanged(
  { partition, input, version }: Partition,
  { signal }: CallOptions,
): Promise<boolean> {
  if (version === undefined) return false;
  return inPartition(partition, async () => {
    const source = await openRows(input, {}, signal);
    try {
      return source.identity?.() === version;
    } finally {
      source.close?.();
    }
  });
}

/** What is wrong with an input or with numbers is said with the number of the partition. */
export async function inPartition<T>(partition: number, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const { line, code } = failureOf(error, '');
    if (code !== exitCode.input && code !== exitCode.usage) throw error;
    throw new InputError(`partition ${partition}: ${line.replace(/^levattention: /, '')}`);
  }
}
