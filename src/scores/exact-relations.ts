/** Whether columns that depend on each other in twice the precision do so exactly (docs/algorithms.md, section 2: what counts as rank). */
import type { KeyMatrix } from '../keys.js';
import { goldenPart } from '../random.js';
import type { Steps } from '../steps.js';
import { countedRows, differentRows } from './different-rows.js';
import type { Doubled } from './doubled.js';
import {
  guessedRelations,
  notableColumns,
  OVERHEAD,
  productOf,
  relationsOf,
  type Work,
} from './relations.js';
import { rowsBeyond, type Search } from './unresolved.js';
import { wholeNumbers } from './whole-numbers.js';

/** So often relations are taken from rows, drawn anew each time, while few are in any that were found. */
const DRAWS = 16;
/** Products of digits that this may take for one matrix: some ten seconds. */
const MOST_WORK = 2 ** 31;
/** Rows between two reports. */
const ROWS = 16;

/** Work that is left; and so many relations between some columns, which hold for all rows but some. */
interface Known extends Work {
  count: number;
  columns: readonly number[];
  apart: readonly number[];
}

/** Relations depend on the rows alone, which are scored again and again with other weights. */
const known = new WeakMap<KeyMatrix, Known>();

/**
 * The rows that stand out of the rounding of a precision along directions that were set aside. Where there are none, those that are not in exact relations between columns,
 * as many as there are directions, ascending: none where all rows are. Where it returns none, what is resolved is all that there is, whatever the numbers are.
 */
export function* rowsApart(
  search: Search,
  directions: readonly Doubled[],
  threshold: number,
): Steps<readonly number[]> {
  const { matrix, rowScale, columnScale, sizes } = search;
  const { n, d } = matrix;
  const { length: count } = directions;
  const beyond = yield* rowsBeyond(search, directions, threshold);
  // Where there are no more rows than what is resolved, there can be no other directions.
  const few = n <= 2 * d && differentRows(matrix, rowScale) + count <= sizes.filter(Boolean).length;
  if (count === 0 || beyond.length > 0 || few) return beyond;

  const counts = (j: number) => rowScale?.[j] !== 0;
  const all = countedRows(matrix);
  const rows = all.filter(counts);
  const found = known.get(matrix) ?? { left: MOST_WORK, count: 0, columns: [], apart: [] };
  known.set(matrix, found);
  const holdFor = (least: number) => rows.length - found.apart.filter(counts).length >= least;
  // So many rows are in no relations by chance, but for those that relations are taken from.
  const enough = Math.min(rows.length / 2, d);
  // A relation of columns that have become zero would say nothing.
  if (found.count < count || !found.columns.every((c) => sizes[c]) || !holdFor(enough)) {
    // Columns of unit size, by powers of two.
    const exponents = Array.from(sizes, (size) => Math.round(Math.log2(size || 1)));
    const units = directions.map(({ high }) => high.map((x, c) => x * 2 ** exponents[c]));
    const columns = [...new Set(units.flatMap((unit) => notableColumns(unit)))];
    const shifts = exponents.map((exponent, c) => Math.log2(columnScale?.[c] ?? 1) - exponent);
    const whole = (j: number) => wholeNumbers(matrix.rows(j, j + 1), shifts);
    Object.assign(found, { count, columns: [], apart: all });
    let relations = yield* guessedRelations(units);
    for (let draw = 0; ; draw++) {
      // Directions that are nearly the same, being large multiples of one, may suggest fewer.
      if (relations && relations.filter(({ length }) => length).length >= count) {
        const off: number[] = [];
        for (const j of all) {
          const row = whole(j);
          if (relations.some((relation) => productOf(row, relation))) off.push(j);
          if (j % ROWS === 0) yield { phase: 'unresolved', done: j, total: n };
        }
        if (off.filter(counts).length < found.apart.filter(counts).length)
          Object.assign(found, { columns: relations.flat().map(([c]) => c), apart: off });
      }
      if (holdFor(draw ? rows.length / 2 : enough) || draw === DRAWS || found.left < 0) break;
      const place = (j: number) => goldenPart((draw + 1) * (j + 1) ** 2);
      const order = rows.slice().sort((i, j) => place(i) - place(j));
      relations = yield* relationsOf(order, whole, columns, count, found);
      found.left -= n * count * columns.length * OVERHEAD;
    }
  }
  return found.apart.filter(counts);
}
