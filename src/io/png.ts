/** PNG images (ISO/IEC 15948): grey, colour and palette, with or without transparency, 1 to 16 bits; not interlaced. */
import { printable, refuse } from './bytes.js';
import { crc32 } from './crc32.js';

/** An image of 8 bits a channel. */
export interface PngImage {
  readonly width: number;
  readonly height: number;
  /** 1 for grey, 3 for red, green and blue. Transparent parts lie on black, as the background of the digits is. */
  readonly channels: 1 | 3;
  /** [channels, height, width]. */
  readonly pixels: Uint8Array;
}

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** Samples of a pixel by colour type, and the bit depths that it allows. */
const COLOURS: Readonly<Record<number, { readonly samples: number; readonly depths: readonly number[] }>> = {
  0: { samples: 1, depths: [1, 2, 4, 8, 16] },
  2: { samples: 3, depths: [8, 16] },
  3: { samples: 1, depths: [1, 2, 4, 8] },
  4: { samples: 2, depths: [8, 16] },
  6: { samples: 4, depths: [8, 16] },
};

/** Larger images are no input of a model here. */
const MOST_PIXELS = 2 ** 26;

/** The header. */
interface Header {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colour: number;
}

/**
 * Decodes a PNG. `inflate` undoes zlib (RFC 1950) and is told the size that must come out; `name` begins every message.
 *
 * @throws FormatError where the file is damaged, interlaced or too large
 */
export function readPng(
  bytes: Uint8Array,
  inflate: (packed: Uint8Array, size: number) => Uint8Array,
  name: string,
): PngImage {
  const where = printable(name);
  if (!SIGNATURE.every((byte, i) => bytes[i] === byte)) refuse(where, 'not a PNG file');
  const [first, ...chunks] = chunksOf(bytes, where);
  if (first.type !== 'IHDR') refuse(where, 'there is no header');
  const header = headerOf(first.data, where);
  const { width, height, depth, colour } = header;
  let palette: Uint8Array | undefined;
  let alpha = new Uint8Array(0);
  const packed: Uint8Array[] = [];
  for (const { type, data } of chunks) {
    if (type === 'PLTE') palette = data;
    else if (type === 'tRNS') alpha = data.slice();
    else if (type === 'IDAT') packed.push(data);
    else if (type[0] < 'a' && type !== 'IEND') refuse(where, `the chunk ${type} is not known there`);
  }
  if (colour === 3 && !palette) refuse(where, 'the palette is missing');
  const stride = Math.ceil((width * COLOURS[colour].samples * depth) / 8);
  const size = (stride + 1) * height;
  let rows: Uint8Array;
  try {
    rows = inflate(joined(packed), size);
  } catch {
    return refuse(where, 'the compressed data are damaged');
  }
  if (rows.length !== size) refuse(where, `the image data take ${rows.length} bytes, ${size} are needed`);
  unfilter(rows, stride, Math.max(1, (COLOURS[colour].samples * depth) / 8), where);
  return pixelsOf(header, rows, stride, palette, alpha, where);
}

function* chunksOf(bytes: Uint8Array, where: string): Generator<{ type: string; data: Uint8Array }> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 8; ; ) {
    if (at + 12 > bytes.length) refuse(where, 'the file is cut short');
    const end = at + 8 + view.getUint32(at);
    if (end + 4 > bytes.length) refuse(where, 'the file is cut short');
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (!/^[A-Za-z]{4}$/.test(type)) refuse(where, `a chunk at byte ${at} has no name`);
    if (crc32(bytes.subarray(at + 4, end)) !== view.getUint32(end))
      refuse(where, `the checksum of chunk ${type} is wrong`);
    yield { type, data: bytes.subarray(at + 8, end) };
    if (type === 'IEND') return;
    at = end + 4;
  }
}

function headerOf(data: Uint8Array, where: string): Header {
  if (data.length !== 13) refuse(where, 'the header must have 13 bytes');
  const view = new DataView(data.buffer, data.byteOffset, 13);
  const [width, height, depth, colour] = [view.getUint32(0), view.getUint32(4), data[8], data[9]];
  if (!(width > 0 && height > 0 && width * height <= MOST_PIXELS))
    refuse(where, `the image must have 1 to ${MOST_PIXELS} pixels, got ${width} x ${height}`);
  if (!COLOURS[colour]?.depths.includes(depth))
    refuse(where, `colour type ${colour} with ${depth} bits is not allowed`);
  if (data[10] !== 0 || data[11] !== 0 || data[12] > 1) refuse(where, 'the header names an unknown method');
  if (data[12] === 1) refuse(where, 'the image is interlaced, which is not read: save it without');
  return { width, height, depth, colour };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Undoes the filters in place; each row begins with the number of its own. `step` is the bytes of a pixel. */
function unfilter(rows: Uint8Array, stride: number, step: number, where: string): void {
  for (let start = 0; start < rows.length; start += stride + 1) {
    const filter = rows[start];
    if (filter > 4) refuse(where, `filter ${filter} is not known`);
    if (filter === 0) continue;
    for (let at = start + 1; at <= start + stride; at++) {
      const inside = at - step > start;
      const left = inside ? rows[at - step] : 0;
      const up = start > 0 ? rows[at - stride - 1] : 0;
      if (filter === 1) rows[at] += left;
      else if (filter === 2) rows[at] += up;
      else if (filter === 3) rows[at] += (left + up) >> 1;
      else rows[at] += paeth(left, up, start > 0 && inside ? rows[at - stride - 1 - step] : 0);
    }
  }
}

/** Of the three the one nearest to left + up - corner; the first among equals. */
function paeth(left: number, up: number, corner: number): number {
  const toLeft = Math.abs(up - corner);
  const toUp = Math.abs(left - corner);
  const toCorner = Math.abs(left + up - 2 * corner);
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}

function pixelsOf(
  { width, height, depth, colour }: Header,
  rows: Uint8Array,
  stride: number,
  palette: Uint8Array | undefined,
  alpha: Uint8Array,
  where: string,
): PngImage {
  const { samples } = COLOURS[colour];
  const channels = colour === 0 || colour === 4 ? 1 : 3;
  const size = width * height;
  const pixels = new Uint8Array(channels * size);
  const most = 2 ** depth - 1;

  /** Sample `i` of a row, in its own bits. */
  function sample(y: number, i: number): number {
    const row = y * (stride + 1) + 1;
    if (depth === 8) return rows[row + i];
    if (depth === 16) return rows[row + 2 * i] * 256 + rows[row + 2 * i + 1];
    const bit = i * depth;
    return (rows[row + (bit >> 3)] >> (8 - depth - (bit & 7))) & most;
  }

  /** One 16-bit value for each sample that stands for transparent pixels. */
  const clear =
    colour === 0 || colour === 2
      ? Array.from({ length: alpha.length / 2 }, (_, i) => alpha[2 * i] * 256 + alpha[2 * i + 1])
      : [];
  /** The samples of a pixel. */
  const raw = new Uint16Array(samples);
  const isClear = () => clear.length > 0 && raw.every((value, c) => value === clear[c]);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      for (let i = 0; i < samples; i++) raw[i] = sample(y, x * samples + i);
      const at = y * width + x;
      if (colour === 3) {
        const [entry] = raw;
        if (3 * entry + 2 >= palette!.length) refuse(where, `the palette has no entry ${entry}`);
        const opaque = (alpha[entry] ?? 255) / 255;
        for (let c = 0; c < 3; c++) pixels[c * size + at] = Math.round(palette![3 * entry + c] * opaque);
      } else {
        const opaque = samples > channels ? raw[channels] / most : isClear() ? 0 : 1;
        for (let c = 0; c < channels; c++)
          pixels[c * size + at] = Math.round(((255 * raw[c]) / most) * opaque);
      }
    }
  return { width, height, channels, pixels };
}
