/** Keys in one pass on the command line: sketches, streams and checkpoints give one set, whatever happens to the process. */
import { copyFileSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseWeight, type UniversalSet, UniversalSetSketch, universalSet } from '../../src/index.js';
import { writeNpy, writeNpz } from '../../src/io/index.js';
import { type FloatTensor, matrixOver } from '../../src/keys.js';
import { randomStream } from '../../src/random.js';
import { type Finished, finished, interrupted, tensor, Workplace } from './cli.js';

const rows = 5000;
const d = 6;
const keys = tensor([rows, d], 21, 1201);
const little = new Uint8Array(keys.data.buffer, keys.data.byteOffset, keys.data.byteLength);
const [n1, n2] = [1900, 3000];

let place: Workplace;
beforeAll(() => {
  place = new Workplace();
  place.write('keys.npy', writeNpy(keys));
  place.write('all.npy', writeNpy({ data: Float64Array.from(keys.data), shape: [rows, d] }));
  for (const [name, start, end] of [
    ['a', 0, n1],
    ['b', n1, n2],
    ['c', n2, rows],
  ] as const)
    place.write(
      `${name}.npy`,
      writeNpy({ data: keys.data.slice(start * d, end * d), shape: [end - start, d] }),
    );
});
afterAll(() => place?.remove());

function done({ code, stdout, stderr }: Finished): string {
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

function parsed(finished: Finished) {
  const { seconds, ...result } = JSON.parse(done(finished));
  expect(seconds).toBeGreaterThan(0);
  return result;
}

const json = async (...args: string[]) => parsed(await place.run([...args, '--json']));
const piped = async (input: Uint8Array, ...args: string[]) =>
  parsed(await place.pipe(input, [...args, '--json']));
const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value));

/** What one pass over all keys gives. */
function expectedSet(f: string, centre: boolean): UniversalSet {
  const sketch = new UniversalSetSketch({ d, epsilon: 0.02, f: parseWeight(f), centre });
  sketch.insert(keys);
  return plain(sketch.finish());
}

describe.each([
  ['power:2', []],
  ['power:2', ['--centre']],
  ['huber:1', []],
  ['power:4', []],
])('%s %s', (f, centre) => {
  const options = ['--epsilon', '0.02', '--f', f, ...centre];
  const expected = expectedSet(f, centre.length > 0);

  test('the set is not empty, and not all there is', () => {
    expect(expected.indices.length).toBeGreaterThan(0);
    expect(expected.indices.length).toBeLessThan(rows);
    if (f !== 'power:2') return;
    expect(expected.guarantee).toBe('minimal');
    const batch = universalSet(keys, { epsilon: 0.02, centre: centre.length > 0, exact: true });
    expect('indices' in batch && batch.indices).toEqual(expected.indices);
  });

  test('an .npy from standard input', async () => {
    expect(await piped(readFileSync(place.path('keys.npy')), 'find', '-', ...options)).toEqual(expected);
  });

  test('raw numbers from standard input', async () => {
    expect(await piped(little, 'find', '-', '--raw', 'f32', '--cols', `${d}`, ...options)).toEqual(expected);
  });

  test('a file with a checkpoint', async () => {
    const name = `${f.replace(':', '')}${centre.length}.lev`;
    const args = ['find', 'keys.npy', ...options, '--checkpoint', name, '--interval', '1500'];
    expect(await json(...args)).toEqual({ ...expected, resumed: 0, compared: 0 });
    expect(await json(...args)).toEqual({ ...expected, resumed: rows, compared: 0 });
    expect(await json('finish', name)).toEqual(expected);
  });

  test('parts that are summed up, merged and finished', async () => {
    const sum = (part: string, offset: number) =>
      json('sketch', `${part}.npy`, ...options, '--offset', `${offset}`, '-o', `${part}.lev`);
    expect(await sum('a', 0)).toMatchObject({ rows: n1, ranges: [[0, n1]], d, f, epsilon: 0.02 });
    await sum('b', n1);
    const c = ['--raw', 'f32', '--cols', `${d}`, '--offset', `${n2}`, '-o', 'c.lev'];
    await piped(little.subarray(4 * d * n2), 'sketch', '-', ...options, ...c);
    expect(await json('merge', 'a.lev', 'c.lev', '-o', 'ac.lev')).toMatchObject({
      ranges: [
        [0, n1],
        [n2, rows],
      ],
    });
    expect(await json('merge', 'ac.lev', 'b.lev', '-o', 'abc.lev')).toMatchObject({ ranges: [[0, rows]] });
    const merged: UniversalSet = await json('finish', 'abc.lev');
    if (f === 'power:2') expect(merged.indices).toEqual(expected.indices);
    expect(merged.guarantee).toBe(expected.guarantee);
    expect(merged.n).toBe(rows);

    if (f !== 'power:2' || centre.length > 0) return;
    const second = [
      await json('filter', 'a.npy', '--factor', 'abc.lev'),
      await piped(
        readFileSync(place.path('b.npy')),
        'filter',
        '-',
        '--factor',
        'abc.lev',
        '--offset',
        `${n1}`,
      ),
      await json('filter', 'c.npy', '--factor', 'abc.lev', '--offset', `${n2}`),
    ];
    expect(second.flatMap(({ indices }) => indices)).toEqual(merged.indices);
    expect(second.flatMap(({ scores }) => scores)).toEqual(merged.scores);
    expect(second[1]).toMatchObject({
      n: rows,
      rows: n2 - n1,
      offset: n1,
      d,
      f,
      epsilon: 0.02,
      undecided: [],
    });
  });
});

test.each([
  ['f16', 'F16'],
  ['f32', 'F32'],
  ['f64', 'F64'],
] as const)('numbers of type %s from standard input', async (raw, dtype) => {
  const npy = Buffer.from(writeNpy(keys, { dtype }));
  const args = ['--epsilon', '0.02'];
  const body = npy.subarray(10 + npy.readUInt16LE(8));
  const set = await piped(body, 'find', '-', '--raw', raw, '--cols', `${d}`, ...args);
  expect(await piped(npy, 'find', '-', ...args)).toEqual(set);
  place.write('typed.npy', npy);
  expect(await json('find', 'typed.npy', '--checkpoint', `${raw}.lev`, ...args)).toEqual({
    ...set,
    resumed: 0,
    compared: 0,
  });
});

test('numbers of the other byte order from standard input', async () => {
  const npy = Buffer.from(readFileSync(place.path('keys.npy')));
  const start = 10 + npy.readUInt16LE(8);
  npy.write('>', npy.indexOf("'<f4'") + 1);
  npy.subarray(start).swap32();
  expect(await piped(npy, 'find', '-', '--epsilon', '0.02')).toEqual(expectedSet('power:2', false));
});

test('what a sketch holds is said in words', async () => {
  const text = done(await place.run(['sketch', 'keys.npy', '--epsilon', '0.02', '-o', 'words.lev']));
  expect(text).toMatch(
    /^5000 rows of 6 columns summed up, for scores of 0\.02 or more \(weight power:2\)\.\n/,
  );
  expect(text).toMatch(
    /rows {5}0 to 4999\nholds {4}\d+ of them, .*\nsketch {3}[\d,]+ bytes written to words\.lev\n/,
  );
  const { indices } = expectedSet('power:2', false);
  expect(done(await place.run(['finish', 'words.lev', '-o', 'words.npy']))).toContain(
    `${indices.length} of 5000 keys can ever score 0.02 or more`,
  );
  expect(done(await place.run(['filter', 'keys.npy', '--factor', 'words.lev', '-o', 'again.npy']))).toContain(
    `${indices.length} keys of rows 0 to 4999 can score 0.02 or more among all 5000`,
  );
  expect(readFileSync(place.path('again.npy'))).toEqual(readFileSync(place.path('words.npy')));
});

test('a second pass over rows of low rank', async () => {
  const { data } = tensor([rows, d], 26, 1201);
  for (let j = 0; j < rows; j++) data[d * j + 5] = data[d * j + 2];
  place.write('low.npy', writeNpy({ data, shape: [rows, d] }));
  await json('sketch', 'low.npy', '--epsilon', '0.02', '-o', 'low.lev');
  const set = await json('finish', 'low.lev');
  expect(set.guarantee).toBe('superset');
  expect(set.indices.length).toBeGreaterThan(0);
  expect(await json('filter', 'low.npy', '--factor', 'low.lev')).toMatchObject({
    indices: set.indices,
    scores: set.scores,
    undecided: set.indices,
  });
});

describe('a checkpoint', () => {
  const interval = 4001;
  const many = 100_000;
  const args = [
    'find',
    'many.npy',
    '--epsilon',
    '0.005',
    '--checkpoint',
    'many.lev',
    '--interval',
    `${interval}`,
  ];
  const start = 128;
  let large: FloatTensor;
  let whole: UniversalSet;

  beforeAll(() => {
    large = tensor([many, d], 22, 997);
    place.write('many.npy', writeNpy(large));
    const sketch = new UniversalSetSketch({ d, epsilon: 0.005 });
    sketch.insert(large);
    whole = plain(sketch.finish());
  });

  const saved = () => {
    const sketch = UniversalSetSketch.fromBytes(readFileSync(place.path('many.lev')));
    expect(sketch.ranges).toEqual(sketch.rows === 0 ? [] : [[0, sketch.rows]]);
    return sketch;
  };

  test('the process may be killed at any moment: twenty times, and the same set in the end', async () => {
    const random = randomStream(5);
    const fresh = () => place.write('many.lev', new UniversalSetSketch({ d, epsilon: 0.005 }).toBytes());
    fresh();
    const began = performance.now();
    expect(await json(...args)).toEqual({ ...whole, resumed: 0, compared: 0 });
    const usual = performance.now() - began;

    fresh();
    let cutOff = 0;
    for (let killed = 0, before = 0; killed < 20; killed++) {
      const child = place.start(args);
      const ended = finished(child);
      await wait(usual * (0.3 + 0.7 * random.uniform()));
      child.kill('SIGKILL');
      await ended;
      const { rows } = saved();
      expect(rows).toBeGreaterThanOrEqual(before);
      expect(rows % interval === 0 || rows === many).toBe(true);
      if (rows > before && rows < many) cutOff++;
      before = rows;
      if (rows < many) continue;
      fresh();
      before = 0;
    }
    expect(cutOff).toBeGreaterThan(0);
    const { rows } = saved();
    expect(await json(...args)).toEqual({ ...whole, resumed: rows, compared: 0 });
    // A file that was half written when its process died has been removed.
    expect(place.files().filter((file) => /many\.lev|\.tmp$/.test(file))).toEqual(['many.lev']);
  }, 120_000);

  test('of several runs at once: each ends with the same set, and the file is whole', async () => {
    place.write('many.lev', new UniversalSetSketch({ d, epsilon: 0.005 }).toBytes());
    const often = args.with(-1, '500');
    const sets = await Promise.all(Array.from({ length: 4 }, () => json(...often)));
    for (const { resumed, compared, ...set } of sets) expect(set).toEqual(whole);
    expect(await json('finish', 'many.lev')).toEqual(whole);
    expect(place.files().filter((file) => file.endsWith('.tmp'))).toEqual([]);
  }, 60_000);

  /** Notes what is read of many.npy, and lets it fail at a row. */
  const watch = (failing = '') => ({
    NODE_OPTIONS: `--require ${place.path('watch.cjs')}`,
    FAILING: failing,
  });
  const watchCode = `
    const fs = require('node:fs');
    const { openSync, readSync } = fs;
    let watched;
    const reads = [];
    fs.openSync = (path, ...rest) => {
      const file = openSync(path, ...rest);
      if (path === 'many.npy') watched = file;
      return file;
    };
    fs.readSync = (file, bytes, at, length, position) => {
      const end = position + length;
      if (file === watched && process.env.FAILING && end > Number(process.env.FAILING))
        throw Object.assign(new Error('the disk is broken'), { code: 'EIO', syscall: 'read' });
      if (file === watched) reads.push([position, end]);
      return readSync(file, bytes, at, length, position);
    };
    require('node:module').syncBuiltinESMExports();
    process.on('exit', () => fs.writeFileSync('reads.json', JSON.stringify(reads)));`;
  const byteOf = (row: number) => start + 4 * d * row;
  const partly = 5 * interval;

  /** Leaves a checkpoint of the first rows. */
  async function stopped(): Promise<UniversalSetSketch> {
    place.write('many.npy', writeNpy(large));
    place.write('watch.cjs', watchCode);
    place.write('many.lev', new UniversalSetSketch({ d, epsilon: 0.005 }).toBytes());
    // A file that was written this very moment is one that its time does not tell from another.
    await wait(200);
    expect(await place.run(args, watch(`${byteOf(partly + 1234)}`))).toEqual({
      code: 1,
      stdout: '',
      stderr: 'levattention find: many.npy: the disk is broken\n',
    });
    const sketch = saved();
    expect(sketch.rows).toBe(partly);
    return sketch;
  }

  test('no row that is in it is read again', async () => {
    await stopped();
    const { code, stdout } = await place.run([...args, '--json'], watch());
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ ...whole, resumed: partly, compared: 0 });
    const reads: [number, number][] = JSON.parse(readFileSync(place.path('reads.json'), 'utf8'));
    const ofRows = reads.filter(([, end]) => end > start);
    expect(ofRows[0][0]).toBe(byteOf(partly));
    expect(Math.min(...ofRows.map(([at]) => at))).toBe(byteOf(partly));
    expect(ofRows.reduce((sum, [at, end]) => sum + end - at, 0)).toBe(byteOf(many) - byteOf(partly));
  });

  test.each<[string, () => void]>([
    ['touched', () => utimesSync(place.path('many.npy'), 1, 1)],
    [
      'copied, with its time',
      () => {
        const { atime, mtime } = statSync(place.path('many.npy'));
        copyFileSync(place.path('many.npy'), place.path('copy.npy'));
        utimesSync(place.path('copy.npy'), atime, mtime);
        renameSync(place.path('copy.npy'), place.path('many.npy'));
      },
    ],
    [
      'mended where it was not read yet',
      () => {
        const bytes = readFileSync(place.path('many.npy'));
        bytes.writeFloatLE(bytes.readFloatLE(byteOf(partly)), byteOf(partly));
        writeFileSync(place.path('many.npy'), bytes);
      },
    ],
  ])('of a file that was %s: its rows are compared once, and gone on from', async (_, change) => {
    await stopped();
    change();
    await wait(200);
    const text = done(await place.run(args));
    expect(text).toContain(
      `many.lev, gone on from row ${partly}; the rows before were read again, and are the same`,
    );
    expect(await json(...args)).toEqual({ ...whole, resumed: many, compared: 0 });
  });

  test('with all rows, of a file that was touched: they are compared once, and not once more', async () => {
    await stopped();
    await json(...args);
    utimesSync(place.path('many.npy'), 1, 1);
    await wait(200);
    expect(await json(...args)).toEqual({ ...whole, resumed: many, compared: many });
    expect(await json(...args)).toEqual({ ...whole, resumed: many, compared: 0 });
  });

  test('of a file that has grown since', async () => {
    await stopped();
    const more = tensor([many + 3000, d], 24, 997);
    more.data.set(large.data);
    place.write('many.npy', writeNpy(more));
    const sketch = new UniversalSetSketch({ d, epsilon: 0.005 });
    sketch.insert(more);
    expect(await json(...args)).toEqual({ ...plain(sketch.finish()), resumed: partly, compared: partly });
  });

  test.each([
    ['light', 17, 0.25],
    ['of the last block', partly - 3, 0.25],
    ['heavy since then', 2000, 500],
  ])('of a file in which a row that is %s was written over, with the time of the one before', async (_, row, entry) => {
    const { held } = await stopped();
    expect(held.indices.includes(row)).toBe(row === partly - 3);
    const before = readFileSync(place.path('many.lev'));
    const { atime, mtime } = statSync(place.path('many.npy'));
    const bytes = readFileSync(place.path('many.npy'));
    bytes.writeFloatLE(entry, byteOf(row) + 4);
    writeFileSync(place.path('many.npy'), bytes);
    utimesSync(place.path('many.npy'), atime, mtime);
    expect(await place.run(args)).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'levattention find: many.lev: is the sketch of other rows than the first ones of many.npy: remove it to begin anew\n',
    });
    expect(readFileSync(place.path('many.lev'))).toEqual(before);
  });

  test('is on the disk before it takes its name', async () => {
    place.write('many.npy', writeNpy(large));
    const note = `
      const fs = require('node:fs');
      const { fsyncSync, openSync, renameSync } = fs;
      const calls = [];
      const opened = new Map();
      fs.openSync = (path, ...rest) => {
        const file = openSync(path, ...rest);
        opened.set(file, path);
        return file;
      };
      fs.fsyncSync = (file) => (calls.push(opened.get(file)), fsyncSync(file));
      fs.renameSync = (from, to) => (calls.push(from, to), renameSync(from, to));
      require('node:module').syncBuiltinESMExports();
      process.on('exit', () => fs.writeFileSync('calls.json', JSON.stringify(calls)));`;
    place.write('note.cjs', note);
    rmSync(place.path('many.lev'), { force: true });
    const environment = { NODE_OPTIONS: `--require ${place.path('note.cjs')}` };
    done(await place.run(args.with(-1, '50000'), environment));
    const calls: string[] = JSON.parse(readFileSync(place.path('calls.json'), 'utf8'));
    const saves = calls.filter((name) => name !== 'many.npy');
    expect(saves).toHaveLength(6);
    for (const at of [0, 3]) {
      expect(saves[at]).toMatch(/\.tmp$/);
      expect(saves.slice(at, at + 3)).toEqual([saves[at], saves[at], 'many.lev']);
    }
  });

  test('of other rows is refused, and left as it is', async () => {
    await stopped();
    const before = readFileSync(place.path('many.lev'));
    const other = tensor([many, d], 23, 997);
    place.write('other.npy', writeNpy(other));
    place.write('fewer.npy', writeNpy({ data: large.data.slice(0, 99 * d), shape: [99, d] }));
    for (const file of ['other.npy', 'fewer.npy'])
      expect(await place.run(args.with(1, file))).toEqual({
        code: 1,
        stdout: '',
        stderr: `levattention find: many.lev: is the sketch of other rows than the first ones of ${file}: remove it to begin anew\n`,
      });
    const { stderr } = await place.run(args.with(3, '0.01'));
    expect(stderr).toBe(
      'levattention find: many.lev: both must have the same epsilon, got 0.01 and 0.005: remove it to begin anew\n',
    );
    expect(readFileSync(place.path('many.lev'))).toEqual(before);
  });

  test('of another tensor of the same file is refused', async () => {
    const second = tensor([rows, d], 25, 1201);
    place.write('two.npz', writeNpz({ a: keys, b: second }));
    await wait(200);
    const of = (name: string) => ['find', `two.npz#${name}`, '--epsilon', '0.02', '--checkpoint', 'two.lev'];
    expect(await json(...of('a'))).toMatchObject({ resumed: 0 });
    expect(await json(...of('a'))).toMatchObject({ resumed: rows, compared: 0 });
    const { code, stderr } = await place.run(of('b'));
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr:
        'levattention find: two.lev: is the sketch of other rows than the first ones of two.npz#b: remove it to begin anew\n',
    });
  });

  test('of a sketch that no checkpoint wrote is refused', async () => {
    done(await place.run(['sketch', 'keys.npy', '--epsilon', '0.02', '-o', 'part.lev']));
    expect(await place.run(['find', 'keys.npy', '--epsilon', '0.02', '--checkpoint', 'part.lev'])).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'levattention find: part.lev: is a sketch and no checkpoint of a file: levattention finish part.lev gives its set\n',
    });
  });

  test('an interrupt writes it, and says where it goes on', async () => {
    const stream = [
      'find',
      '-',
      '--raw',
      'f32',
      '--cols',
      `${d}`,
      '--epsilon',
      '0.02',
      '--checkpoint',
      'stream.lev',
    ];
    const { code, stdout, stderr } = await interrupted(
      () => {
        const child = place.start(stream);
        child.stdin!.on('error', () => {}).write(little);
        return child;
      },
      () => place.files().includes('stream.lev'),
    );
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
    const [, count] =
      /^levattention find: interrupted: stream\.lev holds the (\d+) rows that came, and levattention finish stream\.lev gives their set\n$/.exec(
        stderr,
      ) ?? [];
    expect(Number(count)).toBeGreaterThan(0);
    const sketch = new UniversalSetSketch({ d, epsilon: 0.02 });
    sketch.insert(matrixOver(keys.data, Number(count), d));
    expect(await json('finish', 'stream.lev')).toEqual(plain(sketch.finish()));
    const again = await place.pipe(little, stream);
    expect(again).toMatchObject({ code: 2, stdout: '' });
    expect(again.stderr).toMatch(
      /stream\.lev is there already, and standard input cannot be read again: [^\n]*\n$/,
    );
  });
});
