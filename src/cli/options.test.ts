import { describe, expect, test } from 'vitest';
import { UsageError } from './failure.js';
import {
  parseCount,
  parsedBy,
  parseEpsilon,
  parseIndices,
  parsePositive,
  parseSeed,
  parseThreads,
  resolveIndices,
} from './options.js';

describe('numbers', () => {
  test.each([
    ['0.05', 0.05],
    ['1', 1],
    ['1e-3', 0.001],
    ['.5', 0.5],
    ['1.', 1],
    ['+0.25', 0.25],
  ])('epsilon %s', (text, value) => expect(parseEpsilon(text)).toBe(value));
  test.each([
    '0',
    '-0.1',
    '1.0001',
    'NaN',
    'Infinity',
    '',
    ' ',
    'abc',
    '0x1',
    '0.5x',
    '1,5',
    '1e',
    '1e-400',
  ])('epsilon %j is refused', (text) => expect(() => parseEpsilon(text)).toThrow(UsageError));
  test('counts are positive whole numbers', () => {
    expect(parseCount('32', '--top')).toBe(32);
    for (const text of ['0', '-1', '1.5', '1e300', 'ten', ''])
      expect(() => parseCount(text, '--top')).toThrow(`--top must be a positive whole number, got '${text}'`);
  });
  test('threads are few', () => {
    expect(parseThreads('256')).toBe(256);
    for (const text of ['0', '257', '1.5', '-1', '']) expect(() => parseThreads(text)).toThrow(UsageError);
  });
  test('seeds are those of the library', () => {
    expect(parseSeed('9007199254740991')).toBe(2 ** 53 - 1);
    for (const text of ['9007199254740992', '-1', '0.5']) expect(() => parseSeed(text)).toThrow(UsageError);
  });
  test('scales are positive', () => {
    expect(parsePositive('0.125', '--scale')).toBe(0.125);
    for (const text of ['0', '-2', '1e999']) expect(() => parsePositive(text, '--scale')).toThrow(UsageError);
  });
});

describe('positions', () => {
  test('are single ones and ranges, the negative ones from the end', () => {
    expect(parseIndices('0-3,7,-1', '--always')).toEqual([0, 1, 2, 3, 7, -1]);
    expect(resolveIndices([3, -1, 0, 3, 9], 10, '--always')).toEqual([0, 3, 9]);
  });
  test.each(['', '1,', '3-1', '1-', 'a', '1.5', '0-99999999', '1--2'])('%j is refused', (text) => {
    expect(() => parseIndices(text, '--always')).toThrow(UsageError);
  });
  test.each([10, -11])('%i is not among ten keys', (index) => {
    expect(() => resolveIndices([index], 10, '--always')).toThrow(
      `--always has position ${index}, there are 10 keys`,
    );
  });
});

test('what the library refuses of a text is about the option', () => {
  const parse = () => {
    throw new RangeError('parseWeight: f must be one of these');
  };
  expect(() => parsedBy(parse, 'x', '--f')).toThrow(new UsageError('--f: f must be one of these'));
});
