/** Trailers notice every line that is missing, damaged or too many. */
import { expect, test } from 'vitest';
import { ResultReader, ResultWriter } from './results.js';

const results = [
  { partition: 0, rows: 10, sketch: 'AAAA' },
  { partition: 1, rows: 0 },
  { partition: 2, rows: 5, file: 'b.lev' },
];

function printed(work: 'sketch' | 'merge' = 'sketch'): string[] {
  const writer = new ResultWriter(work);
  return [...results.map((result) => writer.line(result)), writer.end()];
}

function read(lines: readonly string[]) {
  const reader = new ResultReader();
  const found = lines.map((line) => reader.read(line)).filter((result) => result !== undefined);
  reader.end();
  return found;
}

test('the lines of one worker and of several', () => {
  expect(read(printed())).toEqual(results);
  expect(read([...printed(), ...printed('merge')])).toEqual([...results, ...results]);
  expect(read([new ResultWriter('sketch').end()])).toEqual([]);
});

test('the trailer is that of crc32 anywhere else', () => {
  const writer = new ResultWriter('filter');
  writer.line({ partition: 0, rows: 1 });
  // python3 -c 'import zlib; print(zlib.crc32(b"{\"partition\":0,\"rows\":1}\n").to_bytes(4, "big").hex())'
  expect(writer.end()).toBe('{"end":"filter","results":1,"rows":1,"crc32":"2d5e4453"}');
});

test.each([
  ['no line at all', []],
  ['a worker that was cut off', printed().slice(0, -1)],
  ['a first worker that was cut off', [...printed().slice(0, -1), ...printed()]],
  ['a second worker that was cut off', [...printed(), ...printed().slice(0, -1)]],
  ['a line that is missing', printed().toSpliced(1, 1)],
  ['a line that comes twice', printed().toSpliced(1, 0, printed()[1])],
  ['lines in another order', printed().toSpliced(0, 2, printed()[1], printed()[0])],
  ['a character that is another one', printed().with(0, printed()[0].replace('AAAA', 'AABA'))],
  ['a line that is cut off', printed().with(2, printed()[2].slice(0, -3))],
  ['no sketch', ['{"partition":0,"rows":10}']],
  ['a sketch without rows', ['{"partition":0,"rows":0,"sketch":"AAAA"}']],
  ['keys, not sketches', ['{"end":"filter","results":0,"rows":0,"crc32":"00000000"}']],
  ['something else', ['[1, 2]']],
])('%s is refused', (_, lines) => expect(() => read(lines)).toThrow(/^ResultReader: [^\n]+$/));
