/** That every row has a number in each column: NULLs, empty lists and lists of another length are refused with their row. */
import { printable } from '../../io/bytes.js';
import type { Column } from './columns.js';
import type { Fail } from './damage.js';
import type { Page } from './pages.js';

/** Looks at the pages of a column in order, before their numbers are used. */
export interface PageCheck {
  page(page: Page): void;
  /** After the last page. */
  end(): void;
}

/** Of a column whose rows are numbers; the first one is that of row `first`. */
export function numberCheck(column: Column, first: number, fail: Fail): PageCheck {
  let row = first;
  return {
    page({ count, absent }) {
      if (absent) refuseAbsent(column, absent.level, row + absent.at, 0, fail);
      row += count;
    },
    end() {},
  };
}

/** Of a column whose rows are lists of d numbers, rows `first` up to `end`. */
export function listCheck(column: Column, d: number, first: number, end: number, fail: Fail): PageCheck {
  let row = first - 1;
  /** Numbers of the row so far; before the first row, what a whole one has. */
  let length = d;
  const whole = () => {
    if (length !== d) fail(`row ${row} has ${length} numbers, the first row has ${d}`);
  };
  return {
    page({ count, repetition, absent }) {
      const begins = repetition!;
      const present = absent?.at ?? count;
      for (let i = 0; i < present; i++) {
        if (begins[i] === 0) {
          whole();
          row++;
          length = 1;
        } else if (++length > d) {
          if (row < first) fail(`a group of rows begins within a list, at row ${first}`);
          fail(`row ${row} has more than the ${d} numbers of the first row`);
        }
      }
      if (!absent) return;
      const inside = begins[present] === 1;
      if (!inside) whole();
      refuseAbsent(column, absent.level, inside ? row : row + 1, inside ? length : 0, fail);
    },
    end() {
      whole();
      if (row !== end - 1)
        fail(`rows ${first} to ${end - 1} should be in a group, rows ${first} to ${row} are`);
    },
  };
}

/** Says what stands in place of a number: in a list, in place of number `at`. */
export function refuseAbsent(
  { level, listLevel, name }: Column,
  found: number,
  row: number,
  at: number,
  fail: Fail,
): never {
  if (listLevel === undefined) return fail(`row ${row} has a NULL in column "${printable(name)}"`);
  if (found >= listLevel && found < level) return fail(`row ${row} has a NULL at column ${at}`);
  return fail(found === listLevel - 1 ? `row ${row} has no numbers` : `row ${row} is NULL`);
}
