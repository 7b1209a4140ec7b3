import { describe, expect, test } from 'vitest';
import { counted, listed, number, percent, seconds, table } from './text.js';

test.each([
  [0.05, '0.05'],
  [0.123456, '0.1235'],
  [160, '160'],
  [4.629e-13, '4.629e-13'],
  [1 / 3, '0.3333'],
  [1e20, '100000000000000000000'],
])('number %d', (value, text) => expect(number(value)).toBe(text));
test.each([
  [0.0002, '1 ms'],
  [0.0426, '43 ms'],
  [1.26, '1.3 s'],
  [61.7, '62 s'],
])('%d seconds', (value, text) => expect(seconds(value)).toBe(text));
test.each([
  [0.0949, '9.5 %'],
  [0.0996, '10 %'],
  [0.5, '50 %'],
  [1.37, '137 %'],
  [0.000312, '0.031 %'],
  [0, '0 %'],
])('share %d', (value, text) => expect(percent(value)).toBe(text));
test('one key, two keys', () => {
  expect([counted(1, 'key'), counted(2, 'key'), counted(0, 'key')]).toEqual(['1 key', '2 keys', '0 keys']);
});

describe('a list of indices', () => {
  test('is whole where it fits', () => expect(listed([1, 22, 333])).toBe('1, 22, 333'));
  test('ends at a whole index, within its width, and says how many there are', () => {
    const long = listed(
      Array.from({ length: 100 }, (_, i) => 1000 + i),
      40,
    );
    expect(long).toBe('1000, 1001, 1002, 1003, ... (100 in all)');
    expect(long.length).toBeLessThanOrEqual(40);
  });
});

test('a table aligns numbers to the right and words to the left', () => {
  expect(
    table(
      [
        ['head', 'keys', 'which'],
        ['0', '12', 'a'],
        ['10', '5', 'bcd'],
      ],
      ['which'],
    ),
  ).toBe('head  keys  which\n   0    12  a\n  10     5  bcd');
});
