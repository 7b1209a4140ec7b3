/** The rows of partitions that lines describe, piece by piece; what is wrong with them is said with the number of the partition. */
import { type Partition, PartitionList, parsePartition } from '../cluster/partition.js';
import type { CallOptions } from '../steps.js';
import { exitCode, failureOf, InputError } from './failure.js';
import { about } from './inputs.js';
import { openRows } from './row-source.js';
import { type Rows, rowRange } from './rows.js';

/** The partitions that lines describe, none of them twice. */
export async function* partitionsOf(lines: AsyncIterable<string>): AsyncGenerator<Partition> {
  const list = new PartitionList();
  for await (const line of lines) {
    const partition = parsePartition(line);
    list.add(partition);
    yield partition;
  }
}

/** Calls back with the rows of a partition, piece by piece, and the number of the first row of each among all rows. */
export async function eachPiece(
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
export async function inPartition<T>(partition: number, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const { line, code } = failureOf(error, '');
    if (code !== exitCode.input && code !== exitCode.usage) throw error;
    throw new InputError(`partition ${partition}: ${line.replace(/^levattention: /, '')}`);
  }
}
