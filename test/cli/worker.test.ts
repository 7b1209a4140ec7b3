/** A job of many partitions from the command line: manifest, workers, merges and the second pass, and workers that are killed. */
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeNpy, writeSafetensors } from '../../src/io/index.js';
import { type Finished, finished, tensor, Workplace } from './cli.js';
import { RangeServer } from './range-server.js';

const [n, d] = [12_000, 6];
const keys = tensor([n, d], 31, 1201);
const part = (start: number, end: number) => ({
  data: keys.data.slice(start * d, end * d),
  shape: [end - start, d],
});

let place: Workplace;
let server: RangeServer;
let url: string;
beforeAll(async () => {
  place = new Workplace();
  server = await new RangeServer().start();
  place.write('all.npy', writeNpy(keys));
  place.write('a.npy', writeNpy(part(0, 5000)));
  place.write('b.safetensors', writeSafetensors({ k: part(5000, 5001) }));
  url = server.serve('/c.npy', { bytes: writeNpy(part(5001, n)), etag: () => '"1"' });
  for (const name of ['no-rows', 'list-many-pages', 'bad-null-row'])
    place.write(
      `${name}.parquet`,
      readFileSync(fileURLToPath(new URL(`../parquet/files/${name}.parquet`, import.meta.url))),
    );
});
afterAll(async () => {
  place?.remove();
  await server?.stop();
});

function done({ code, stdout, stderr }: Finished): string {
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}
const run = async (...args: string[]) => done(await place.run(args));
const json = async (...args: string[]) => JSON.parse(await run(...args, '--json'));
const read = (name: string) => readFileSync(place.path(name), 'utf8');
/** The lines that a worker prints for lines of input. */
const pipe = async (input: string, ...args: string[]) =>
  done(await place.pipe(Buffer.from(input), ['worker', ...args]));
const lines = (text: string) =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));

/** The manifest of all inputs, an empty one among them. */
async function manifest(): Promise<string> {
  const told = await json(
    'manifest',
    'a.npy',
    'b.safetensors',
    'no-rows.parquet',
    url,
    '--rows',
    '3000',
    '-o',
    'parts.jsonl',
  );
  expect(told).toEqual({ partitions: 7, rows: n, d });
  return read('parts.jsonl');
}

test('a manifest numbers rows and partitions in the order of the inputs', async () => {
  expect(lines(await manifest())).toEqual([
    { partition: 0, input: 'a.npy', start: 0, rows: 3000, offset: 0 },
    { partition: 1, input: 'a.npy', start: 3000, rows: 2000, offset: 3000 },
    { partition: 2, input: 'b.safetensors', start: 0, rows: 1, offset: 5000 },
    { partition: 3, input: 'no-rows.parquet', start: 0, rows: 0, offset: 5001 },
    { partition: 4, input: url, start: 0, rows: 3000, offset: 5001 },
    { partition: 5, input: url, start: 3000, rows: 3000, offset: 8001 },
    { partition: 6, input: url, start: 6000, rows: 999, offset: 11_001 },
  ]);
  expect(await run('manifest', 'a.npy', '-o', 'one.jsonl')).toBe(
    '1 partition of 5000 rows and 6 columns written to one.jsonl\n',
  );
});

test('Parquet is cut between its row groups', async () => {
  const parts = async (rows: string) => {
    await run('manifest', 'list-many-pages.parquet', '--rows', rows, '-o', 'groups.jsonl');
    return lines(read('groups.jsonl')).map(({ start, rows }) => [start, rows]);
  };
  expect(await parts('5')).toEqual([
    [0, 16],
    [16, 16],
    [32, 8],
  ]);
  expect(await parts('31')).toEqual([
    [0, 16],
    [16, 24],
  ]);
  expect(await parts('35')).toEqual([
    [0, 32],
    [32, 8],
  ]);
});

test.each([
  ['nowhere', 'nowhere: cannot be made, a link in its path leads nowhere'],
  ['nowhere/below', 'nowhere/below: cannot be made, a link in its path leads nowhere'],
  ['a.npy', 'a.npy: is a file, not a folder'],
  ['a.npy/below', 'a.npy/below: no such file, a part of its path is not a folder'],
])('a folder for results that cannot be made is told in a line: %s', async (folder, message) => {
  rmSync(place.path('nowhere'), { force: true });
  symlinkSync('missing/folder', place.path('nowhere'));
  const grams = await pipe(await manifest(), 'gram');
  const result = await place.pipe(Buffer.from(grams), ['worker', 'merge', '-o', folder]);
  expect(result).toEqual({ code: 1, stdout: '', stderr: `levattention worker: ${message}\n` });
});

test('workers, merges and a second pass find the keys of a single run', async () => {
  const single = await json('find', 'all.npy', '--epsilon', '0.01', '--exact');
  expect(single.indices.length).toBeGreaterThan(3);
  const parts = (await manifest()).split('\n').slice(0, -1);
  // Two workers, each with its partitions.
  const first = await pipe(parts.slice(0, 4).join('\n'), 'sketch', '--epsilon', '0.01');
  const second = await pipe(`${parts.slice(4).join('\n')}\n`, 'sketch', '--epsilon', '0.01');
  expect(lines(first).at(-1)).toMatchObject({ end: 'sketch', results: 4, rows: 5001 });
  const pairs = await pipe(first + second, 'merge', '--fan-in', '2');
  expect(lines(pairs).map(({ partition, rows }) => [partition, rows])).toEqual([
    [0, 5000],
    [1, 1],
    [2, 6000],
    [3, 999],
    [undefined, n],
  ]);
  await pipe(pairs, 'merge', '-o', 'merged');
  const set = await json('finish', 'merged/part-00000.lev');
  expect(set).toMatchObject({ indices: single.indices, guarantee: 'minimal', n });
  const found = lines(await pipe(await manifest(), 'filter', '--factor', 'merged/part-00000.lev'));
  expect(found.slice(0, -1).flatMap(({ indices }) => indices)).toEqual(single.indices);
  expect(found.slice(0, -1).flatMap(({ scores }) => scores)).toEqual(set.scores);
});

test('two passes by Grams find the keys of a single run, and read no part again that is light', async () => {
  const single = await json('find', 'all.npy', '--epsilon', '0.01', '--exact');
  const parts = await manifest();
  const grams = await pipe(parts, 'gram');
  const nodes = await pipe(grams, 'merge', '--fan-in', '3');
  const root = await pipe(nodes, 'merge');
  expect(lines(await pipe(root, 'factor', '--epsilon', '0.01'))).toEqual([
    { partition: 0, rows: n, d, centre: false, certified: true, rank: d, margin: expect.any(Number) },
    { end: 'factor', results: 1, rows: n, crc32: expect.any(String) },
  ]);
  expect(await pipe(nodes, 'merge', '-o', 'all')).toContain('part-00000.gram');
  // In files, the same.
  const files = await pipe(parts, 'gram', '-o', 'grams');
  expect(await pipe(await pipe(files, 'merge', '--fan-in', '3'), 'merge')).toBe(root);
  const known = new Map(lines(grams).map((result) => [result.partition, result]));
  const second = lines(parts).map((part) => JSON.stringify({ ...part, ...known.get(part.partition) }));
  const filter = ['filter', '--factor', 'all/part-00000.gram', '--epsilon', '0.01'];
  const found = lines(await pipe(second.join('\n'), ...filter)).slice(0, -1);
  expect(found.flatMap(({ indices }) => indices)).toEqual(single.indices);
  found
    .flatMap(({ scores }) => scores)
    .forEach((score, i) => {
      expect(score).toBeCloseTo(single.scores[i], 9);
    });
  // One row of twelve thousand.
  expect(found.filter(({ skipped }) => skipped).map(({ partition }) => partition)).toEqual([2]);
  const all = lines(await pipe(parts, ...filter)).slice(0, -1);
  expect(all.flatMap(({ indices }) => indices)).toEqual(single.indices);
  const other = await place.pipe(Buffer.from(second[0].replace(/"offset":0/, '"offset":7')), [
    'worker',
    ...filter,
  ]);
  expect(other).toMatchObject({
    code: 1,
    stderr: 'levattention worker: partition 0: its Gram is of other rows\n',
  });
});

test('a Gram of too few rows is no factor, and says so', async () => {
  const line = JSON.stringify({ partition: 0, input: 'a.npy', start: 0, rows: d - 1, offset: 0 });
  const root = await pipe(await pipe(line, 'gram'), 'merge', '-o', 'few');
  expect(lines(await pipe(root, 'factor', '--epsilon', '0.01'))[0]).toMatchObject({
    rows: d - 1,
    certified: false,
  });
  const refused = await place.pipe(Buffer.from(line), [
    'worker',
    'filter',
    '--factor',
    'few/part-00000.gram',
    '--epsilon',
    '0.1',
  ]);
  expect(refused).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(
      /^levattention worker: few.part-00000\.gram: the Gram does not certify scores[^\n]+\n$/,
    ),
  });
  const mixed = await pipe(line, 'sketch', '--epsilon', '0.01');
  const { code, stderr } = await place.pipe(
    Buffer.from(await pipe(line.replace('"partition":0', '"partition":1'), 'gram')),
    ['worker', 'factor', '--epsilon', '0.1'],
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const both = mixed + (await pipe(line.replace('"partition":0', '"partition":1'), 'gram'));
  expect(await place.pipe(Buffer.from(both), ['worker', 'merge'])).toMatchObject({
    code: 1,
    stderr: 'levattention worker: partition 1: a Gram and a sketch cannot be merged\n',
  });
});

test('no partition is no failure', async () =>
  expect(lines(await pipe('', 'sketch', '--epsilon', '0.01'))).toEqual([
    { end: 'sketch', results: 0, rows: 0, crc32: '00000000' },
  ]));

test('a worker that is killed leaves no trailer and no half a file, and the next one makes up for it', async () => {
  const parts = await manifest();
  const expected = await pipe(parts, 'sketch', '--epsilon', '0.01', '-o', 'whole');
  let cut = 0;
  for (const patience of [20, 150, 250, 350, 450]) {
    const child = place.start(['worker', 'sketch', '--epsilon', '0.01', '-o', 'killed']);
    child.stdin!.on('error', () => {});
    child.stdin!.end(parts);
    const ended = finished(child);
    await wait(patience);
    child.kill('SIGKILL');
    const { code, stdout } = await ended;
    if (code === null && !stdout.includes('"end"')) cut++;
    if (code === null && stdout !== '') {
      const { code, stderr } = await place.pipe(Buffer.from(stdout.replace(/"end".*/s, '')), [
        'worker',
        'merge',
      ]);
      expect(code).toBe(1);
      expect(stderr).toMatch(/^levattention worker: [^\n]+\n$/);
    }
  }
  expect(cut).toBeGreaterThan(0);
  const again = await pipe(parts, 'sketch', '--epsilon', '0.01', '-o', 'killed');
  // The trailer's own is of the names of the files, too.
  const untilTrailer = (text: string) => text.replace(/"crc32":"\w+"}\n$/, '');
  expect(untilTrailer(again.replaceAll('killed', 'whole'))).toBe(untilTrailer(expected));
  const names = lines(expected).flatMap(({ file }) => file ?? []);
  expect(names.length).toBe(6);
  for (const name of names)
    expect(readFileSync(place.path(name.replace('whole', 'killed')))).toEqual(readFileSync(place.path(name)));
  expect(place.files().filter((name) => name.startsWith('killed/') && !name.endsWith('.lev'))).toEqual([]);
});

describe('refused in one line', () => {
  const line = (partition: number, offset: number, rows: number, input = 'a.npy', start = 0) =>
    `${JSON.stringify({ partition, input, start, rows, offset })}\n`;
  const sketch = ['sketch', '--epsilon', '0.01'];
  test.each([
    [
      'a partition twice',
      sketch,
      line(1, 0, 10) + line(1, 50, 10, 'all.npy'),
      1,
      'partition 1 is listed twice',
    ],
    [
      'rows in two partitions',
      sketch,
      line(1, 0, 10) + line(2, 9, 10, 'all.npy'),
      1,
      'rows 9 to 9 of partition 2 are in another one, too',
    ],
    [
      'a partition with bad rows',
      sketch,
      line(0, 0, 10) + line(7, 50, 40, 'bad-null-row.parquet'),
      1,
      'partition 7: parquet: bad-null-row.parquet: row 21 is NULL',
    ],
    [
      'an input that is not there',
      sketch,
      line(7, 0, 10, 'none.npy'),
      1,
      'partition 7: none.npy: no such file',
    ],
    [
      'rows of a file in two partitions, by another path',
      sketch,
      line(0, 0, 10) + line(1, 50, 10, './a.npy', 5),
      1,
      'rows 5 to 9 of ./a.npy, of partition 1, are in another one, too',
    ],
    ['no JSON', sketch, 'a.npy\n', 1, 'a partition must be a line of JSON, got a.npy'],
    [
      'results without a trailer',
      ['merge'],
      '{"partition":0,"rows":0}\n',
      1,
      'the results end without a trailer: the worker that printed them was cut off',
    ],
    ['a mode', ['sort'], '', 2, "the mode must be gram, sketch, merge, factor, filter, got 'sort'"],
    [
      'an option of another mode',
      ['merge', '--epsilon', '0.1'],
      '',
      2,
      '--epsilon belongs to worker sketch and factor and filter, not to merge',
    ],
    ['no epsilon', ['sketch'], '', 2, 'worker sketch needs --epsilon, such as --epsilon 0.05'],
    ['no factor', ['filter'], '', 2, 'worker filter needs --factor, a sketch or Gram of all rows'],
    ['no epsilon for a Gram', ['factor'], '', 2, 'worker factor needs --epsilon, such as --epsilon 0.05'],
  ])('%s', async (_, args, input, code, rule) => {
    const found = await place.pipe(Buffer.from(input), ['worker', ...args]);
    expect({ code: found.code, stderr: found.stderr }).toEqual({
      code,
      stderr: `levattention worker: ${rule}\n`,
    });
    expect(found.stdout).not.toContain('"end"');
  });

  test.each([
    [['a.npy', 'a.npy'], 1, 'rows 0 to 4999 of a.npy, of partition 1, are in another one, too'],
    [
      ['a.npy', 'list-many-pages.parquet'],
      1,
      'list-many-pages.parquet: has 4 columns, the inputs before it have 6',
    ],
    [['a.npy', './a.npy'], 1, 'rows 0 to 4999 of ./a.npy, of partition 1, are in another one, too'],
    [
      ['b.safetensors', 'b.safetensors#k'],
      1,
      'rows 0 to 0 of b.safetensors#k, of partition 1, are in another one, too',
    ],
    [['a.npy', '-'], 1, "'-': rows of a partition must be in a file or at a URL"],
  ])('a manifest of %s', async (inputs, code, rule) => {
    const { code: exit, stderr } = await place.run(['manifest', ...inputs, '-o', 'bad.jsonl']);
    expect({ exit, stderr }).toEqual({ exit: code, stderr: `levattention manifest: ${rule}\n` });
    expect(place.files()).not.toContain('bad.jsonl');
  });
});

test('an output folder that is a file', async () => {
  mkdirSync(place.path('folder'));
  writeFileSync(place.path('folder/file'), '');
  const { code, stderr } = await place.pipe(Buffer.from(await manifest()), [
    'worker',
    'sketch',
    '--epsilon',
    '0.01',
    '-o',
    'folder/file',
  ]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^levattention worker: [^\n]*folder\/file[^\n]*\n$/);
});
