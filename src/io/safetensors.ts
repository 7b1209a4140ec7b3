/** The .safetensors format: named tensors after a JSON header that says where each one lies. */
import { type ByteSource, bytesOf, placeOf, printable, quoted, refuse } from './bytes.js';
import { Cursor } from './cursor.js';
import { FLOAT_BYTES, type FloatType } from './elements.js';
import { entriesOf, fileTensor } from './file-tensor.js';
import { checkName, type TensorFile, tensorFile } from './tensor-file.js';
import { type ArrayToWrite, concatenated, storedArray, type WriteOptions } from './write.js';

/** The format's own limit. */
const MAX_HEADER = 100_000_000;

const METADATA = '__metadata__';

/** A tensor as the header lists it; it lies at [begin, end) of the bytes after the header. */
interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/**
 * Lists the tensors of a .safetensors source.
 *
 * @throws FormatError where the header is not exactly what the format allows, or the tensors do not fill the bytes
 * after it one by one
 */
export function openSafetensors(source: ByteSource): TensorFile {
  const where = placeOf('safetensors', source);
  const size = source.byteLength;
  if (size < 8) refuse(where, `the file has ${size} bytes, fewer than the length of a header takes`);
  const lead = bytesOf(source, 0, 8, where);
  const length = new DataView(lead.buffer, lead.byteOffset, 8).getBigUint64(0, true);
  if (length > MAX_HEADER) refuse(where, `header length ${length} is above ${MAX_HEADER}`);
  const start = 8 + Number(length);
  if (start > size) refuse(where, `header length ${length} exceeds the file (${size} bytes)`);
  const header = parseHeader(headerText(bytesOf(source, 8, start, where), where), where);
  checkPlaces(header.tensors, size - start, where);
  return tensorFile(
    'safetensors',
    where,
    [...header.tensors.keys()],
    (name) => {
      const { dtype, shape, begin } = header.tensors.get(name)!;
      return fileTensor({
        source,
        where: `${where}#${printable(name)}`,
        name,
        dtype,
        encoding: isFloatType(dtype) ? { type: dtype, littleEndian: true } : undefined,
        shape,
        start: start + begin,
        fortran: false,
      });
    },
    header.metadata,
  );
}

function isFloatType(dtype: string): dtype is FloatType {
  return Object.hasOwn(FLOAT_BYTES, dtype);
}

function headerText(bytes: Uint8Array, where: string): string {
  if (bytes[0] !== 0x7b) refuse(where, `the header does not begin with '{'`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return refuse(where, 'the header is not UTF-8');
  }
}

/**
 * Parses the JSON that the format allows and no other: JSON.parse would take fractions for whole numbers, round large
 * ones, keep the last of duplicate keys and lose `__proto__`.
 */
function parseHeader(text: string, where: string) {
  const cursor = new Cursor(text, (rule) => refuse(where, rule));
  const metadata = new Map<string, string>();
  const tensors = new Map<string, Entry>();
  let hasMetadata = false;
  members(cursor, (key) => {
    if (key === METADATA) {
      if (hasMetadata) refuse(where, `the header has ${METADATA} twice`);
      hasMetadata = true;
      members(cursor, (name) => {
        checkName(name, where);
        if (metadata.has(name)) refuse(where, `${METADATA} has ${quoted(name)} twice`);
        metadata.set(name, string(cursor));
      });
    } else {
      if (tensors.has(key)) refuse(where, `the header has ${quoted(key)} twice`);
      tensors.set(key, parseEntry(cursor, `${where}#${printable(key)}`));
    }
  });
  if (!cursor.atEnd()) cursor.refuse('to end');
  return { metadata, tensors };
}

function parseEntry(cursor: Cursor, where: string): Entry {
  const entry: { dtype?: string; shape?: number[]; data_offsets?: number[] } = {};
  members(cursor, (key) => {
    if (Object.hasOwn(entry, key)) refuse(where, `the header has ${quoted(key)} twice`);
    if (key === 'dtype') entry.dtype = string(cursor);
    else if (key === 'shape' || key === 'data_offsets') entry[key] = wholeNumbers(cursor);
    else refuse(where, `the header has the unknown key ${quoted(key)}`);
  });
  const { dtype, shape, data_offsets: offsets } = entry;
  if (dtype === undefined || shape === undefined || offsets === undefined)
    return refuse(
      where,
      `the header needs dtype, shape and data_offsets, got ${Object.keys(entry).join(', ') || 'none'}`,
    );
  const [begin, end] = offsets;
  if (offsets.length !== 2 || !offsets.every(Number.isSafeInteger) || begin > end)
    refuse(where, `data_offsets must be [begin, end] with begin <= end, got [${offsets.slice(0, 3)}]`);
  const entries = entriesOf(shape, where);
  if (isFloatType(dtype) && entries * FLOAT_BYTES[dtype] !== end - begin)
    refuse(
      where,
      `shape [${shape}] of ${dtype} does not take the ${end - begin} bytes of data_offsets [${offsets}]`,
    );
  return { dtype, shape, begin, end };
}

/** A JSON object; `value` is called after each key and parses what belongs to it. */
function members(cursor: Cursor, value: (key: string) => void): void {
  cursor.expect('{');
  if (cursor.eat('}')) return;
  do {
    const key = string(cursor);
    cursor.expect(':');
    value(key);
  } while (cursor.eat(','));
  cursor.expect('}');
}

function string(cursor: Cursor): string {
  const text = cursor.quotedText('"');
  try {
    return JSON.parse(text) as string;
  } catch {
    return cursor.refuse(`another text than ${printable(text)} before what follows`);
  }
}

function wholeNumbers(cursor: Cursor): number[] {
  const numbers: number[] = [];
  cursor.expect('[');
  if (cursor.eat(']')) return numbers;
  do numbers.push(cursor.wholeNumber());
  while (cursor.eat(','));
  cursor.expect(']');
  return numbers;
}

/** The tensors must fill the bytes after the header without holes, overlaps and a rest. */
function checkPlaces(tensors: ReadonlyMap<string, Entry>, bytes: number, where: string): void {
  const inOrder = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  for (const [name, { begin, end }] of inOrder) {
    if (begin !== at)
      refuse(
        where,
        `tensor ${quoted(name)} begins at byte ${begin} of the data, the one before it ends at ${at}`,
      );
    at = end;
  }
  if (at !== bytes) refuse(where, `the tensors take ${at} bytes, the file has ${bytes} after the header`);
}

/** What `writeSafetensors` takes besides the tensors. */
export interface SafetensorsOptions extends WriteOptions {
  /** Text to keep beside the tensors, such as where they come from. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * The bytes of a .safetensors file. As in the format's own library, wider types come first and tensors of one type are
 * sorted by name, and the header is padded to a multiple of 8 bytes, so that every tensor is aligned. The same tensors
 * and metadata give the same bytes.
 *
 * @throws TypeError or RangeError where data and shape do not fit together; FormatError for a name that is not allowed
 * or a result too long for one array
 * @example
 * ```ts
 * import { openTensors, writeSafetensors } from 'levattention/io';
 *
 * const k = { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] };
 * const file = await openTensors(writeSafetensors({ k, q: k }, { dtype: 'BF16', metadata: { layer: '0' } }));
 * file.names; // => ['k', 'q']
 * (await file.open('k')).dtype; // => 'BF16'
 * ```
 */
export function writeSafetensors(
  tensors: Readonly<Record<string, ArrayToWrite>>,
  options: SafetensorsOptions = {},
): Uint8Array<ArrayBuffer> {
  const where = 'writeSafetensors';
  const stored = Object.entries(tensors).map(([name, tensor]) => {
    checkName(name, where);
    if (name === METADATA) refuse(where, `the name ${METADATA} is not allowed`);
    return { name, ...storedArray(tensor, options, `${where}: ${printable(name)}`) };
  });
  const width = (dtype: FloatType | 'I64'): number => (dtype === 'I64' ? 8 : FLOAT_BYTES[dtype]);
  stored.sort((a, b) => width(b.dtype) - width(a.dtype) || (a.name < b.name ? -1 : 1));
  let at = 0;
  const items = stored.map(({ name, dtype, shape, bytes }) => {
    const entry = { dtype, shape, data_offsets: [at, (at += bytes.length)] };
    return `${JSON.stringify(name)}:${JSON.stringify(entry)}`;
  });
  const metadata = Object.entries(options.metadata ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  if (metadata.length > 0) items.unshift(`"${METADATA}":${jsonOfTexts(metadata, where)}`);
  const text = new TextEncoder().encode(`{${items.join(',')}}`);
  const header = new Uint8Array(8 + Math.ceil(text.length / 8) * 8).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(header.length - 8), true);
  header.set(text, 8);
  return concatenated([header, ...stored.map(({ bytes }) => bytes)], where);
}

function jsonOfTexts(entries: readonly (readonly [string, string])[], where: string): string {
  const items = entries.map(([key, value]) => {
    checkName(key, where);
    if (typeof value !== 'string') throw new TypeError(`${where}: metadata ${quoted(key)} must be a string`);
    return `${JSON.stringify(key)}:${JSON.stringify(value)}`;
  });
  return `{${items.join(',')}}`;
}
