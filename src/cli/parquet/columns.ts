/** Which columns of a Parquet file the keys are, and where their bytes lie. */
import type { SchemaTree } from 'hyparquet';
import { printable, quoted } from '../../io/bytes.js';
import { CODEC_NAMES } from './codecs.js';
import { type Fail, wholeOf } from './damage.js';
import type { Footer, Group } from './footer.js';

/** A column of floating-point numbers: one in each row, or a list of them. */
export interface Column {
  readonly name: string;
  readonly path: readonly string[];
  /** Its place among the columns of a row group. */
  readonly index: number;
  readonly type: 'FLOAT' | 'DOUBLE';
  /** The level of a number that is there; lower ones are of NULLs and of empty lists. */
  readonly level: number;
  /** The level from which on a list has an element; undefined for a column without lists. */
  readonly listLevel?: number;
}

/** The bytes of a column in a row group. */
export interface Chunk {
  readonly start: number;
  readonly end: number;
  readonly codec: string;
  /** Numbers, and NULLs and empty lists in their place. */
  readonly values: number;
}

/** All columns of floating-point numbers that stand at the top of the schema. */
function floatColumns({ schema }: Footer): Column[] {
  let index = 0;
  return schema.children.flatMap((child) => {
    const first = index;
    index += leaves(child);
    const column = columnOf(child, first);
    return column ? [column] : [];
  });
}

function leaves({ children }: SchemaTree): number {
  return children.length === 0 ? 1 : children.reduce((sum, child) => sum + leaves(child), 0);
}

/** A field of the schema as a column: a number, or a list of numbers in any of the ways in which lists are written. */
function columnOf(field: SchemaTree, index: number): Column | undefined {
  let level = 0;
  let listLevel: number | undefined;
  for (let node = field; ; [node] = node.children) {
    const { repetition_type: repetition, type } = node.element;
    if (repetition !== 'REQUIRED') level++;
    if (repetition === 'REPEATED') {
      if (listLevel !== undefined) return undefined;
      listLevel = level;
    }
    if (node.children.length > 1) return undefined;
    if (node.children.length === 1) continue;
    if (type !== 'FLOAT' && type !== 'DOUBLE') return undefined;
    // A structure of one number is no number.
    if (listLevel === undefined && node !== field) return undefined;
    return { name: field.element.name, path: node.path, index, type, level, listLevel };
  }
}

/**
 * The columns that hold the keys: the one of the given name whose rows are lists, or those of the given names, with commas between them, whose rows
 * are numbers. Without a name the only column of lists, or all columns of numbers where there is none of lists.
 */
export function chosenColumns(footer: Footer, name: string | undefined, fail: Fail): readonly Column[] {
  const all = floatColumns(footer);
  const lists = all.filter(({ listLevel }) => listLevel !== undefined);
  const numbers = all.filter(({ listLevel }) => listLevel === undefined);
  if (all.length === 0) return fail('there is no column of floats or of lists of floats');
  const known = `${listed(lists, 'lists')}${lists.length > 0 && numbers.length > 0 ? '; ' : ''}${listed(numbers, 'numbers')}`;
  if (name === undefined) {
    if (lists.length === 0) return numbers;
    if (lists.length === 1 && numbers.length === 0) return lists;
    return fail(`choose a column of lists, or columns of numbers, with #NAME or #NAME,NAME: ${known}`);
  }
  const list = lists.find((column) => column.name === name);
  if (list) return [list];
  const names = name.split(',');
  const chosen = names.map(
    (one) =>
      numbers.find((column) => column.name === one) ??
      fail(
        `there is no column ${quoted(one)} of ${names.length > 1 ? 'floats' : 'floats or lists of floats'}, only ${known}`,
      ),
  );
  if (new Set(chosen).size < chosen.length) return fail(`a column is named twice in ${quoted(name)}`);
  return chosen;
}

const NAMES_IN_MESSAGE = 8;

function listed(columns: readonly Column[], kind: string): string {
  if (columns.length === 0) return '';
  const names = columns.slice(0, NAMES_IN_MESSAGE).map(({ name }) => quoted(name));
  const more = columns.length - names.length;
  return `${names.join(', ')}${more > 0 ? ` and ${more} more` : ''} (${kind})`;
}

/** The bytes of a column in a row group, which must lie before the footer. */
export function chunkOf({ columns, rows }: Group, column: Column, footerStart: number, fail: Fail): Chunk {
  const damaged: Fail = (rule) => fail(`the footer is damaged: ${rule}`);
  const { file_path: file, meta_data: meta } = columns[column.index] ?? damaged('a column is missing');
  if (file) fail(`it keeps columns in another file, ${printable(file)}, which is not read`);
  if (!meta) return fail('a column is encrypted, which cannot be read');
  if (meta.path_in_schema.join('\0') !== column.path.join('\0') || meta.type !== column.type)
    damaged('its columns are not those of its schema');
  if (!CODEC_NAMES.includes(meta.codec))
    fail(`a column is packed with ${meta.codec ?? 'an unknown codec'}, which cannot be read`);
  const pages = wholeOf(meta.data_page_offset, 'the place of a page', damaged);
  const dictionary = wholeOf(meta.dictionary_page_offset ?? 0, 'the place of a dictionary', damaged);
  const size = wholeOf(meta.total_compressed_size, 'the size of a column', damaged);
  const values = wholeOf(meta.num_values, 'the number of values of a column', damaged);
  // Some writers say that a dictionary is at byte 0 where there is none.
  const start = dictionary > 0 && dictionary < pages ? dictionary : pages;
  if (start < 4 || start + size > footerStart) damaged('a column lies outside of the file');
  if (column.listLevel === undefined ? values !== rows : values < rows)
    damaged(`a column has ${values} values in ${rows} rows`);
  return { start, end: start + size, codec: meta.codec, values };
}
