/** Files of keys that were found: a line of JSON for each, or a table in Parquet. */
import { extname } from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { writeFileAtomic } from './file-source.js';

/** A key, by the number of its row among all rows. */
export interface FoundKey {
  readonly row: number;
  readonly score: number;
  /** Whether it may or may not reach the threshold. */
  readonly undecided: boolean;
}

/** The endings of such files. */
export const FOUND_ENDINGS = ['.parquet', '.jsonl'];

/** Writes keys in full or not at all: columns `row` (int64), `score` (double) and `undecided` (boolean). */
export function writeFoundKeys(path: string, keys: readonly FoundKey[]): void {
  writeFileAtomic(path, extname(path).toLowerCase() === '.parquet' ? [parquetOf(keys)] : linesOf(keys), {
    synced: true,
  });
}

function* linesOf(keys: readonly FoundKey[]): Generator<string> {
  for (const { row, score, undecided } of keys) yield `${JSON.stringify({ row, score, undecided })}\n`;
}

function parquetOf(keys: readonly FoundKey[]): Uint8Array {
  const bytes = parquetWriteBuffer({
    columnData: [
      { name: 'row', data: BigInt64Array.from(keys, ({ row }) => BigInt(row)), type: 'INT64' },
      { name: 'score', data: Float64Array.from(keys, ({ score }) => score), type: 'DOUBLE' },
      { name: 'undecided', data: keys.map(({ undecided }) => undecided), type: 'BOOLEAN' },
    ],
    rowGroupSize: 1_000_000,
    createdBy: 'levattention',
  });
  return new Uint8Array(bytes);
}
