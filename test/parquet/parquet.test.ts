/** Parquet files that pyarrow wrote (make_files.py): every codec, encoding and shape of keys, and rows that are refused. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { openParquet } from '../../src/cli/parquet/open.js';
import type { RangeSource } from '../../src/cli/range-source.js';
import { openRows } from '../../src/cli/row-source.js';
import { FormatError } from '../../src/io/index.js';

const path = (name: string) => fileURLToPath(new URL(`files/${name}.parquet`, import.meta.url));
const [n, d] = [40, 4];
const expected = Array.from(
  { length: n * d },
  (_, k) => (((7 * Math.floor(k / d) + 13 * (k % d)) % 32) - 16) / 8,
);

/** All numbers from row `from` on, with the sizes of the pieces that they came in. */
async function read(reference: string, options: { from?: number; every?: number } = {}) {
  const source = await openRows(reference, {});
  const numbers: number[] = [];
  const pieces: number[] = [];
  let double = false;
  for await (const { start, keys } of source.rows(options)) {
    expect(start).toBe((options.from ?? 0) + numbers.length / source.d);
    numbers.push(...keys.data);
    pieces.push(keys.shape[0]);
    double = keys.data instanceof Float64Array;
  }
  return { n: source.n, d: source.d, numbers, pieces, double };
}

const codecs = ['none', 'snappy', 'gzip', 'zstd', 'lz4', 'brotli'];

describe('keys', () => {
  test.each([
    ...codecs.map((codec) => `list-${codec}`),
    ...codecs.map((codec) => `list-${codec}-plain-v2`),
    'list-fixed',
    'list-large',
    'list-required',
    'list-split',
    'list-many-pages',
    'list-many-pages-v2',
    'list-checksums',
    'list-one-group',
    'list-statistics',
    'list-and-text',
    'columns',
  ])('%s', async (name) =>
    expect(await read(path(name))).toMatchObject({ n, d, numbers: expected, double: false }));

  test.each(['list-double', 'columns-double', 'columns-mixed', 'columns-split'])('%s', async (name) =>
    expect(await read(path(name))).toMatchObject({ n, d, numbers: expected, double: true }));

  test('a dictionary of one number', async () =>
    expect((await read(path('same-values'))).numbers).toEqual(new Array(n * d).fill(1.5)));

  test.each([
    'list-snappy',
    'list-many-pages',
    'columns',
    'columns-double',
  ])('%s from any row on, in pieces of any length', async (name) => {
    for (const from of [0, 1, 15, 16, 17, 39, 40])
      for (const every of [1, 7, 16, 100]) {
        const { numbers, pieces } = await read(path(name), { from, every });
        expect(numbers).toEqual(expected.slice(from * d));
        let row = from;
        for (const piece of pieces) {
          row += piece;
          expect(Math.floor((row - 1) / every)).toBe(Math.floor((row - piece) / every));
        }
      }
  });

  test('columns are chosen by name', async () => {
    expect((await read(`${path('two-lists')}#k`)).numbers).toEqual(expected);
    expect((await read(`${path('two-lists')}#q`)).numbers.slice(-d)).toEqual(expected.slice(0, d));
    expect((await read(`${path('list-and-number')}#key`)).numbers).toEqual(expected);
    const { numbers } = await read(`${path('columns')}#x3,x0`);
    expect(numbers).toEqual(
      Array.from({ length: n }, (_, i) => [expected[i * d + 3], expected[i * d]]).flat(),
    );
  });
});

describe('refused in one line', () => {
  test.each([
    ['bad-null-row', 'row 21 is NULL'],
    ['bad-null-first-row', 'row 0 is NULL'],
    ['bad-null-number', 'row 21 has a NULL at column 2'],
    ['bad-empty-row', 'row 21 has no numbers'],
    ['bad-short-row', 'row 21 has 3 numbers, the first row has 4'],
    ['bad-short-last-row', 'row 39 has 3 numbers, the first row has 4'],
    ['bad-long-row', 'row 21 has more than the 4 numbers of the first row'],
    ['bad-null-column', 'row 33 has a NULL in column "x2"'],
    ['bad-no-floats', 'there is no column of floats or of lists of floats'],
    ['bad-nested', 'there is no column of floats or of lists of floats'],
    [
      'two-lists',
      'choose a column of lists, or columns of numbers, with #NAME or #NAME,NAME: "q", "k" (lists)',
    ],
    [
      'list-and-number',
      'choose a column of lists, or columns of numbers, with #NAME or #NAME,NAME: "key" (lists); "score" (numbers)',
    ],
    [
      'columns#x9',
      'there is no column "x9" of floats or lists of floats, only "x0", "x1", "x2", "x3" (numbers)',
    ],
    ['columns#x1,x1', 'a column is named twice in "x1,x1"'],
  ])('%s', async (name, rule) => {
    const [file, column] = name.split('#');
    const reference = `${path(file)}${column ? `#${column}` : ''}`;
    const error = await read(reference).catch((error: unknown) => error);
    expect(error).toEqual(new FormatError(`parquet: ${path(file)}: ${rule}`));
  });

  test.each([
    [
      'encrypted',
      (bytes: Buffer) => bytes.write('PARE', bytes.length - 4),
      'the file is encrypted, which cannot be read',
    ],
    [
      'cut off',
      (bytes: Buffer) => bytes.fill(7, bytes.length - 4),
      'the file does not end with PAR1: it is damaged, or was not written to its end',
    ],
    ['begun wrongly', (bytes: Buffer) => bytes.fill(7, 0, 4), 'the file does not begin with PAR1'],
    [
      'of a footer that is too long',
      (bytes: Buffer) => bytes.writeUInt32LE(2 ** 31, bytes.length - 8),
      /^the footer is damaged: its length 2147483648 is more than can be in a file of \d+ bytes$/,
    ],
  ])('a file that is %s', async (_, damage, rule) => {
    const bytes = readFileSync(path('list-snappy'));
    damage(bytes);
    const error = await openParquet(sourceOver(bytes)).catch((error: Error) => error);
    expect(error).toBeInstanceOf(FormatError);
    const message = (error as Error).message.replace(/^parquet: damaged: /, '');
    if (typeof rule === 'string') expect(message).toBe(rule);
    else expect(message).toMatch(rule);
  });
});

function sourceOver(bytes: Uint8Array): RangeSource {
  return {
    name: 'damaged',
    byteLength: bytes.length,
    identity: () => undefined,
    read: async (start, end) => bytes.slice(start, end),
  };
}
