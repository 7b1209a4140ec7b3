/** LZ4 by hand: literals, copies that overlap themselves, long lengths, and the frames of Hadoop, which no fixture has. */
import { expect, test } from 'vitest';
import type { Fail } from './damage.js';
import { unpackLz4, unpackLz4Raw } from './lz4.js';

const fail: Fail = (rule) => {
  throw new Error(rule);
};

// "abcd", then 8 bytes from 4 back, which overlap; at the end the literal "x".
const block = [0x44, 97, 98, 99, 100, 4, 0, 0x10, 120];
const text = 'abcdabcdabcdx';
const framed = (...blocks: readonly (readonly number[])[]) =>
  Uint8Array.from(blocks.flatMap((bytes) => [0, 0, 0, text.length, 0, 0, 0, bytes.length, ...bytes]));
const read = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

test('a bare block, under either name', () => {
  expect(read(unpackLz4Raw(Uint8Array.from(block), text.length, fail))).toBe(text);
  expect(read(unpackLz4(Uint8Array.from(block), text.length, fail))).toBe(text);
});

test('frames of Hadoop', () => {
  expect(read(unpackLz4(framed(block), text.length, fail))).toBe(text);
  expect(read(unpackLz4(framed(block, block), 2 * text.length, fail))).toBe(text + text);
});

test('lengths of more than a byte', () => {
  const length = 15 + 255 + 30;
  const literals = new Array(length).fill(7);
  const bytes = Uint8Array.from([0xff, 255, 30, ...literals, 1, 0, 255, 5, 0x00]);
  expect(unpackLz4Raw(bytes, length + 4 + 15 + 255 + 5, fail)).toEqual(new Uint8Array(length + 279).fill(7));
});

test.each([
  ['a copy from before the beginning', [0x04, 1, 0, 0x00], 8, 'point to before'],
  ['a copy from nowhere', [0x14, 97, 0, 0, 0x00], 9, 'point to before'],
  ['too long a copy', [0x44, 97, 98, 99, 100, 4, 0, 0x00], 8, 'longer'],
  ['too many literals', [0x40, 97, 98, 99, 100], 3, 'longer'],
  ['too few literals', [0x40, 97, 98], 4, 'longer'],
  ['an end within a length', [0xf0, 255], 400, 'end too early'],
  ['less than there should be', block, text.length + 1, 'shorter'],
])('%s is refused', (_, bytes, size, rule) =>
  expect(() => unpackLz4Raw(Uint8Array.from(bytes), size, fail)).toThrow(rule));
