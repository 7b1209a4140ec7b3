/** Workers and trees of merges of any shape give the set that all rows give at once; the same tree gives the same bytes. */
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { universalSet } from '../index.js';
import { writeNpy } from '../io/index.js';
import { matrixOver } from '../keys.js';
import { randomStream } from '../random.js';
import { GramSummary } from '../universal-set/gram-summary.js';
import { GramFilter } from '../universal-set/second-filter.js';
import { UniversalSetSketch } from '../universal-set/sketch.js';
import { parseWeight } from '../weights/parse.js';
import { mergeResults } from './merge-work.js';
import { filterPartitions, gramPartitions, sketchPartitions } from './partition-work.js';

const [n, d, epsilon] = [3000, 5, 0.02];
const random = randomStream(3);
/** Every so many rows are six times longer. */
const data = Float32Array.from(
  { length: n * d },
  (_, k) => (random.uniform() - 0.5) * (Math.floor(k / d) % 307 === 0 ? 6 : 1),
);
const keys = matrixOver(data, n, d);
const folder = mkdtempSync(join(tmpdir(), 'levattention-partitions-'));
const input = join(folder, 'keys.npy');
beforeAll(() => {
  writeFileSync(input, writeNpy({ data, shape: [n, d] }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function* each(lines: readonly string[]) {
  yield* lines;
}
async function all(lines: AsyncIterable<string>): Promise<string[]> {
  const list: string[] = [];
  for await (const line of lines) list.push(line);
  return list;
}

/** Partitions of all rows that end at these ones; some may be empty. */
function partitions(ends: readonly number[]): string[] {
  return [...ends, n].map((end, partition) => {
    const start = partition === 0 ? 0 : ends[partition - 1];
    return JSON.stringify({ partition, input, start, offset: start, rows: end - start });
  });
}

const f = (name: string) => ({ epsilon, f: parseWeight(name) });

async function sketched(lines: readonly string[], name = 'power:2', output?: string): Promise<string[]> {
  return all(sketchPartitions(each(lines), f(name), { folder: output }, {}));
}

/** Merges `fanIns[0]` neighbours into one, then `fanIns[1]`, and at last all that is left. */
async function merged(results: readonly string[], fanIns: readonly number[]): Promise<UniversalSetSketch> {
  let lines = [...results];
  for (const fanIn of [...fanIns, undefined]) lines = await all(mergeResults(each(lines), fanIn, {}, {}));
  expect(lines.length).toBe(2);
  const { sketch, rows } = JSON.parse(lines[0]);
  expect(rows).toBe(n);
  return UniversalSetSketch.fromBytes(Buffer.from(sketch, 'base64'));
}

const cuts = fc
  .array(fc.integer({ min: 0, max: n }), { maxLength: 12 })
  .map((rows) => rows.sort((a, b) => a - b));
const tree = fc.array(fc.integer({ min: 2, max: 5 }), { maxLength: 3 });

describe.each(['power:2', 'huber:1'])('%s', (name) => {
  const onePass = new UniversalSetSketch({ ...f(name), d });
  onePass.insert(keys);
  const batch = name === 'power:2' ? universalSet(keys, { epsilon, exact: true }) : onePass.finish();

  test('any partitions and any tree give the set of all rows', async () => {
    const seen = new Map<string, Buffer>();
    await fc.assert(
      fc.asyncProperty(cuts, tree, async (ends, fanIns) => {
        const sketch = await merged(await sketched(partitions(ends), name), fanIns);
        const bytes = Buffer.from(sketch.toBytes());
        expect(sketch.ranges).toEqual([[0, n]]);
        const set = sketch.finish();
        expect(set.indices).toEqual(batch.indices);
        expect(set.guarantee).toBe(batch.guarantee);
        // The same tree, sketched and merged anew.
        const again = Buffer.from((await merged(await sketched(partitions(ends), name), fanIns)).toBytes());
        expect(again.equals(bytes)).toBe(true);
        seen.set(JSON.stringify([ends, fanIns]), again);
      }),
      { numRuns: 25 },
    );
    expect(seen.size).toBeGreaterThan(10);
  });
});

test('partitions that are filtered give the keys of the set, in any number of workers', async () => {
  const batch = universalSet(keys, { epsilon, exact: true });
  const factor = await merged(await sketched(partitions([1000])), []);
  await fc.assert(
    fc.asyncProperty(cuts, fc.integer({ min: 1, max: 4 }), async (ends, workers) => {
      const lines = partitions(ends);
      const found: { partition: number; indices: number[]; scores: number[] }[] = [];
      for (let w = 0; w < workers; w++) {
        const own = lines.filter((_, i) => i % workers === w);
        const printed = (await all(filterPartitions(each(own), factor, {}, {}))).map((line) =>
          JSON.parse(line),
        );
        expect(printed.pop()).toMatchObject({ end: 'filter', results: own.length });
        found.push(...printed);
      }
      found.sort((a, b) => a.partition - b.partition);
      expect(found.flatMap(({ indices }) => indices)).toEqual(batch.indices);
      for (const [i, score] of found.flatMap(({ scores }) => scores).entries())
        expect(score).toBeCloseTo(batch.scores[i], 9);
    }),
    { numRuns: 20 },
  );
});

test('two passes by Grams give the keys of the set, in any partitions and any tree', async () => {
  const batch = universalSet(keys, { epsilon, exact: true });
  const twoPasses = async (ends: number[], fanIns: number[]) => {
    const lines = partitions(ends);
    const grams = await all(gramPartitions(each(lines), false, {}, {}));
    let nodes = grams;
    for (const fanIn of [...fanIns, undefined]) nodes = await all(mergeResults(each(nodes), fanIn, {}, {}));
    const filter = GramFilter.of(
      GramSummary.fromBytes(Buffer.from(JSON.parse(nodes[0]).gram, 'base64')),
      epsilon,
    )!;
    const second = lines.map((line, i) => JSON.stringify({ ...JSON.parse(line), ...JSON.parse(grams[i]) }));
    const found = (await all(filterPartitions(each(second), filter, {}, {})))
      .slice(0, -1)
      .map((line) => JSON.parse(line));
    expect(found.flatMap(({ indices }) => indices)).toEqual(batch.indices);
    for (const [i, score] of found.flatMap(({ scores }) => scores).entries())
      expect(score).toBeCloseTo(batch.scores[i], 9);
    return found;
  };
  await fc.assert(
    fc.asyncProperty(cuts, tree, async (ends, fanIns) => {
      await twoPasses(ends, fanIns);
    }),
    { numRuns: 20 },
  );
  // Between the first two long rows.
  const found = await twoPasses([1, 6], []);
  expect(found.map(({ skipped }) => skipped === true)).toEqual([false, true, false]);
});

describe('a file between two passes', () => {
  /** The lines of a second pass over a file of its own, cut into a long part and a light one, and its factor. */
  async function firstPass(name: string) {
    const file = join(folder, name);
    writeFileSync(file, writeNpy({ data, shape: [n, d] }));
    // Until its time tells every later change.
    await wait(300);
    const lines = partitions([n - 2]).map((line) => JSON.stringify({ ...JSON.parse(line), input: file }));
    const grams = await all(gramPartitions(each(lines), false, {}, {}));
    const [root] = await all(mergeResults(each(grams), undefined, {}, {}));
    const filter = GramFilter.of(
      GramSummary.fromBytes(Buffer.from(JSON.parse(root).gram, 'base64')),
      epsilon,
    )!;
    const second = lines.map((line, i) => JSON.stringify({ ...JSON.parse(line), ...JSON.parse(grams[i]) }));
    const change = (row: number) => {
      const other = data.slice();
      other[row * d] += 1;
      writeFileSync(file, writeNpy({ data: other, shape: [n, d] }));
    };
    const pass = async () =>
      (await all(filterPartitions(each(second), filter, {}, {}))).map((line) => JSON.parse(line));
    return { file, change, pass };
  }

  test('that is the same: what is light is not read again', async () => {
    const [, light] = await (await firstPass('same.npy')).pass();
    expect(light).toMatchObject({ partition: 1, skipped: true });
  });

  test('that is written again, with the same rows: everything is read again', async () => {
    const { file, pass } = await firstPass('touched.npy');
    utimesSync(file, 1, 1);
    const [, light] = await pass();
    expect(light).toMatchObject({ partition: 1, indices: [] });
    expect(light.skipped).toBeUndefined();
  });

  test.each([
    ['that is read again', 7, 0],
    ['that is light', n - 1, 1],
  ])('with another row, in a part %s: the part is named', async (_, row, partition) => {
    const { file, change, pass } = await firstPass('changed.npy');
    change(row);
    await expect(pass()).rejects.toThrow(
      `partition ${partition}: ${file}: its rows have changed since the first pass`,
    );
  });

  test('with fewer rows, or gone: the part is named', async () => {
    const { file, pass } = await firstPass('shorter.npy');
    writeFileSync(file, writeNpy({ data: data.slice(0, d), shape: [1, d] }));
    await expect(pass()).rejects.toThrow(
      `partition 0: ${file}: has 1 rows, the partition ends at row ${n - 2}`,
    );
    rmSync(file);
    await expect(pass()).rejects.toThrow(`partition 0: ${file}: no such file`);
  });
});

test('files instead of lines, written twice, are the same', async () => {
  const output = join(folder, 'out');
  const lines = partitions([700, 700, 2000]);
  const first = await sketched(lines, 'power:2', output);
  const names = readdirSync(output);
  expect(names).toEqual(['part-00000.lev', 'part-00002.lev', 'part-00003.lev']);
  const bytes = names.map((name) => readFileSync(join(output, name)));
  // A worker that was thought to be dead writes again, another one a part of the same.
  expect(await sketched(lines, 'power:2', output)).toEqual(first);
  await sketched(lines.slice(2, 3), 'power:2', output);
  expect(readdirSync(output)).toEqual(names);
  expect(names.map((name) => readFileSync(join(output, name)))).toEqual(bytes);
  const fromFiles = await merged(first, [2]);
  const fromLines = await merged(await sketched(lines), [2]);
  expect(fromFiles.toBytes()).toEqual(fromLines.toBytes());

  const factor = fromFiles;
  const found = await all(filterPartitions(each(lines), factor, {}, {}));
  const told = await all(filterPartitions(each(lines), factor, { folder: output }, {}));
  for (const [i, line] of told.slice(0, -1).entries()) {
    const { file, keys: count } = JSON.parse(line);
    const rows = readFileSync(file, 'utf8').split('\n').slice(0, -1);
    const { indices, scores } = JSON.parse(found[i]);
    expect(rows.length).toBe(count);
    expect(rows.map((row) => JSON.parse(row))).toEqual(
      indices.map((row: number, k: number) => ({ row, score: scores[k], undecided: false })),
    );
  }
});

describe('refused in one line', () => {
  const loop = join(folder, 'loop.npy');
  symlinkSync('loop.npy', loop);
  const line = (changes: object) =>
    JSON.stringify({ partition: 4, input, start: 0, offset: 0, rows: 10, ...changes });
  test.each([
    ['an input that is not there', [line({ input: '/none.npy' })], 'partition 4: /none.npy: no such file'],
    [
      'an input that leads to itself',
      [line({ input: loop })],
      `partition 4: ${loop}: ELOOP: too many symbolic links encountered, stat '${loop}'`,
    ],
    [
      'more rows than there are',
      [line({ start: n - 5 })],
      /^partition 4: .*keys\.npy: has 3000 rows, the partition ends at row 3005$/,
    ],
    ['a partition twice', [line({}), line({ offset: 50 })], 'partition 4 is listed twice'],
    [
      'rows in two partitions',
      [line({}), line({ partition: 5, offset: 9, start: 20 })],
      'rows 9 to 9 of partition 5 are in another one, too',
    ],
    ['no partition', ['{}'], /needs an input/],
  ])('%s', async (_, lines, rule) => {
    const error = (await sketched(lines).catch((error: Error) => error)) as Error;
    const message = error.message.replace(/^\w+: (?=partition|rows)/, '');
    if (typeof rule === 'string') expect(message).toBe(rule);
    else expect(message).toMatch(rule);
  });

  test('results that are out of order, come twice, or tell of other rows', async () => {
    const [first, second, third] = await sketched(partitions([700, 2000]));
    const mergedOf = (lines: readonly string[]) => all(mergeResults(each(lines), undefined, {}, {}));
    await expect(mergedOf([second, first])).rejects.toThrow('partition 0 comes after 1: results must come');
    await expect(mergedOf([first, first])).rejects.toThrow('partition 0 comes after 0: results must come');
    const other = JSON.stringify({ ...JSON.parse(third), rows: 7 });
    await expect(mergedOf([first, other])).rejects.toThrow(
      'partition 2: the result tells of 7 rows, its sketch has 1000',
    );
    const damaged = JSON.stringify({ ...JSON.parse(first), sketch: JSON.parse(first).sketch.slice(9) });
    await expect(mergedOf([damaged])).rejects.toThrow(/^partition 0: .*sketch/);
  });

  test('sketches of other options', async () => {
    const [first] = await sketched(partitions([700]));
    const [, second] = await sketched(partitions([700]), 'huber:1');
    await expect(all(mergeResults(each([first, second]), undefined, {}, {}))).rejects.toThrow(
      /^partition 1: /,
    );
  });
});
