/** Relations <k, N> = 0 between columns, N whole: guessed from directions, or taken from rows (docs/algorithms.md, section 2: exact relations). */
import type { Steps } from '../steps.js';
import { largestOf } from './scaling.js';

/** Entries of a direction below this part of the largest, in columns of unit size, are taken for rounding. */
const SMALL = 1e-9;
/** Relations are guessed where the ratios of their entries have denominators up to this. */
const LARGEST_DENOMINATOR = 2 ** 16;
/** How far a multiple of an entry may be from a whole number: beyond its rounding, and less than denominators leave to chance. */
const OFF = 1e-8;
/** What a whole number costs beside the products of its digits, which have 64 bits. */
export const OVERHEAD = 64;

/** N without its zeros: [column, entry]. */
export type Relation = readonly (readonly [number, bigint])[];

/** The products of digits that may be spent. */
export interface Work {
  left: number;
}

/** The columns in which a direction has more than rounding beside its size, columns of unit size. */
export function notableColumns(direction: Float64Array, size = largestOf(direction)): number[] {
  return [...direction.keys()].filter((c) => Math.abs(direction[c]) > SMALL * size);
}

/** The relations that directions stand for if these are simple, each zero in the pivots of the others. O(d) operations for each pair of directions. */
export function* guessedRelations(directions: readonly Float64Array[]): Steps<Relation[] | undefined> {
  const reduced = directions.map((direction) => direction.slice());
  for (const [i, pivot] of reduced.entries()) {
    const largest = largestOf(pivot);
    const at = pivot.findIndex((x) => Math.abs(x) === largest);
    reduced[i] = pivot.map((x) => x / pivot[at]);
    for (const other of reduced) {
      const part = other[at];
      if (other !== reduced[i] && part)
        for (let c = 0; c < pivot.length; c++) other[c] -= part * reduced[i][c];
    }
    yield { phase: 'relations', done: i, total: reduced.length };
  }
  const relations = reduced.map(simplest);
  return relations.every(Boolean) ? (relations as Relation[]) : undefined;
}

/** A multiple of a direction in whole numbers, by continued fractions of its entries. */
function simplest(direction: Float64Array): Relation | undefined {
  // Beside its pivot, which makes relations independent.
  const columns = notableColumns(direction, 1);
  let multiple = 1;
  for (const c of columns) {
    let [rest, before, denominator] = [direction[c] * multiple, 0, 1];
    const off = (x = direction[c] * multiple * denominator) => Math.abs(x - Math.round(x));
    // Written so that a NaN ends it.
    while (!(off() <= OFF)) {
      rest = 1 / (rest - Math.floor(rest));
      [before, denominator] = [denominator, Math.floor(rest) * denominator + before];
      if (!(multiple * denominator <= LARGEST_DENOMINATOR)) return undefined;
    }
    multiple *= denominator;
  }
  return columns.map((c) => [c, BigInt(Math.round(direction[c] * multiple))] as const);
}

/**
 * `count` relations between columns that hold for the first of the rows that leave no more; undefined beyond the work.
 *
 * The relations of no row at all are the unit vectors N_i, and a row k with y_i = <k, N_i>, not all zero, leaves (y_t N_i - y_i N_t)/y', i other than t, for a y_t other than
 * zero and y' that of the row before (Bareiss 1968: the division is exact).
 */
export function* relationsOf(
  rows: readonly number[],
  whole: (row: number) => readonly bigint[],
  columns: readonly number[],
  count: number,
  work: Work,
): Steps<Relation[] | undefined> {
  let relations = columns.map((column): Relation => [[column, 1n]]);
  let before = 1n;
  const step = { phase: 'relations', done: 0, total: columns.length - count };
  for (const j of rows) {
    if (relations.length === count) break;
    const row = whole(j);
    const products = relations.map((relation) => productOf(row, relation));
    const t = products.findIndex(Boolean);
    yield step;
    if (t < 0) continue;
    const [pivot, own] = [products[t], relations[t]];
    const left: Relation[] = [];
    for (const [i, relation] of relations.entries()) {
      if (i === t) continue;
      const entries = new Map(relation.map(([c, x]) => [c, x * pivot]));
      if (products[i]) for (const [c, x] of own) entries.set(c, (entries.get(c) ?? 0n) - products[i] * x);
      left.push([...entries].map(([c, x]) => [c, x / before]));
      work.left -= entries.size * (3 * (pivot.toString(16).length / 16) ** 2 + OVERHEAD);
      if (work.left < 0) return undefined;
      yield step;
    }
    [relations, before] = [left, pivot];
    step.done++;
  }
  return relations;
}

/** <k, N>. */
export function productOf(row: readonly bigint[], relation: Relation): bigint {
  let sum = 0n;
  for (const [c, x] of relation) sum += row[c] * x;
  return sum;
}
