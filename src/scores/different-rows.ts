/** Which rows of a matrix count, and how many of these are different. */
import type { KeyMatrix } from '../keys.js';

/** The rows that have an entry and a scale other than zero, ascending. */
export function countedRows(matrix: KeyMatrix, rowScale?: Float64Array): number[] {
  const rows: number[] = [];
  for (let j = 0; j < matrix.n; j++)
    if (rowScale?.[j] !== 0 && matrix.rows(j, j + 1).some(Boolean)) rows.push(j);
  return rows;
}

/** How many of the rows that count are different from each other. O(n log n d). */
export function differentRows(matrix: KeyMatrix, rowScale?: Float64Array): number {
  const { n, d } = matrix;
  const order = countedRows(matrix, rowScale);
  // Read last: a matrix may give every time the same memory.
  const data = matrix.rows(0, n);
  const compare = (i: number, j: number) => {
    let c = 0;
    while (c < d - 1 && data[i * d + c] === data[j * d + c]) c++;
    return data[i * d + c] - data[j * d + c];
  };
  order.sort(compare);
  return order.filter((j, t) => t === 0 || compare(order[t - 1], j) !== 0).length;
}
