/** Lines of a manifest: what describes a partition, and what is refused. */
import { describe, expect, test } from 'vitest';
import { PartitionList, parsePartition } from './partition.js';

const part = (partition: number, offset: number, rows: number, input = `${partition}.npy`, start = 0) => ({
  partition,
  input,
  start,
  rows,
  offset,
});

/** Inputs that differ in their capital letters alone are one file. */
const placeOf = (input: string) => {
  const [file, name] = input.toLowerCase().split('#');
  return { file, name };
};

test('a partition starts at row 0 of its input unless it says another one', () => {
  expect(parsePartition('{"partition":3,"input":"a.npy","offset":10,"rows":5}')).toEqual(
    part(3, 10, 5, 'a.npy'),
  );
  expect(parsePartition('{"partition":0,"input":"a.npy","offset":10,"rows":5,"start":7}')).toEqual(
    part(0, 10, 5, 'a.npy', 7),
  );
});

describe('no partition', () => {
  test.each([
    ['{"partition":3', 'a partition must be a line of JSON'],
    ['[1]', 'a partition must be an object of JSON'],
    ['null', 'a partition must be an object of JSON'],
    ['{"partition":3,"input":"a.npy","offset":10,"rows":5,"row":5}', 'a partition has no "row"'],
    ['{"partition":3,"offset":10,"rows":5}', 'a partition needs an input, a file or a URL'],
    [
      '{"partition":3,"input":"a\\u0000.npy","offset":10,"rows":5}',
      'a partition needs an input, a file or a URL',
    ],
    ['{"partition":3,"input":"-","offset":10,"rows":5}', 'a partition needs an input, a file or a URL'],
    [
      '{"partition":-1,"input":"a","offset":10,"rows":5}',
      'a partition needs a whole number as its partition',
    ],
    ['{"partition":1,"input":"a","offset":1.5,"rows":5}', 'a partition needs a whole number as its offset'],
    ['{"partition":1,"input":"a","offset":1}', 'a partition needs a whole number as its rows'],
    ['{"partition":1,"input":"a","offset":9007199254740991,"rows":1}', 'rows must have numbers below 2^53'],
    [
      '{"partition":1,"input":"a","offset":1,"rows":5,"crc32":7}',
      'a partition needs a text as its crc32, if it has one',
    ],
  ])('%s', (line, rule) =>
    expect(() => parsePartition(line)).toThrow(new RangeError(`parsePartition: ${rule}, got ${line}`)));
});

describe('a list', () => {
  test('takes what overlaps in nothing, in any order', () => {
    const list = new PartitionList(placeOf);
    for (const partition of [
      part(2, 20, 10),
      part(0, 0, 10, 'a.npy'),
      part(1, 10, 10, 'a.npy', 10),
      part(3, 5, 0),
      part(7, 100, 5),
      part(8, 200, 5, 'c.npy#k'),
      part(9, 210, 5, 'c.npy#v'),
    ])
      list.add(partition);
  });

  test.each([
    ['a number', part(0, 50, 10, 'b.npy'), 'partition 0 is listed twice'],
    ['a row at the end', part(1, 9, 10), 'rows 9 to 9 of partition 1 are in another one, too'],
    ['all rows', part(1, 0, 10), 'rows 0 to 9 of partition 1 are in another one, too'],
    ['rows around others', part(1, 0, 100), 'rows 0 to 9 of partition 1 are in another one, too'],
    [
      'the rows of an input',
      part(1, 50, 10, '0.npy', 4),
      'rows 4 to 9 of 0.npy, of partition 1, are in another one, too',
    ],
    [
      'the rows of a file by another name',
      part(1, 50, 10, '0.NPY', 4),
      'rows 4 to 9 of 0.NPY, of partition 1, are in another one, too',
    ],
    [
      'the rows of a tensor, named and not named,',
      part(1, 50, 10, '0.npy#k', 4),
      'rows 4 to 9 of 0.npy#k, of partition 1, are in another one, too',
    ],
  ])('refuses %s twice', (_, partition, rule) => {
    const list = new PartitionList(placeOf);
    list.add(part(0, 0, 10));
    expect(() => list.add(partition)).toThrow(new RangeError(`PartitionList: ${rule}`));
  });
});
