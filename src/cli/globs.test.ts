/** Patterns of files: which names they match, and in which order. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkOutside, filesOf } from './globs.js';

const folder = mkdtempSync(join(tmpdir(), 'levattention-globs-'));
const names = [
  'a/1.npy',
  'a/10.npy',
  'a/2.npy',
  'a/.3.npy',
  'a/x.parquet',
  'b/1.npy',
  'b/a+b.npy',
  'b/q?.npy',
  'b/qq.npy',
];
beforeAll(() => {
  for (const name of names) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), '');
  }
  mkdirSync(join(folder, 'a/4.npy'));
  mkdirSync(join(folder, 'links'));
  symlinkSync('../a', join(folder, 'links/to-a'));
  symlinkSync('../a/later.npy', join(folder, 'links/to-file.npy'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each([
  ['a/*.npy', ['a/1.npy', 'a/10.npy', 'a/2.npy']],
  ['a/?.npy', ['a/1.npy', 'a/2.npy']],
  ['a/.*.npy', ['a/.3.npy']],
  ['?/1.*', ['a/1.npy', 'b/1.npy']],
  ['*/x.parquet#k', ['a/x.parquet#k']],
  ['b/a+*', ['b/a+b.npy']],
  ['b/q?.npy', ['b/q?.npy']],
  ['a/2.npy', ['a/2.npy']],
  ['a/none.npy', ['a/none.npy']],
  ['b/../?/1.npy', ['a/1.npy', 'b/1.npy']],
])('%s', (pattern, expected) =>
  expect(filesOf([join(folder, pattern)])).toEqual(expected.map((name) => join(folder, name))));

test('URLs are left as they are, and several patterns follow each other', () => {
  const url = 'https://example.org/a*.npy?b=1';
  expect(filesOf([url, join(folder, 'b/1.*')])).toEqual([url, join(folder, 'b/1.npy')]);
});

test('a pattern without a file is refused', () =>
  expect(() => filesOf([join(folder, 'c/*.npy')])).toThrow(/c\/\*\.npy: no file has such a name$/));

describe('an output that a pattern would name', () => {
  const check = (output: string, ...patterns: string[]) =>
    checkOutside(
      join(folder, output),
      patterns.map((pattern) => join(folder, pattern)),
      '-o',
    );
  test.each([
    ['a/heavy.npy', 'a/*.npy'],
    ['a/heavy.npy', '?/*.npy#k'],
    ['b/../a/heavy.npy', 'a/*.npy'],
    ['links/to-a/heavy.npy', 'a/*.npy'],
    ['a/heavy.npy', 'links/to-?/*.npy'],
    ['links/to-file.npy', 'a/l*'],
    ['links/to-file.npy', 'links/to-*.npy'],
  ])('%s, %s', (output, pattern) =>
    expect(() => check(output, 'b/*.npy', pattern)).toThrow(
      `-o ${join(folder, output)} is among the inputs '${join(folder, pattern).replace('#k', '')}': the next run would read it`,
    ));

  test.each([
    ['a/heavy.parquet', 'a/*.npy'],
    ['a/.heavy.npy', 'a/*.npy'],
    ['heavy.npy', 'a/*.npy'],
    ['b/heavy.npy', 'a/*.npy'],
    ['b/q1.npy', 'b/q?.npy'],
    ['a/heavy.npy', 'none/*.npy'],
  ])('not %s, %s', (output, pattern) => check(output, pattern));
});
