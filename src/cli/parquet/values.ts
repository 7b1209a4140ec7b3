/** The numbers of a page, in the encodings that Parquet has for floating-point ones. */
import type { PageHeader } from 'hyparquet';
import { sourceOf } from '../../io/bytes.js';
import { numberReader } from '../../io/elements.js';
import type { Floats } from '../../keys.js';
import { unpack } from './codecs.js';
import type { Column } from './columns.js';
import { type Fail, wholeOf } from './damage.js';
import { decodeRuns, MOST_BITS } from './runs.js';

/** A page at most, packed or unpacked: writers make pages of about a megabyte, some of a hundred. */
export const MOST_PAGE = 2 ** 28;

/** Bytes of a number. */
export const WIDTH = { FLOAT: 4, DOUBLE: 8 } as const;

/** The numbers of a dictionary page. */
export function dictionaryOf(
  { dictionary_page_header: header, uncompressed_page_size }: PageHeader,
  packed: Uint8Array,
  codec: string,
  column: Column,
  here: Fail,
): Floats {
  const count = wholeOf(header?.num_values, 'its number of values', here, MOST_PAGE);
  const size = wholeOf(uncompressed_page_size, 'its unpacked size', here, MOST_PAGE);
  if (header?.encoding !== 'PLAIN' && header?.encoding !== 'PLAIN_DICTIONARY')
    here(`a dictionary has the encoding ${header?.encoding}`);
  if (size !== count * WIDTH[column.type]) here(`a dictionary of ${count} values has ${size} bytes`);
  return plain(unpack(codec, packed, size, here), count, column);
}

/** Numbers as they are in the file. */
function plain(bytes: Uint8Array, count: number, { type }: Column): Floats {
  const encoding = { type: type === 'FLOAT' ? 'F32' : 'F64', littleEndian: true } as const;
  return numberReader(sourceOf(bytes, 'parquet'), encoding, 'parquet')(0, count);
}

/** The numbers of a data page. */
export function valuesOf(
  body: Uint8Array,
  count: number,
  encoding: string | undefined,
  column: Column,
  dictionary: Floats | undefined,
  here: Fail,
): Floats {
  if (encoding === 'RLE_DICTIONARY' || encoding === 'PLAIN_DICTIONARY') {
    if (!dictionary) return here('it has indices of a dictionary that is not there');
    return lookedUp(body, count, dictionary, here);
  }
  const size = count * WIDTH[column.type];
  if (encoding !== 'PLAIN' && encoding !== 'BYTE_STREAM_SPLIT')
    here(`its values have the encoding ${encoding}, which cannot be read`);
  if (body.length !== size) here(`its ${count} values have ${body.length} bytes, not ${size}`);
  return plain(encoding === 'PLAIN' ? body : joined(body, count), count, column);
}

function lookedUp(body: Uint8Array, count: number, dictionary: Floats, here: Fail): Floats {
  const width = body.length > 0 ? body[0] : here('it ends before its indices');
  if (width > MOST_BITS) here(`its indices have ${width} bits, the most is ${MOST_BITS}`);
  const indices = new Uint32Array(count);
  decodeRuns(body, 1, body.length, width, indices, here);
  const values = dictionary instanceof Float32Array ? new Float32Array(count) : new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const index = indices[i];
    if (index >= dictionary.length)
      here(`it has index ${index} of a dictionary of ${dictionary.length} values`);
    values[i] = dictionary[index];
  }
  return values;
}

/** Numbers whose first bytes come first, then all their second ones, and so on (BYTE_STREAM_SPLIT). */
function joined(body: Uint8Array, count: number): Uint8Array {
  const width = body.length / count;
  const bytes = new Uint8Array(body.length);
  for (let b = 0; b < width; b++) for (let i = 0; i < count; i++) bytes[i * width + b] = body[b * count + i];
  return bytes;
}
