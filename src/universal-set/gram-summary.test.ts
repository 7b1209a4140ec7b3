/** Grams of parts: the same bytes for the same tree whatever the pieces, refusals, and bytes that are damaged. */
import { describe, expect, test } from 'vitest';
import { matrixOver } from '../keys.js';
import { randomStream } from '../random.js';
import { GramPass, GramSummary, isGram } from './gram-summary.js';
import { GramFilter } from './second-filter.js';

const [n, d] = [5000, 4];
const random = randomStream(11);
const data = Float32Array.from({ length: n * d }, () => random.uniform() - 0.5);
const rows = (start: number, end: number) => matrixOver(data.subarray(start * d, end * d), end - start, d);

function gramOf(start: number, end: number, piece = end - start, centre = false): GramSummary {
  const pass = new GramPass(d, centre);
  for (let at = start; at < end; at += piece) pass.insert(rows(at, Math.min(end, at + piece)), at);
  return pass.finish();
}

test('the Gram is that of the rows, whatever the pieces', () => {
  const whole = gramOf(0, n);
  for (let a = 0; a < d; a++)
    for (let b = 0; b < d; b++) {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += data[i * d + a] * data[i * d + b];
      expect(whole.gram![a * d + b]).toBeCloseTo(sum, 10);
    }
  for (const piece of [1, 700, 1024, 3333]) expect(gramOf(0, n, piece).toBytes()).toEqual(whole.toBytes());
  expect({ rows: whole.rows, ranges: whole.ranges.list }).toEqual({ rows: n, ranges: [[0, n]] });
});

test('bytes give the same Gram again', () => {
  for (const centre of [false, true]) {
    const gram = gramOf(100, 1100, 1000, centre);
    const bytes = gram.toBytes();
    expect(isGram(bytes)).toBe(true);
    const again = GramSummary.fromBytes(bytes);
    expect(again.toBytes()).toEqual(bytes);
    expect([again.d, again.centre, again.rows, again.depth]).toEqual([d, centre, 1000, gram.depth]);
  }
});

test('every byte that is another one is noticed', () => {
  const bytes = gramOf(0, 50).toBytes();
  for (let at = 0; at < bytes.length; at++) {
    const damaged = bytes.slice();
    damaged[at] ^= 1 << (at % 8);
    expect(() => GramSummary.fromBytes(damaged)).toThrow(/^fromBytes: [^\n]+$/);
    expect(() => GramSummary.fromBytes(bytes.subarray(0, at))).toThrow(/^fromBytes: [^\n]+$/);
  }
});

test('squares beyond float64 lose the Gram, of all that it is added to, too', () => {
  const pass = new GramPass(1, false);
  pass.insert(matrixOver(Float64Array.of(1e200, 1), 2, 1), 0);
  const lost = pass.finish();
  expect([lost.gram, lost.factor()]).toEqual([undefined, undefined]);
  const other = new GramPass(1, false);
  other.insert(matrixOver(Float64Array.of(3), 1, 1), 2);
  const sum = other.finish();
  sum.merge(GramSummary.fromBytes(lost.toBytes()));
  expect([sum.gram, sum.rows, GramFilter.of(sum, 0.5)]).toEqual([undefined, 3, undefined]);
});

test('fewer rows than columns, and dependent ones, give no filter', () => {
  expect(GramFilter.of(gramOf(0, d - 1), 0.5)).toBeUndefined();
  const pass = new GramPass(2, false);
  pass.insert(matrixOver(Float64Array.of(1, 1, 2, 2, 3, 3), 3, 2), 0);
  expect(GramFilter.of(pass.finish(), 0.5)).toBeUndefined();
});

describe('refused in one line', () => {
  const filter = GramFilter.of(gramOf(0, 1000), 0.01)!;
  const flat = (columns: number) => {
    const pass = new GramPass(columns, false);
    pass.insert(matrixOver(new Float32Array(columns).fill(1), 1, columns), 0);
    return pass.finish();
  };
  test.each([
    ['rows twice', () => gramOf(0, 20).merge(gramOf(19, 30)), 'rows 19 to 19 are in the sketch already'],
    ['other columns', () => gramOf(0, 20).merge(flat(3)), 'the same d, got 4 and 3'],
    [
      'an intercept on one side',
      () => gramOf(0, 20).merge(gramOf(20, 30, 10, true)),
      'same centre, got false and true',
    ],
    [
      'a number that is not finite',
      () => {
        const pass = new GramPass(2, false);
        pass.insert(matrixOver(Float32Array.of(1, 2, Number.NaN, 4), 2, 2), 70);
        pass.finish();
      },
      'keys must be finite, got NaN at row 71, column 0',
    ],
    ['too many columns', () => new GramPass(4096, true), 'at most 4096 columns are taken, got 4097'],
    [
      'rows that are not in the Gram',
      () => filter.filter(rows(990, 1010), 990),
      'rows 990 to 1009 are not all in it',
    ],
    ['a part of other rows', () => filter.summedScore(gramOf(999, 1001)), 'the part must be of rows of all'],
    ['a part of other columns', () => filter.summedScore(flat(3)), 'the part must be of rows of all'],
  ])('%s', (_, call, rule) => expect(call).toThrow(rule));
});
