/** Keys in Parquet files and on servers: find, sketch and filter take them as they take files of numbers, and say in one line what is wrong. */
import { copyFileSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeNpy, writeNpz, writeSafetensors } from '../../src/io/index.js';
import { type Finished, tensor, Workplace } from './cli.js';
import { RangeServer } from './range-server.js';

const [n, d] = [40, 4];
/** The rows of the Parquet files. */
const keys = {
  data: Float32Array.from(
    { length: n * d },
    (_, k) => (((7 * Math.floor(k / d) + 13 * (k % d)) % 32) - 16) / 8,
  ),
  shape: [n, d],
};
const many = tensor([9000, 6], 21, 1201);
const parquet = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../parquet/files/${name}.parquet`, import.meta.url)));

let place: Workplace;
let server: RangeServer;
const urls: Record<string, string> = {};
beforeAll(async () => {
  place = new Workplace();
  server = await new RangeServer().start();
  const files = {
    'keys.npy': writeNpy(keys),
    'many.npy': writeNpy(many),
    'many.safetensors': writeSafetensors({ other: keys, many }),
    'many.npz': writeNpz({ many }),
    'half.npy': writeNpy(many, { dtype: 'F16' }),
    'list.parquet': parquet('list-zstd'),
    'columns.parquet': parquet('columns'),
    'cut.parquet': parquet('list-zstd').subarray(0, -40),
    'nulls.parquet': parquet('bad-null-row'),
    'nan.parquet': parquet('bad-nan'),
    'none.parquet': parquet('no-rows'),
  };
  for (const [name, bytes] of Object.entries(files)) {
    place.write(name, bytes);
    urls[name] = server.serve(`/${name}`, { bytes, etag: () => '"1"' });
  }
  copyFileSync(place.path('list.parquet'), place.path('without-ending'));
});
afterAll(async () => {
  place?.remove();
  await server?.stop();
});

function parsed({ code, stdout, stderr }: Finished) {
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const { seconds, ...result } = JSON.parse(stdout);
  return result;
}
const json = async (...args: string[]) => parsed(await place.run([...args, '--json']));

test.each([
  'list.parquet',
  'columns.parquet',
  'without-ending',
  'columns.parquet#x0,x1,x2,x3',
])('find takes %s', async (file) => {
  const expected = await json('find', 'keys.npy', '--epsilon', '0.1', '--exact');
  expect(expected.indices.length).toBeGreaterThan(0);
  const found = await json('find', file, '--epsilon', '0.1');
  expect(found).toMatchObject({ indices: expected.indices, guarantee: 'minimal', n, d });
});

test('sketch and filter take Parquet, and a checkpoint goes on in one', async () => {
  const { indices } = await json('find', 'keys.npy', '--epsilon', '0.1');
  await json('sketch', 'list.parquet', '--epsilon', '0.1', '--offset', '100', '-o', 'list.lev');
  const second = await json('filter', 'columns.parquet', '--factor', 'list.lev', '--offset', '100');
  expect(second.indices).toEqual(indices.map((i: number) => i + 100));
  const args = ['find', 'list.parquet', '--epsilon', '0.1', '--checkpoint', 'check.lev', '--interval', '7'];
  expect(await json(...args)).toMatchObject({ indices, resumed: 0 });
  expect(await json(...args)).toMatchObject({ indices, resumed: n });
});

describe('a server', () => {
  test.each([
    'many.npy',
    'many.safetensors#many',
    'list.parquet',
    'columns.parquet',
  ])('has %s', async (file) => {
    const [name, hash = ''] = file.split(/(?=#)/);
    const local = await json(
      'find',
      /parquet/.test(file) ? 'keys.npy' : 'many.npy',
      '--epsilon',
      '0.02',
      '--exact',
    );
    const remote = await json('find', `${urls[name]}${hash}`, '--epsilon', '0.02');
    expect(remote).toMatchObject({ indices: local.indices, guarantee: 'minimal', n: local.n });
  });

  test('has numbers of another type', async () => {
    const local = await json('find', 'half.npy', '--epsilon', '0.02', '--checkpoint', 'half.lev');
    const { resumed, compared, ...set } = local;
    expect(await json('find', urls['half.npy'], '--epsilon', '0.02')).toEqual(set);
  });

  test('has parts for sketch and filter', async () => {
    await json('sketch', urls['many.npy'], '--epsilon', '0.02', '-o', 'remote.lev');
    await json('sketch', 'many.npy', '--epsilon', '0.02', '-o', 'local.lev');
    expect(readFileSync(place.path('remote.lev'))).toEqual(readFileSync(place.path('local.lev')));
    expect(await json('filter', urls['many.npy'], '--factor', 'remote.lev')).toEqual(
      await json('filter', 'many.npy', '--factor', 'local.lev'),
    );
  });

  test('tells by its ETag that a checkpoint goes on', async () => {
    const args = [
      'find',
      urls['many.npy'],
      '--epsilon',
      '0.02',
      '--checkpoint',
      'url.lev',
      '--interval',
      '4000',
    ];
    expect(await json(...args)).toMatchObject({ resumed: 0, compared: 0 });
    expect(await json(...args)).toMatchObject({ resumed: 9000, compared: 0 });
    server.serve('/many.npy', { bytes: readFileSync(place.path('many.npy')), etag: () => '"2"' });
    expect(await json(...args)).toMatchObject({ resumed: 9000, compared: 9000 });
  });
});

describe('refused in one line', () => {
  test.each([
    ['nulls.parquet', 1, /: parquet: .*nulls\.parquet: row 21 is NULL$/],
    ['nan.parquet', 1, /: .*nan\.parquet: keys must be finite, got NaN at row 21, column 2$/],
    [
      'cut.parquet',
      1,
      /: parquet: .*: the file does not end with PAR1: it is damaged, or was not written to its end$/,
    ],
    ['none.parquet', 1, /: .*none\.parquet: there are no rows$/],
    [
      'list.parquet#value',
      1,
      /: parquet: .*: there is no column "value" of floats or lists of floats, only "key" \(lists\)$/,
    ],
    ['many.npz', 1, /many\.npz: an \.npz cannot be read in pieces: download it first$/, true],
  ] as [string, number, RegExp, boolean?][])('%s', async (file, code, line, remote) => {
    const [name, hash = ''] = file.split(/(?=#)/);
    for (const reference of remote ? [urls[name]] : [file, `${urls[name]}${hash}`]) {
      const found = await place.run(['find', reference, '--epsilon', '0.1']);
      expect(found).toMatchObject({ code, stdout: '' });
      expect(found.stderr).toMatch(/^levattention find: [^\n]*\n$/);
      expect(found.stderr.trim()).toMatch(line);
    }
  });

  test.each([
    [
      ['find', 'list.parquet', '--top', '3'],
      'a Parquet file or URL takes the keys in one pass, which needs --epsilon, not --top',
    ],
    [
      ['heavy', 'keys.npy', 'list.parquet', '--epsilon', '0.1'],
      'list.parquet: Parquet files and URLs are for find, sketch and filter, which read keys in one pass',
    ],
    [['find', 'nothing.parquet', '--epsilon', '0.1'], 'nothing.parquet: no such file'],
  ])('%s', async (args, line) => {
    const found = await place.run(args);
    expect(found.stderr).toBe(`levattention ${args[0]}: ${line}\n`);
    expect(found.code).toBeGreaterThan(0);
  });

  test('a file that is not on the server', async () => {
    const url = urls['many.npy'].replace('many', 'nothing');
    const { code, stderr } = await place.run(['find', url, '--epsilon', '0.1']);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `levattention find: ${url}: no such file (HTTP 404)\n`,
    });
  });
});
