/** The footer of a Parquet file: read within bounds, and checked before hyparquet takes it apart. */
import { type FileMetaData, parquetMetadata, parquetSchema, type RowGroup, type SchemaTree } from 'hyparquet';
import type { RangeSource } from '../range-source.js';
import { type Fail, parsed, wholeOf } from './damage.js';
import { structEnd } from './thrift.js';

/** What begins and ends a Parquet file, and one whose footer is encrypted. */
const MAGIC = 0x31524150;
const ENCRYPTED = 0x45524150;

/** Bytes of the end of a file that are read at once: most footers are among them. */
const TAIL_BYTES = 2 ** 16;
/** A footer of thousands of columns and row groups has some hundred megabytes. */
const MOST_FOOTER = 2 ** 28;

/** What a footer says. */
export interface Footer {
  readonly schema: SchemaTree;
  readonly groups: readonly Group[];
  readonly rows: number;
  /** Byte at which the footer starts: all pages lie before it. */
  readonly start: number;
}

/** Rows that are stored together. */
export interface Group {
  readonly columns: RowGroup['columns'];
  /** Its first row, among all rows of the file. */
  readonly first: number;
  readonly rows: number;
}

/** Whether a file begins as Parquet does. */
export function isParquetLead(lead: Uint8Array): boolean {
  return lead.length >= 4 && [MAGIC, ENCRYPTED].includes(wordAt(lead, 0));
}

function wordAt(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at, true);
}

/** Reads the footer; `fail` is told what is wrong with the file. */
export async function readFooter(source: RangeSource, fail: Fail): Promise<Footer> {
  const { bytes, start } = await footerBytes(source, fail);
  const damaged: Fail = (rule) => fail(`the footer is damaged: ${rule}`);
  const end = structEnd(bytes.subarray(0, -8), 0, damaged);
  if (end === undefined) damaged('it ends too early');
  if (end !== bytes.length - 8) damaged('bytes are left after it');
  const { metadata, schema } = parsed(() => structureOf(bytes), 'the footer', fail);
  return { schema, start, ...groupsOf(metadata, damaged) };
}

function structureOf(bytes: Uint8Array): { metadata: FileMetaData; schema: SchemaTree } {
  const metadata = parquetMetadata(bytes, { geoparquet: false });
  const schema = parquetSchema(metadata);
  if (schema.count !== metadata.schema.length) throw new Error('elements are left after the schema');
  if (!metadata.schema.every(({ name }) => typeof name === 'string')) throw new Error('a name is missing');
  return { metadata, schema };
}

/** The bytes of the footer with its length and the mark after it. */
async function footerBytes(source: RangeSource, fail: Fail): Promise<{ bytes: Uint8Array; start: number }> {
  const size = source.byteLength;
  if (size < 12) fail(`the file has ${size} bytes, fewer than any Parquet file`);
  if (!isParquetLead(await source.read(0, 4))) fail('the file does not begin with PAR1');
  const tailStart = Math.max(0, size - TAIL_BYTES);
  const tail = await source.read(tailStart, size);
  const mark = wordAt(tail, tail.length - 4);
  if (mark === ENCRYPTED) fail('the file is encrypted, which cannot be read');
  if (mark !== MAGIC) fail('the file does not end with PAR1: it is damaged, or was not written to its end');
  const length = wordAt(tail, tail.length - 8);
  if (length > Math.min(MOST_FOOTER, size - 12))
    fail(`the footer is damaged: its length ${length} is more than can be in a file of ${size} bytes`);
  const start = size - 8 - length;
  const bytes = start >= tailStart ? tail.subarray(start - tailStart) : await source.read(start, size);
  return { bytes, start };
}

function groupsOf(metadata: FileMetaData, damaged: Fail): { groups: Group[]; rows: number } {
  const rows = wholeOf(metadata.num_rows, 'its number of rows', damaged);
  let first = 0;
  const groups = metadata.row_groups.map(({ columns, num_rows }, i) => {
    const group = { columns, first, rows: wholeOf(num_rows, `the number of rows of group ${i}`, damaged) };
    first += group.rows;
    return group;
  });
  if (first !== rows) damaged(`its groups have ${first} rows, the file ${rows}`);
  return { groups, rows };
}
