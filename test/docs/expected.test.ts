/** The comparison that the examples are tested with can itself fail. */
import { expect, test } from 'vitest';
import { matches, withChecks } from './expected.js';

test.each<[unknown, string]>([
  [[3], '[3]'],
  [0.33333, '0.33'],
  [0.335, '0.33'],
  [-1.24e-7, '-1.2e-7'],
  [1.0000001, '1.000'],
  ['minimal', "'minimal'"],
  [{ a: [1, null], b: undefined }, '{ a: [1, null], b: undefined }'],
  [new Float32Array([0.5, 0.25]), '[0.5, 0.25]'],
  [new Float64Array([1, 0.25, -3]), 'Float64Array [1, 0.25, -3]'],
  [new Float32Array([1]), 'Float32Array [1]'],
  [Number.NaN, 'NaN'],
  [Number.NEGATIVE_INFINITY, '-Infinity'],
  [true, 'true'],
])('%j is %s', (actual, written) => expect(matches(actual, written)).toBe(true));

test.each<[unknown, string]>([
  [[3, 4], '[3]'],
  [[3], '[3, 4]'],
  [0.336, '0.33'],
  [0.9999999999, '1'],
  ['1', '1'],
  ['0.33', '0.33'],
  [-0.5, '0.5'],
  [null, 'undefined'],
  [{ a: 1, b: 2 }, '{ a: 1 }'],
  [{ a: 1 }, '{ a: 1, b: undefined }'],
  [{ 0: 1 }, '[1]'],
  [new Float64Array([1, 2]), 'Float32Array [1, 2]'],
  [new Float64Array([1, 2]), 'Float64Array [1, 3]'],
  [[1, 2], 'Float64Array [1, 2]'],
  [Number.NaN, '0.33'],
  [1, 'true'],
  [false, 'true'],
])('%j is not %s', (actual, written) => expect(matches(actual, written)).toBe(false));

test.each(['[1, ...]', 'about 3', 'f(1)', '', '1; 2'])('%j is refused as a value', (written) =>
  expect(() => matches(1, written)).toThrow('not a value'));

test('marks become checks, with the statements around them as they were', () => {
  const code = 'const a = 1;\na + 1; // => 2\nawait f({\n  a,\n}); // => [1]\n// the end\n';
  expect(withChecks(code)).toEqual({
    code: 'const a = 1;\ncheck("2", a + 1); // => 2\ncheck("[1]", await f({\n  a,\n})); // => [1]\n// the end\n',
    checks: 2,
  });
});

test.each([
  'const a = 1; // => 1',
  '// => 1',
  'if (a) {\n  a; // => 1\n}',
  'f(1, // => 1\n 2);',
])('a mark that would be overlooked is refused: %j', (code) =>
  expect(() => withChecks(code)).toThrow('must stand'));
