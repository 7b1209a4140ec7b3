/** NumPy's .npy format, versions 1.0 to 3.0: one array after a header that is a Python dict literal. */
import { type ByteSource, bytesOf, placeOf, quoted, refuse } from './bytes.js';
import { Cursor } from './cursor.js';
import { type Encoding, FLOAT_BYTES, HOST_LITTLE_ENDIAN } from './elements.js';
import { entriesOf, type FileTensor, fileTensor } from './file-tensor.js';
import { type TensorFile, tensorFile } from './tensor-file.js';
import { type ArrayToWrite, concatenated, storedArray, type WriteOptions } from './write.js';

/** The bytes that every .npy begins with: \x93NUMPY. */
export const NPY_MAGIC = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59);

/** A header needs some hundred bytes; only structured types, which are not read, have long ones. */
const MAX_HEADER = 1 << 20;

interface Header {
  readonly descr: string;
  readonly fortran_order: boolean;
  readonly shape: readonly number[];
}

/**
 * Opens an .npy source as a file of one tensor without a name.
 *
 * @throws FormatError as `openArray` does
 */
export function openNpy(source: ByteSource): TensorFile {
  const where = placeOf('npy', source);
  const array = openArray(source, '', where);
  return tensorFile('npy', where, [''], () => array);
}

/**
 * Opens the array in an .npy source, or in a member of an .npz, which has a name.
 *
 * @throws FormatError where the header is not what NumPy writes or the data have another length than it says
 */
export function openArray(source: ByteSource, name: string, where: string): FileTensor {
  const { start, descr, encoding, shape, fortran } = npyHeader(source, where);
  const entries = entriesOf(shape, where);
  if (encoding) {
    const needed = entries * FLOAT_BYTES[encoding.type];
    const held = source.byteLength - start;
    if (needed !== held)
      refuse(
        where,
        `shape [${shape}] of ${descr} needs ${needed} bytes after the header, the file has ${held}`,
      );
  }
  return fileTensor({ source, where, name, dtype: descr, encoding, shape, start, fortran });
}

/** What the header of an .npy says, and the byte at which the data start. */
export interface NpyHeader {
  readonly start: number;
  readonly descr: string;
  /** Undefined where the numbers are not floating-point. */
  readonly encoding: Encoding | undefined;
  readonly shape: readonly number[];
  readonly fortran: boolean;
}

/**
 * Reads the header, and nothing behind it.
 *
 * @throws FormatError where it is not what NumPy writes
 */
export function npyHeader(source: ByteSource, where: string): NpyHeader {
  const { start, text } = headerText(source, where);
  const { descr, fortran_order, shape } = parseHeader(text, where);
  return { start, descr, encoding: encodingOf(descr), shape, fortran: fortran_order };
}

/** As many bytes of an .npy tell how long its header is. */
export const NPY_LEAD = 12;

/** The bytes [from, start) of the header's text, as the first bytes of the file tell. */
export function npyHeaderPlace(lead: Uint8Array, where: string): { from: number; start: number } {
  if (lead.length < 10 || NPY_MAGIC.some((byte, i) => lead[i] !== byte))
    refuse(where, 'does not begin as an .npy file does');
  const [major, minor] = lead.subarray(6, 8);
  if (major < 1 || major > 3 || minor !== 0)
    refuse(where, `version ${major}.${minor} is not one of 1.0, 2.0, 3.0`);
  const from = major === 1 ? 10 : 12;
  if (lead.length < from) refuse(where, `the file ends after ${lead.length} bytes, within the header`);
  const view = new DataView(lead.buffer, lead.byteOffset, lead.length);
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > MAX_HEADER) refuse(where, `header length ${length} is above ${MAX_HEADER}`);
  return { from, start: from + length };
}

/** The header's text and the byte at which the data start. */
function headerText(source: ByteSource, where: string): { start: number; text: string } {
  const size = source.byteLength;
  const lead = bytesOf(source, 0, Math.min(NPY_LEAD, size), where);
  const { from, start } = npyHeaderPlace(lead, where);
  if (start > size) refuse(where, `header length ${start - from} exceeds the file (${size} bytes)`);
  const encoding = lead[6] === 3 ? 'utf-8' : 'latin1';
  const bytes = bytesOf(source, from, start, where);
  try {
    return { start, text: new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return refuse(where, 'the header is not UTF-8');
  }
}

/** Parses a dict literal with exactly the keys descr (a string), fortran_order (a bool) and shape (a tuple of integers). */
function parseHeader(text: string, where: string): Header {
  const cursor = new Cursor(text, (rule) => refuse(where, rule));
  const header: { -readonly [key in keyof Header]?: Header[key] } = {};
  cursor.expect('{');
  while (!cursor.eat('}')) {
    const key = parseString(cursor, where);
    if (Object.hasOwn(header, key)) refuse(where, `the header has ${quoted(key)} twice`);
    cursor.expect(':');
    if (key === 'descr') header.descr = parseString(cursor, where);
    else if (key === 'fortran_order') header.fortran_order = parseBool(cursor);
    else if (key === 'shape') header.shape = parseTuple(cursor);
    else refuse(where, `the header has the unknown key ${quoted(key)}`);
    if (!cursor.eat(',')) {
      cursor.expect('}');
      break;
    }
  }
  if (!cursor.atEnd()) cursor.refuse('to end');
  const { descr, fortran_order, shape } = header;
  if (descr === undefined || fortran_order === undefined || shape === undefined)
    return refuse(
      where,
      `the header needs descr, fortran_order and shape, got ${Object.keys(header).join(', ') || 'none'}`,
    );
  return { descr, fortran_order, shape };
}

function parseString(cursor: Cursor, where: string): string {
  const text = cursor.quotedText(`"'`).slice(1, -1);
  if (text.includes('\\')) refuse(where, `the header has an escape in ${quoted(text)}`);
  return text;
}

function parseBool(cursor: Cursor): boolean {
  if (cursor.eat('True')) return true;
  if (!cursor.eat('False')) cursor.refuse('True or False');
  return false;
}

function parseTuple(cursor: Cursor): number[] {
  const items: number[] = [];
  cursor.expect('(');
  while (!cursor.eat(')')) {
    items.push(cursor.wholeNumber());
    if (cursor.eat(',')) continue;
    // One item without a comma would be a number in parentheses, not a tuple.
    if (items.length === 1) cursor.refuse("','");
    cursor.expect(')');
    break;
  }
  return items;
}

const TYPES = { 2: 'F16', 4: 'F32', 8: 'F64' } as const;

/** How NumPy's type string stores numbers, if they are floating-point: '=', '|' and no sign mean this machine's order. */
function encodingOf(descr: string): Encoding | undefined {
  const [, order, bytes] = /^([<>=|]?)f([248])$/.exec(descr) ?? [];
  if (bytes === undefined) return undefined;
  const littleEndian = order === '<' || (order !== '>' && HOST_LITTLE_ENDIAN);
  return { type: TYPES[bytes as '2' | '4' | '8'], littleEndian };
}

const DESCR = { F16: '<f2', F32: '<f4', F64: '<f8', I64: '<i8' } as const;

/** The digits for which NumPy leaves room, so that the first size can grow in place. */
const GROWTH_DIGITS = 21;

/** The header and the data of an .npy file; messages begin with `where`. */
export function npyParts(array: ArrayToWrite, options: WriteOptions, where: string): Uint8Array[] {
  const { dtype, shape, bytes } = storedArray(array, options, where);
  if (dtype === 'BF16') throw new TypeError(`${where}: NumPy has no type BF16`);
  const tuple = shape.length === 1 ? `(${shape},)` : `(${shape.join(', ')})`;
  const dict = `{'descr': '${DESCR[dtype]}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const room = shape.length === 0 ? 0 : GROWTH_DIGITS - String(shape[0]).length;
  const size = Math.ceil((10 + dict.length + room + 1) / 64) * 64;
  const header = new Uint8Array(size);
  header.set(NPY_MAGIC);
  header.set([1, 0, (size - 10) & 255, (size - 10) >>> 8], 6);
  header.set(new TextEncoder().encode(`${dict.padEnd(size - 11)}\n`), 10);
  return [header, bytes];
}

/**
 * The bytes of an .npy file with this array, the same that `numpy.save` writes: version 1.0, row-major, little-endian.
 *
 * @param array - {data, shape} or {data, dims} of any rank; a BigInt64Array is written as `<i8`
 * @throws TypeError or RangeError where data and shape do not fit together, or for a type that .npy does not have;
 * FormatError for more than 64 indices, or where the result is too long for one array
 * @example
 * ```ts
 * import { readTensor, writeNpy } from 'levattention/io';
 *
 * const bytes = writeNpy({ data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [3, 2] });
 * bytes.length; // => 152
 * (await readTensor(bytes)).shape; // => [3, 2]
 * ```
 */
export function writeNpy(array: ArrayToWrite, options: WriteOptions = {}): Uint8Array<ArrayBuffer> {
  return concatenated(npyParts(array, options, 'writeNpy'), 'writeNpy');
}
