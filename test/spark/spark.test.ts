/** `levattention spark` on a real Apache Spark: a master and two workers, executors that are killed, and workers that fail. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RangeServer } from '../cli/range-server.js';
import { Cluster, until } from './cluster.js';
import { type Done, Jobs, type Keys, linesOf } from './job.js';

/** Skewed sizes, with empty ones at both ends and in between. */
const sizes = [
  0,
  9000,
  1,
  0,
  300,
  4000,
  ...Array.from({ length: 30 }, (_, i) => (i % 7 === 3 ? 0 : 40 + i)),
  2500,
  0,
];
const epsilon = '0.02';

let cluster: Cluster;
let jobs: Jobs;
let keys: Keys;
let single: { all: string; output: string };
beforeAll(async () => {
  cluster = await Cluster.start();
  console.log(
    cluster.network.apart
      ? 'hosts are network namespaces'
      : 'hosts are on loopback: namespaces are not allowed',
  );
  jobs = new Jobs(cluster);
  keys = jobs.keys('keys', sizes, 6);
  single = await jobs.twoPasses(keys, epsilon);
});
afterAll(async () => {
  jobs?.remove();
  await cluster?.close();
});

const rowsOf = (output: string) => linesOf(output).map(({ row }) => row);
const exact = async ({ whole }: Keys, ...options: string[]) =>
  JSON.parse(await jobs.succeed('find', whole, '--epsilon', epsilon, '--exact', '--json', ...options))
    .indices;
/** A run gives the bytes of the single process. */
function same({ output, all }: Done, expected: { all: string; output: string }) {
  expect(output).toBe(expected.output);
  expect(all === expected.all).toBe(true);
}

test('two passes give the keys of a single run, and the bytes of a single process with the same tree; both workers ran tasks', async () => {
  const done = await jobs.done(keys.manifest, '--epsilon', epsilon, '--tasks', '12');
  same(done, single);
  const rows = await exact(keys);
  expect(rows.length).toBeGreaterThan(10);
  expect(rowsOf(done.output)).toEqual(rows);
  const { summary } = done;
  expect(summary).toMatchObject({
    n: sizes.reduce((a, b) => a + b),
    guarantee: 'minimal',
    keys: rows.length,
    passes: 2,
  });
  expect(summary.skipped.partitions).toBeGreaterThan(5);
  const ran = new Set(Object.keys(summary.tasks).map((folder) => cluster.workerOf(folder)));
  expect(ran).toEqual(new Set(['worker0', 'worker1']));
  expect(Math.min(...Object.values(summary.tasks))).toBeGreaterThan(0);
});

test('the number of tasks does not matter', async () =>
  same(await jobs.done(keys.manifest, '--epsilon', epsilon, '--tasks', '3'), single));

test('settings of this Spark that ask for cluster mode are overruled', async () => {
  mkdirSync(jobs.path('conf'));
  jobs.write('conf/spark-defaults.conf', 'spark.submit.deployMode cluster\n');
  const args = ['--manifest', keys.manifest, '--epsilon', epsilon, '-o', 'client.jsonl'];
  const done = await jobs.spark(args, { SPARK_CONF_DIR: jobs.path('conf') });
  expect(done).toMatchObject({ code: 0, stderr: '' });
  expect(readFileSync(jobs.path('client.jsonl'), 'utf8')).toBe(single.output);
});

test('keys on a server, which fails now and then: the same bytes, and parts that are light are not read again', async () => {
  const server = await new RangeServer(cluster.network.own).start();
  try {
    const url = server.serve('/keys.npy', {
      bytes: readFileSync(jobs.path(keys.whole)),
      etag: () => '"1"',
      fault: (response, _, request) => request % 40 === 7 && Boolean(response.writeHead(503).end()),
    });
    const parts = readFileSync(jobs.path(keys.manifest), 'utf8');
    jobs.write('http.jsonl', parts.replaceAll(`"${keys.whole}"`, JSON.stringify(url)));
    const done = await jobs.done('http.jsonl', '--epsilon', epsilon, '--tasks', '6');
    same(done, single);
    expect(done.summary.skipped.partitions).toBeGreaterThan(5);
    expect(server.requests.length).toBeGreaterThan(60);
  } finally {
    await server.stop();
  }
});

test('one pass by sketches, of x^2 and of another weight, with Parquet out', async () => {
  const options = ['--epsilon', epsilon, '--tasks', '6'];
  const square = await jobs.done(keys.manifest, ...options, '--one-pass');
  same(square, await jobs.onePass(keys, '--epsilon', epsilon));
  expect(square.summary).toMatchObject({ passes: 1, uncertified: false });
  expect(rowsOf(square.output)).toEqual(await exact(keys));
  const huber = await jobs.onePass(keys, '--epsilon', '0.1', '--f', 'huber:1');
  const output = jobs.path('huber.parquet');
  const args = [
    '--manifest',
    keys.manifest,
    '--epsilon',
    '0.1',
    '--f',
    'huber:1',
    '--tasks',
    '6',
    '-o',
    output,
  ];
  expect(await jobs.spark(args)).toMatchObject({ code: 0, stderr: '' });
  const { buffer, byteOffset, byteLength } = readFileSync(output);
  const file = buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
  const rows = await parquetReadObjects({ file });
  expect(rows.map(({ row, score, undecided }) => ({ row: Number(row), score, undecided }))).toEqual(
    linesOf(huber.output),
  );
});

test('keys of low rank take one pass, which is said', async () => {
  const flat = jobs.keys(
    'flat',
    [700, 0, 900, 1400],
    3,
    (i, c) => ((i * 7919) % 101) * [1, 2, 3][c] * (i % 997 === 5 ? 40 : 1),
  );
  const done = await jobs.done(flat.manifest, '--epsilon', epsilon);
  expect(done.summary).toMatchObject({ passes: 1, uncertified: true, guarantee: 'superset' });
  expect(rowsOf(done.output)).toEqual(expect.arrayContaining(await exact(flat)));
  same(done, await jobs.onePass(flat, '--epsilon', epsilon));
});

test.each([
  'gram',
  'filter',
])('an executor that is killed in the midst of %s: the same bytes', async (mode) => {
  const name = `slow-${mode}`;
  // One of the later tasks waits, so that others are done already, and says where.
  const node = jobs.node(
    name,
    `if [ $mode = ${mode} ] && once one; then :; elif [ $mode = ${mode} ] && once two; then :
elif [ $mode = ${mode} ] && once three; then pwd > "$place/where"; echo $$ > "$place/pid"; mv "$place/where" "$place/killme"; exec sleep 100; fi`,
  );
  const done = jobs.done(keys.manifest, '--epsilon', epsilon, '--tasks', '10', '--node', node);
  done.catch(() => {});
  const place = jobs.marks(name);
  await until(() => existsSync(join(place, 'killme')), 'a task to begin');
  await wait(500);
  const where = readFileSync(join(place, 'killme'), 'utf8').trim();
  cluster.killExecutor(where);
  const { summary, ...rest } = await done;
  same({ summary, ...rest }, single);
  // Another one took its place: the third of this job.
  expect(cluster.executorsOf(where)).toContain('2');
  try {
    process.kill(Number(readFileSync(join(place, 'pid'), 'utf8')), 'SIGKILL');
  } catch {
    // It went with its executor.
  }
});

describe('workers that fail', () => {
  const job = (node: string) => [
    '--manifest',
    keys.manifest,
    '--epsilon',
    epsilon,
    '--tasks',
    '5',
    '--node',
    node,
    '-o',
    'none.jsonl',
  ];
  async function fails(node: string): Promise<string> {
    const { code, stdout, stderr } = await jobs.spark(job(node));
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(existsSync(jobs.path('none.jsonl'))).toBe(false);
    const [, line] = /^levattention spark: ([^\n]+)\n$/.exec(stderr) ?? [];
    return line ?? stderr;
  }

  test('once: they are started again, with the same bytes', async () => {
    const node = jobs.node(
      'once',
      'for one in gram merge filter; do [ $mode = $one ] && once $one && exit 9; done',
    );
    same(await jobs.done(keys.manifest, '--epsilon', epsilon, '--tasks', '5', '--node', node), single);
    expect(['gram', 'merge', 'filter'].filter((mode) => existsSync(join(jobs.marks('once'), mode)))).toEqual([
      'gram',
      'merge',
      'filter',
    ]);
  });

  test('always: the job fails with the partition and what was said', async () => {
    const node = jobs.node('always', 'if [ $mode = gram ]; then echo odd >&2; exit 9; fi');
    expect(await fails(node)).toMatch(/^partition \d+: worker gram ended with 9 on [\w.-]+: odd$/);
  });

  test('by a row that cannot be: the job fails with the partition, the file and the row', async () => {
    const bad = fileURLToPath(new URL('../parquet/files/bad-null-row.parquet', import.meta.url));
    const good = fileURLToPath(new URL('../parquet/files/list-many-pages.parquet', import.meta.url));
    const args = ['--input', good, '--input', bad, '--epsilon', epsilon, '-o', 'none.jsonl'];
    const { code, stderr } = await jobs.spark(args);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^levattention spark: partition 1: worker gram ended with 1 on [\w.-]+: parquet: \S+bad-null-row\.parquet: row 21 is NULL\n$/,
    );
  });

  test.each([
    ['', ''],
    [', and a first pass that is made again as its executor is lost', 'exec sleep 100'],
  ])('by rows that change between the passes%s: the job fails with the partition and the file', async (_, lost) => {
    const bytes = readFileSync(jobs.path(keys.whole));
    jobs.write('changing.npy', bytes);
    // A number of one of the rows of partition 1, behind a header of at most 128 bytes.
    bytes.writeFloatLE(0.25, 128 + 4 * 600);
    jobs.write('changed.npy', bytes);
    const parts = readFileSync(jobs.path(keys.manifest), 'utf8');
    jobs.write('changing.jsonl', parts.replaceAll(keys.whole, 'changing.npy'));
    const name = `changes${lost.length}`;
    const node = jobs.node(
      name,
      `if [ $mode = filter ] && once one; then
mv "${jobs.folder}/changed.npy" "${jobs.folder}/changing.npy"; pwd > "$place/where"; mv "$place/where" "$place/killme"; ${lost}
fi`,
    );
    // A single task, so that a single executor has all of the first pass.
    const args = ['--epsilon', epsilon, '--tasks', '1', '--node', node, '-o', 'none.jsonl'];
    const job = jobs.spark(['--manifest', 'changing.jsonl', ...args]);
    if (lost) {
      const place = join(jobs.marks(name), 'killme');
      await until(() => existsSync(place), 'the second pass to begin');
      cluster.killExecutor(readFileSync(place, 'utf8').trim());
    }
    const { code, stderr } = await job;
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^levattention spark: partition 1: worker filter ended with 1 on [\w.-]+: \S+changing\.npy: its rows have changed since the first pass\n$/,
    );
    expect(existsSync(jobs.path('none.jsonl'))).toBe(false);
  });

  test.each([
    ['in the midst of a line', '| head -c 700'],
    ['between lines', '| head -n 2'],
    ['before the trailer', '| sed \\$d'],
  ])('by output that is cut off %s, with exit code 0: the job fails with the partition', async (where, cut) => {
    const node = jobs.node(
      `cut-${cut.length}`,
      `if [ $mode = gram ]; then "${process.execPath}" "$@" ${cut}; exit 0; fi`,
    );
    expect(await fails(node)).toMatch(
      where === 'in the midst of a line'
        ? /^partition \d+: worker gram printed what is no result: its output was cut off$/
        : /^(partition \d+|a task of gram): worker gram ended without its trailer, or with another one: its output was cut off$/,
    );
  });

  test('by no Node on the executors: the job fails with its name', async () =>
    expect(await fails('/none/node')).toMatch(
      /^Node cannot be started on [\w.-]+: '\/none\/node' \(No such file or directory\): --node says where it is$/,
    ));
});

test('a thousand partitions on two executors', async () => {
  const many = Array.from({ length: 1000 }, (_, i) => (i % 10 === 3 ? 0 : i % 100 === 50 ? 900 : 7));
  const thousand = jobs.keys('thousand', many, 5);
  const done = await jobs.done(thousand.manifest, '--epsilon', epsilon);
  same(done, await jobs.twoPasses(thousand, epsilon));
  expect(rowsOf(done.output)).toEqual(await exact(thousand));
  expect(done.summary.skipped.partitions).toBeGreaterThan(500);
  expect(new Set(Object.keys(done.summary.tasks).map((folder) => cluster.workerOf(folder))).size).toBe(2);
});
