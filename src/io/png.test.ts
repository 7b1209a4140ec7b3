/** PNG files of another library, and damaged ones; IDX files. */
import { deflateSync, inflateSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FormatError } from './bytes.js';
import { crc32 } from './crc32.js';
import { foreignPngs } from './foreign-png.test-data.js';
import { readIdx } from './idx.js';
import { readPng } from './png.js';

const inflate = (packed: Uint8Array, size: number) => inflateSync(packed, { maxOutputLength: size + 1 });
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'base64'));

for (const { name, png, channels, pixels } of foreignPngs)
  test(`reads ${name}`, () => {
    const image = readPng(bytesOf(png), inflate, name);
    expect([image.width, image.height, image.channels]).toEqual([7, 5, channels]);
    expect(Array.from(image.pixels)).toEqual(Array.from(bytesOf(pixels)));
  });

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(type), 4);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

/** A grey image of 8 bits with these rows, each after the number of its filter. */
function grey(width: number, rows: readonly number[][], last = [0, 0, 0]): Uint8Array {
  const header = Uint8Array.of(0, 0, 0, width, 0, 0, 0, rows.length, 8, 0, ...last);
  const parts = [
    bytesOf('iVBORw0KGgo='),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Uint8Array.from(rows.flat()))),
    chunk('IEND', new Uint8Array(0)),
  ];
  return Uint8Array.from(parts.flatMap((part) => Array.from(part)));
}

test('undoes every filter', () => {
  const rows = [
    [1, 10, 5, 250],
    [2, 1, 2, 3],
    [3, 4, 4, 4],
    [4, 7, 1, 200],
    [0, 9, 8, 7],
  ];
  // Left; up; the mean of both; Paeth's choice; nothing.
  expect(Array.from(readPng(grey(3, rows), inflate, 'x').pixels)).toEqual([
    10, 15, 9, 11, 17, 12, 9, 17, 18, 16, 18, 218, 9, 8, 7,
  ]);
});

test('refuses what it cannot read, in one line that begins with the name', () => {
  const good = grey(2, [[0, 1, 2]]);
  const cases: [Uint8Array, string][] = [
    [new Uint8Array(0), 'not a PNG file'],
    [good.subarray(0, 30), 'the file is cut short'],
    [good.with(20, 99), 'the checksum of chunk IHDR is wrong'],
    [grey(2, [[0, 1, 2]], [0, 0, 1]), 'the image is interlaced'],
    [Uint8Array.from([...good.subarray(0, 33), ...good.subarray(8)]), 'the chunk IHDR is not known there'],
    [Uint8Array.from([...good.subarray(0, 8), ...good.subarray(33)]), 'there is no header'],
    [grey(2, [[7, 1, 2]]), 'filter 7 is not known'],
    [grey(2, [[0, 1]]), 'the image data take 2 bytes, 3 are needed'],
    [grey(2, [[0, 1, 2, 3, 4]]), 'the compressed data are damaged'],
    [grey(0, [[0]]), 'the image must have 1 to'],
  ];
  for (const [bytes, rule] of cases) {
    const read = () => readPng(bytes, inflate, 'p.png');
    expect(read).toThrow(FormatError);
    expect(read).toThrow(`p.png: ${rule}`);
  }
});

test('damaged bytes give an image or one line, never anything else', () => {
  const files = foreignPngs.map(({ png }) => bytesOf(png));
  fc.assert(
    fc.property(fc.nat(files.length - 1), fc.nat(), fc.nat(255), (which, at, value) => {
      const bytes = files[which].slice();
      bytes[at % bytes.length] = value;
      try {
        readPng(bytes, inflate, 'x');
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError);
      }
    }),
    { numRuns: 500, seed: 1 },
  );
});

test('IDX files', () => {
  const bytes = Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6);
  expect(readIdx(bytes, 'x')).toEqual({ data: Uint8Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] });
  const cases: [Uint8Array, string][] = [
    [bytes.subarray(0, 3), 'not an IDX file'],
    [bytes.with(0, 1), 'not an IDX file'],
    [bytes.with(2, 13), 'IDX of unsigned bytes (type 0x08) is needed, got type 0x0d'],
    [bytes.subarray(0, 10), 'the header of 2 dimensions is cut short'],
    [bytes.subarray(0, 17), 'shape [2,3] takes 6 bytes, the file has 5 after the header'],
  ];
  for (const [damaged, rule] of cases) expect(() => readIdx(damaged, 'x.idx')).toThrow(`x.idx: ${rule}`);
});
