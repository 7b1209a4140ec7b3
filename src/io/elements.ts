/** Blocks of stored floating-point numbers as typed arrays, and back: widths, byte orders, alignment. */
import type { Floats } from '../keys.js';
import { allocate, type ByteSource, bytesOf } from './bytes.js';
import { decodeBF16, decodeF16, encodeBF16, encodeF16 } from './half.js';

/** Floating-point types that are read and written; F16 is IEEE binary16, BF16 is bfloat16. */
export type FloatType = 'F16' | 'BF16' | 'F32' | 'F64';

/** How the numbers of a tensor are stored. */
export interface Encoding {
  readonly type: FloatType;
  readonly littleEndian: boolean;
}

/** Bytes of a number. */
export const FLOAT_BYTES: Readonly<Record<FloatType, number>> = { F16: 2, BF16: 2, F32: 4, F64: 8 };

/** Whether typed arrays of this machine are little-endian. */
export const HOST_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

function reversed32(word: number): number {
  return (word << 24) | ((word << 8) & 0xff0000) | ((word >>> 8) & 0xff00) | (word >>> 24);
}

/** Reverses the bytes of every number of 2, 4 or 8 bytes, in place; the first one must be aligned. */
function swapBytes({ buffer, byteOffset, byteLength }: Uint8Array, size: number): void {
  if (size === 2) {
    const words = new Uint16Array(buffer, byteOffset, byteLength / 2);
    for (let i = 0; i < words.length; i++) words[i] = (words[i] << 8) | (words[i] >>> 8);
    return;
  }
  const words = new Uint32Array(buffer, byteOffset, byteLength / 4);
  if (size === 4) for (let i = 0; i < words.length; i++) words[i] = reversed32(words[i]);
  else
    for (let i = 0; i < words.length; i += 2) {
      const first = words[i];
      words[i] = reversed32(words[i + 1]);
      words[i + 1] = reversed32(first);
    }
}

/** Reads `count` numbers from byte `position` on; the array is valid until the next call. */
export type NumberReader = (position: number, count: number) => Floats;

/**
 * A reader of numbers with buffers of its own. F16, BF16 and F32 come as float32 and F64 as float64, all exactly.
 * F32 and F64 in the byte order of the machine are not copied: they are a view of a source in memory, where they are
 * aligned, or of the buffer that the source has filled.
 */
export function numberReader(
  source: ByteSource,
  { type, littleEndian }: Encoding,
  where: string,
): NumberReader {
  const size = FLOAT_BYTES[type];
  const swapped = littleEndian !== HOST_LITTLE_ENDIAN;
  let scratch = new Uint8Array(0);
  let widened = new Float32Array(0);

  function room(length: number): Uint8Array {
    if (scratch.length < length) scratch = allocate(length, where);
    return scratch.subarray(0, length);
  }

  function stored(position: number, count: number): Uint8Array {
    let bytes = bytesOf(source, position, position + count * size, where, room);
    if (bytes.byteOffset % size !== 0 || (swapped && bytes.buffer !== scratch.buffer)) {
      const copy = room(bytes.length);
      copy.set(bytes);
      bytes = copy;
    }
    if (swapped) swapBytes(bytes, size);
    return bytes;
  }

  return (position, count) => {
    const { buffer, byteOffset } = stored(position, count);
    if (type === 'F64') return new Float64Array(buffer, byteOffset, count);
    if (type === 'F32') return new Float32Array(buffer, byteOffset, count);
    if (widened.length < count) widened = new Float32Array(allocate(4 * count, where).buffer);
    const out = widened.subarray(0, count);
    const decode = type === 'F16' ? decodeF16 : decodeBF16;
    decode(new Uint16Array(buffer, byteOffset, count), out);
    return out;
  };
}

/** The numbers in the given type, nearest where it is narrower, as little-endian bytes; a view where nothing changes. */
export function encode(data: Floats, type: FloatType): Uint8Array {
  let stored: Floats | Uint16Array = data;
  if (type === 'F16') stored = encodeF16(data);
  else if (type === 'BF16') stored = encodeBF16(data);
  else if (type === 'F32' && !(data instanceof Float32Array)) stored = Float32Array.from(data);
  else if (type === 'F64' && !(data instanceof Float64Array)) stored = Float64Array.from(data);
  return littleEndianBytes(stored);
}

/** The bytes of a typed array, little-endian; a view on a machine of that order. */
export function littleEndianBytes(array: Floats | Uint16Array | BigInt64Array): Uint8Array {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  if (HOST_LITTLE_ENDIAN) return bytes;
  const copy = bytes.slice();
  swapBytes(copy, array.BYTES_PER_ELEMENT);
  return copy;
}
