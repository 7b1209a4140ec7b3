/** Runs and packed bits: what an encoder here writes is read back, and bytes that end too early are refused. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Fail } from './damage.js';
import { decodeRuns, MOST_BITS } from './runs.js';

const fail: Fail = (rule) => {
  throw new Error(rule);
};

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

/** Groups of eight numbers bit by bit, the lowest first. */
function packed(numbers: readonly number[], width: number): number[] {
  const bits = numbers.flatMap((x) => Array.from({ length: width }, (_, b) => Math.floor(x / 2 ** b) % 2));
  const bytes = Array.from({ length: bits.length / 8 }, (_, i) =>
    bits.slice(8 * i, 8 * i + 8).reduce((byte, bit, b) => byte + bit * 2 ** b, 0),
  );
  return [...varint(2 * (numbers.length / 8) + 1), ...bytes];
}

function run(value: number, count: number, width: number): number[] {
  const bytes = Array.from({ length: Math.ceil(width / 8) }, (_, b) => Math.floor(value / 256 ** b) % 256);
  return [...varint(2 * count), ...bytes];
}

/** Pieces, each a run or groups of eight, of numbers of some width. */
const pieces = fc.integer({ min: 0, max: MOST_BITS }).chain((width) => {
  const number = fc.integer({ min: 0, max: 2 ** width - 1 });
  const groups = fc
    .integer({ min: 1, max: 5 })
    .chain((n) => fc.array(number, { minLength: 8 * n, maxLength: 8 * n }));
  const repeated = fc.tuple(number, fc.integer({ min: 1, max: 300 }));
  return fc.tuple(fc.constant(width), fc.array(fc.oneof(groups, repeated), { minLength: 1, maxLength: 6 }));
});

test('what was written is read', () => {
  fc.assert(
    fc.property(pieces, fc.integer({ min: 0, max: 7 }), ([width, list], unwanted) => {
      const bytes: number[] = [];
      const numbers: number[] = [];
      for (const piece of list)
        if (piece.length === 2) {
          bytes.push(...run(piece[0], piece[1], width));
          numbers.push(...new Array<number>(piece[1]).fill(piece[0]));
        } else {
          bytes.push(...packed(piece, width));
          numbers.push(...piece);
        }
      // The last numbers of packed bits may be there for nothing.
      const last = list.at(-1)!.length === 2 ? 0 : unwanted;
      const out = new Uint32Array(numbers.length - last);
      const all = Uint8Array.from([9, ...bytes, 255]);
      decodeRuns(all, 1, all.length - 1, width, out, fail);
      expect([...out]).toEqual(numbers.slice(0, out.length));
      if (width > 0)
        expect(() => decodeRuns(all, 1, all.length - 2 - (last > 0 ? width : 0), width, out, fail)).toThrow();
    }),
  );
});

test.each([
  ['no numbers', [], 'its runs end after 0 of 4 numbers'],
  ['a run of nothing', [0, 1], 'a run has 0 numbers where 4 are left'],
  ['packed bits of nothing', [1], 'its runs end after 0 of 4 numbers'],
  ['a run that is too long', [10, 1], 'a run has 5 numbers where 4 are left'],
  ['a number that is too large', [8, 4], 'a run is of the number 4, which has more than 2 bits'],
  ['a length without an end', [255, 255, 255, 255, 255, 255, 1], 'its runs end after 0 of 4 numbers'],
])('%s', (_, bytes, rule) => {
  const all = Uint8Array.from(bytes);
  expect(() => decodeRuns(all, 0, all.length, 2, new Uint8Array(4), fail)).toThrow(rule);
});
