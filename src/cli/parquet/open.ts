/** Keys in a Parquet file: a column of lists, or a column for each of their numbers, streamed page by page. */
import { setImmediate } from 'node:timers/promises';
import { printable, refuse } from '../../io/bytes.js';
import type { Floats } from '../../keys.js';
import type { RangeSource } from '../range-source.js';
import { endOfPiece, pieceRows, type RowSource } from '../rows.js';
import { type Column, chosenColumns, chunkOf } from './columns.js';
import type { Fail } from './damage.js';
import { type Group, readFooter } from './footer.js';
import { listCheck, numberCheck, type PageCheck, refuseAbsent } from './list-check.js';
import { type Page, pagesOf } from './pages.js';

/** Bytes that are fetched ahead of all columns together, and of each. */
const FETCH_BYTES = 2 ** 25;
const [LEAST_FETCH, MOST_FETCH] = [2 ** 16, 2 ** 21];

/**
 * Opens the keys of a Parquet file: the rows of a column of lists of floats or doubles, or of columns of them. Memory for a few pages of each column and
 * a piece of rows, whatever the row groups have.
 *
 * @param name - the column, or several with commas between them, where it is not plain which are meant
 * @throws FormatError, one line: for a file that is damaged, and for rows that have a NULL or are not all of one length
 */
export async function openParquet(source: RangeSource, name?: string): Promise<RowSource> {
  const fail: Fail = (rule) => refuse(`parquet: ${printable(source.name)}`, rule);
  const footer = await readFooter(source, fail);
  const columns = chosenColumns(footer, name, fail);
  const fetch = Math.max(LEAST_FETCH, Math.min(MOST_FETCH, Math.floor(FETCH_BYTES / columns.length)));
  const pages = (group: Group, column: Column, bytes = fetch) =>
    pagesOf(source, chunkOf(group, column, footer.start, fail), column, bytes, fail);
  const groups = footer.groups.filter(({ rows }) => rows > 0);
  const lists = columns[0].listLevel !== undefined;
  const d =
    lists && groups.length > 0
      ? await firstLength(pages(groups[0], columns[0], LEAST_FETCH), columns[0], fail)
      : columns.length;
  const double = columns.some(({ type }) => type === 'DOUBLE');

  const open = (group: Group) =>
    columns.map((column) => {
      const end = group.first + group.rows;
      const check = lists
        ? listCheck(column, d, group.first, end, fail)
        : numberCheck(column, group.first, fail);
      return new ColumnNumbers(pages(group, column), check);
    });

  return {
    name: source.name,
    d,
    n: footer.rows,
    again: true,
    identity: source.identity,
    groups: groups.map(({ first }) => first),
    close: source.close,
    async *rows({ from = 0, every = Number.POSITIVE_INFINITY } = {}) {
      const most = pieceRows(d * 8);
      const room = double ? new Float64Array(most * d) : new Float32Array(most * d);
      const each = d / columns.length;
      for (const group of groups) {
        const last = group.first + group.rows;
        let start = Math.max(from, group.first);
        if (start >= last) continue;
        const numbers = open(group);
        for (const column of numbers) await column.skip((start - group.first) * each);
        while (start < last) {
          const end = Math.min(last, endOfPiece(start, most, every));
          const count = end - start;
          for (const [c, column] of numbers.entries())
            await column.take(count * each, room, c, columns.length);
          yield { start, keys: { data: room.subarray(0, count * d), shape: [count, d] } };
          start = end;
          // Lets an interrupt be noticed.
          await setImmediate();
        }
        for (const column of numbers) await column.end();
      }
    },
  };
}

/** How many numbers the first row of a column of lists has. */
async function firstLength(pages: AsyncIterable<Page>, column: Column, fail: Fail): Promise<number> {
  let length = 0;
  for await (const { count, repetition, absent } of pages)
    for (let i = 0; i < count; i++) {
      if (repetition![i] === 0 && length > 0) return length;
      if (absent?.at === i) refuseAbsent(column, absent.level, 0, length, fail);
      length++;
    }
  return length;
}

/** The numbers of a column in a group of rows, in order, from pages that were checked. */
class ColumnNumbers {
  private values: Floats = new Float32Array(0);
  private used = 0;

  constructor(
    private readonly pages: AsyncIterator<Page>,
    private readonly check: PageCheck,
  ) {}

  /** Puts the next numbers into every `stride`-th place from `first` on. */
  async take(count: number, out: Floats, first: number, stride: number): Promise<void> {
    let done = 0;
    await this.each(count, (values) => {
      if (stride === 1) out.set(values, first + done);
      else for (let i = 0; i < values.length; i++) out[first + (done + i) * stride] = values[i];
      done += values.length;
    });
  }

  skip(count: number): Promise<void> {
    return this.each(count, () => {});
  }

  /** Goes on to the end of the group, where nothing may be left. */
  async end(): Promise<void> {
    while (await this.next());
    this.check.end();
  }

  private async each(count: number, use: (values: Floats) => void): Promise<void> {
    for (let left = count; left > 0; ) {
      // Where the pages end too early, the check of the rows says so.
      if (this.used === this.values.length && !(await this.next())) return this.check.end();
      const part = this.values.subarray(this.used, this.used + left);
      use(part);
      this.used += part.length;
      left -= part.length;
    }
  }

  private async next(): Promise<boolean> {
    const { done, value } = await this.pages.next();
    if (done) return false;
    this.check.page(value);
    this.values = value.values;
    this.used = 0;
    return true;
  }
}
