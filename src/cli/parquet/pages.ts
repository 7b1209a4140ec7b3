/** The pages of a column, read and unpacked one after the other: the numbers, and which of them begin rows. */
import type { PageHeader } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';
import { crc32 } from '../../io/crc32.js';
import type { Floats } from '../../keys.js';
import type { RangeSource } from '../range-source.js';
import { unpack } from './codecs.js';
import type { Chunk, Column } from './columns.js';
import { type Fail, parsed, wholeOf } from './damage.js';
import { decodeRuns } from './runs.js';
import { structEnd } from './thrift.js';
import { dictionaryOf, MOST_PAGE, valuesOf, WIDTH } from './values.js';

/** A page in memory. */
export interface Page {
  /** Numbers, and NULLs and empty lists in their place. */
  readonly count: number;
  /** 0 where a row begins, for lists. */
  readonly repetition?: Uint8Array;
  /** The first place that has no number, and the level that says why; there are no values then. */
  readonly absent?: { readonly at: number; readonly level: number };
  readonly values: Floats;
}

/** Bytes of the header of a page: it may hold the least and the largest value. */
const HEADER_BYTES = [2 ** 10, 2 ** 20];
/** Bytes of a page for each of its values, beside the value: levels and indices of a dictionary at their longest. */
const OVERHEAD = 16;

/**
 * The data pages of a chunk. In memory are the page, its packed bytes and the dictionary; `fetch` bytes are read at a time.
 */
export async function* pagesOf(
  source: RangeSource,
  chunk: Chunk,
  column: Column,
  fetch: number,
  fail: Fail,
): AsyncGenerator<Page> {
  const bytes = new ChunkBytes(source, chunk, fetch);
  let dictionary: Floats | undefined;
  let left = chunk.values;
  while (left > 0) {
    const place = bytes.at;
    const here: Fail = (rule) => fail(`the page at byte ${place} is damaged: ${rule}`);
    if (place === chunk.end) fail(`a column ends ${left} values too early, at byte ${place}`);
    const header = await headerAt(bytes, here);
    const size = wholeOf(
      header.compressed_page_size,
      'its size',
      here,
      Math.min(MOST_PAGE, chunk.end - bytes.at),
    );
    const packed = await bytes.take(size);
    if (header.crc !== undefined && Number(header.crc) >>> 0 !== crc32(packed))
      here('its checksum is another one');
    if (header.type === 'DICTIONARY_PAGE') {
      if (dictionary) here('it is a second dictionary');
      dictionary = dictionaryOf(header, packed, chunk.codec, column, here);
    } else if (header.type === 'DATA_PAGE' || header.type === 'DATA_PAGE_V2') {
      const page = dataPage(header, packed, chunk.codec, column, dictionary, left, here);
      left -= page.count;
      // Some writers end a group with a page of nothing.
      if (page.count > 0) yield page;
    } else if (header.type !== 'INDEX_PAGE') here('its type is unknown');
  }
}

/** The bytes of a chunk in order, fetched in large pieces. */
class ChunkBytes {
  at: number;
  private held = new Uint8Array(0);
  private heldAt: number;

  constructor(
    private readonly source: RangeSource,
    private readonly chunk: Chunk,
    private readonly fetch: number,
  ) {
    this.at = this.heldAt = chunk.start;
  }

  /** The next `length` bytes, or those up to the end of the chunk; they stay the next ones. */
  async peek(length: number): Promise<Uint8Array> {
    const end = Math.min(this.chunk.end, this.at + length);
    const skipped = this.at - this.heldAt;
    if (end > this.heldAt + this.held.length) {
      const rest = this.held.subarray(skipped);
      const from = this.at + rest.length;
      const more = await this.source.read(from, Math.min(this.chunk.end, Math.max(end, from + this.fetch)));
      this.held = rest.length === 0 ? (more as Uint8Array<ArrayBuffer>) : Buffer.concat([rest, more]);
      this.heldAt = this.at;
      return this.held.subarray(0, end - this.at);
    }
    return this.held.subarray(skipped, skipped + end - this.at);
  }

  async take(length: number): Promise<Uint8Array> {
    const bytes = await this.peek(length);
    this.at += length;
    return bytes;
  }
}

async function headerAt(bytes: ChunkBytes, here: Fail): Promise<PageHeader> {
  for (const most of HEADER_BYTES) {
    const window = await bytes.peek(most);
    const end = structEnd(window, 0, here);
    if (end === undefined) continue;
    await bytes.take(end);
    const view = new DataView(window.buffer, window.byteOffset, end);
    return parsed(() => parquetHeader({ view, offset: 0 }), 'its header', here);
  }
  return here('its header ends too early');
}

/** The parts of a data page, of either version. */
interface Parts {
  readonly count: number;
  readonly encoding: string | undefined;
  readonly repetition?: Uint8Array;
  readonly definition?: Uint8Array;
  readonly body: Uint8Array;
}

function dataPage(
  header: PageHeader,
  packed: Uint8Array,
  codec: string,
  column: Column,
  dictionary: Floats | undefined,
  most: number,
  here: Fail,
): Page {
  const kind = header.type === 'DATA_PAGE' ? header.data_page_header : header.data_page_header_v2;
  const count = wholeOf(kind?.num_values, 'its number of values', here);
  if (count > most) here(`it has ${count} values where ${most} are left`);
  const size = wholeOf(header.uncompressed_page_size, 'its unpacked size', here, MOST_PAGE);
  // The size may be wrong, and is then not to be allocated.
  if (size > (WIDTH[column.type] + OVERHEAD) * count + 64) here(`its ${count} values have ${size} bytes`);
  const parts = header.type === 'DATA_PAGE' ? partsOf : partsOfV2;
  const { encoding, repetition, definition, body } = parts(header, packed, codec, column, count, size, here);
  const at = definition ? definition.findIndex((level) => level !== column.level) : -1;
  if (at >= 0) {
    const level = definition![at];
    if (level > column.level) here(`a value has the level ${level}, the most is ${column.level}`);
    return { count, repetition, absent: { at, level }, values: new Float32Array(0) };
  }
  return { count, repetition, values: valuesOf(body, count, encoding, column, dictionary, here) };
}

/** Version 1: levels with their lengths before them, packed together with the values. */
function partsOf(
  { data_page_header: header }: PageHeader,
  packed: Uint8Array,
  codec: string,
  column: Column,
  count: number,
  size: number,
  here: Fail,
): Parts {
  const bytes = unpack(codec, packed, size, here);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const levels = (most: number, encoding: string | undefined): Uint8Array | undefined => {
    if (most === 0) return undefined;
    if (encoding !== 'RLE') here(`its levels have the encoding ${encoding}`);
    const length = bytes.length - at >= 4 ? view.getUint32(at, true) : here('it ends within its levels');
    at += 4;
    if (length > bytes.length - at) here('it ends within its levels');
    at += length;
    return levelsOf(bytes, at - length, at, most, count, here);
  };
  const repetition = levels(Number(column.listLevel !== undefined), header?.repetition_level_encoding);
  const definition = levels(column.level, header?.definition_level_encoding);
  return { count, encoding: header?.encoding, repetition, definition, body: bytes.subarray(at) };
}

/** Version 2: levels first, which are not packed. */
function partsOfV2(
  { data_page_header_v2: header }: PageHeader,
  packed: Uint8Array,
  codec: string,
  column: Column,
  count: number,
  size: number,
  here: Fail,
): Parts {
  const most = Math.min(size, packed.length);
  const first = wholeOf(header?.repetition_levels_byte_length, 'the length of its levels', here, most);
  const second = wholeOf(
    header?.definition_levels_byte_length,
    'the length of its levels',
    here,
    most - first,
  );
  const start = first + second;
  const lists = column.listLevel !== undefined;
  const rest = packed.subarray(start);
  return {
    count,
    encoding: header?.encoding,
    repetition: lists ? levelsOf(packed, 0, first, 1, count, here) : undefined,
    definition: column.level > 0 ? levelsOf(packed, first, start, column.level, count, here) : undefined,
    body: unpack(header?.is_compressed === false ? 'UNCOMPRESSED' : codec, rest, size - start, here),
  };
}

function levelsOf(
  bytes: Uint8Array,
  start: number,
  end: number,
  most: number,
  count: number,
  here: Fail,
): Uint8Array {
  const levels = new Uint8Array(count);
  decodeRuns(bytes, start, end, 32 - Math.clz32(most), levels, here);
  return levels;
}
