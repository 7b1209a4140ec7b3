/** Files of found keys: another reader gets every number back. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetReadObjects } from 'hyparquet';
import { afterAll, expect, test } from 'vitest';
import { type FoundKey, writeFoundKeys } from './found-keys.js';

const folder = mkdtempSync(join(tmpdir(), 'levattention-found-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const keys: FoundKey[] = [
  { row: 0, score: 1, undecided: false },
  { row: 2 ** 31, score: 0.1, undecided: true },
  { row: Number.MAX_SAFE_INTEGER - 1, score: 5e-324, undecided: false },
];

test.each([[keys], [[]]])('%o', async (list) => {
  const table = join(folder, 'keys.parquet');
  writeFoundKeys(table, list);
  const { buffer, byteOffset, byteLength } = readFileSync(table);
  const file = buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
  expect(await parquetReadObjects({ file })).toEqual(list.map((key) => ({ ...key, row: BigInt(key.row) })));
  writeFoundKeys(join(folder, 'keys.jsonl'), list);
  const lines = readFileSync(join(folder, 'keys.jsonl'), 'utf8').split('\n').slice(0, -1);
  expect(lines.map((line) => JSON.parse(line))).toEqual(list);
  expect(readdirSync(folder).sort()).toEqual(['keys.jsonl', 'keys.parquet']);
});
