/** Whether columns that depend on each other in twice the precision do so exactly (docs/algorithms.md, section 2: what counts as rank). */
import type { KeyMatrix } from '../keys.js';
import type { Steps } from '../steps.js';
import type { Doubled } from './doubled.js';
import { eachBlock } from './gram.js';
import { rowsBeyond, type Search } from './unresolved.js';
import { parts } from './whole-numbers.js';

/** Entries of a direction below this part of the largest, in columns of unit size, are taken for rounding. */
const SMALL = 1e-9;

/**
 * The rows that stand out of the rounding of a precision along directions that were set aside. Where there are none, those that leave fewer exact relations between columns
 * than there are directions, ascending: none where all rows together have so many. Where it returns none, what is resolved is all that there is, whatever the numbers are.
 *
 * Whole numbers take the place of floats: the relations of no row at all are the unit vectors N_i, and a row k with y_i = <k,N_i>, not all zero, leaves
 * (y_t N_i - y_i N_t)/y', for a y_t other than zero and y' that of the row before (Bareiss 1968: the division is exact). Only columns in which a
 * direction has more than rounding take part. O(n d) operations a direction, on whole numbers of one digit where columns are copies, sums or small whole numbers.
 */
export function* rowsApart(
  search: Search,
  directions: readonly Doubled[],
  threshold: number,
): Steps<number[]> {
  const { matrix, rowScale, sizes } = search;
  const { n, d } = matrix;
  const { length } = directions;
  const apart = yield* rowsBeyond(search, directions, threshold);
  // Where there are no more rows than what is resolved, there can be no other directions.
  const few = n <= 2 * d && differentRows(matrix, rowScale) + length <= sizes.filter(Boolean).length;
  if (length === 0 || apart.length > 0 || few) return apart;
  const extents = directions.map(({ high }) => high.map((x, c) => Math.abs(x * sizes[c])));
  const columns = Array.from(sizes.keys()).filter((c) =>
    extents.some((extent) => !(extent[c] <= SMALL * Math.max(...extent))),
  );
  let relations = columns.map((_, i) => columns.map((_, k) => BigInt(i === k)));
  let before = 1n;
  yield* eachBlock(n, 'unresolved', (start, end) => {
    const block = matrix.rows(start, end);
    for (let j = start; j < end; j++) {
      if (rowScale?.[j] === 0) continue;
      const products = productsWith(
        relations,
        columns.map((c) => block[(j - start) * d + c]),
      );
      const t = products.findIndex(Boolean);
      if (relations.length < length || (t >= 0 && relations.length === length)) apart.push(j);
      else if (t >= 0) {
        const [pivot, own, divisor] = [products[t], relations[t], before];
        relations = relations.map((relation, i) =>
          relation.map((x, c) => (x * pivot - products[i] * own[c]) / divisor),
        );
        relations.splice(t, 1);
        before = pivot;
      }
    }
  });
  return apart;
}

/** How many rows that count are different from each other and from zero. O(n d), with all rows as text in memory. */
export function differentRows(matrix: KeyMatrix, rowScale?: Float64Array): number {
  const { n, d } = matrix;
  const different = new Set<string>();
  const data = matrix.rows(0, n);
  for (let j = 0; j < n; j++) {
    const key = data.subarray(j * d, (j + 1) * d);
    if (rowScale?.[j] !== 0 && key.some(Boolean)) different.add(String(key));
  }
  return different.size;
}

/** <k,N> for each relation N, the row k times a power of two that makes it whole. */
function productsWith(relations: readonly bigint[][], row: readonly number[]): bigint[] {
  const sums = relations.map(() => 0n);
  const entries = row.flatMap((x, c) => (x ? { c, ...parts(x) } : []));
  const lowest = Math.min(...entries.map(({ exponent }) => exponent));
  for (const { c, mantissa, exponent } of entries) {
    const whole = mantissa << BigInt(exponent - lowest);
    relations.forEach((relation, i) => {
      sums[i] += whole * relation[c];
    });
  }
  return sums;
}
