/** Small dense triangular factors in float64: Cholesky with and without pivoting, and the inverse of a lower triangle. */

/**
 * L with C = L L^T, lower triangular [r, r] row-major, or undefined where a pivot falls to `floor` or below. Column by column, four rows at a time:
 * their sums do not wait for each other.
 */
export function cholesky(c: Float64Array, r: number, floor = 0): Float64Array | undefined {
  const l = new Float64Array(r * r);
  for (let j = 0; j < r; j++) {
    const own = j * r;
    let rest = c[own + j];
    for (let k = 0; k < j; k++) rest -= l[own + k] * l[own + k];
    if (!(rest > floor)) return undefined;
    const pivot = Math.sqrt(rest);
    l[own + j] = pivot;
    for (let i = j + 1; i < r; i += 4) {
      const [row0, row1, row2, row3] = fourRows(i, r);
      let sum0 = c[row0 + j];
      let sum1 = c[row1 + j];
      let sum2 = c[row2 + j];
      let sum3 = c[row3 + j];
      for (let k = 0; k < j; k++) {
        const entry = l[own + k];
        sum0 -= l[row0 + k] * entry;
        sum1 -= l[row1 + k] * entry;
        sum2 -= l[row2 + k] * entry;
        sum3 -= l[row3 + k] * entry;
      }
      l[row0 + j] = sum0 / pivot;
      l[row1 + j] = sum1 / pivot;
      l[row2 + j] = sum2 / pivot;
      l[row3 + j] = sum3 / pivot;
    }
  }
  return l;
}

/** W = L^-1, lower triangular, four rows at a time from W L = I, so that |W L - I| <= r u |W||L|. */
export function inverseLower(l: Float64Array, r: number): Float64Array {
  const w = new Float64Array(r * r);
  // Column j of L in one piece.
  const columns = new Float64Array(r * r);
  for (let i = 0; i < r; i++) for (let j = 0; j <= i; j++) columns[j * r + i] = l[i * r + j];
  for (let i = 0; i < r; i += 4) {
    const [row0, row1, row2, row3] = fourRows(i, r);
    const last = row3 / r;
    for (let j = last; j >= 0; j--) {
      const own = j * r;
      const diagonal = own + j;
      let sum0 = row0 + j === diagonal ? 1 : 0;
      let sum1 = row1 + j === diagonal ? 1 : 0;
      let sum2 = row2 + j === diagonal ? 1 : 0;
      let sum3 = row3 + j === diagonal ? 1 : 0;
      for (let k = last; k > j; k--) {
        const entry = columns[own + k];
        sum0 -= w[row0 + k] * entry;
        sum1 -= w[row1 + k] * entry;
        sum2 -= w[row2 + k] * entry;
        sum3 -= w[row3 + k] * entry;
      }
      const pivot = l[diagonal];
      w[row0 + j] = sum0 / pivot;
      w[row1 + j] = sum1 / pivot;
      w[row2 + j] = sum2 / pivot;
      w[row3 + j] = sum3 / pivot;
    }
  }
  return w;
}

/** Where rows i to i + 3 of an [r, r] matrix start; the last row, again and again, beyond the end. */
function fourRows(i: number, r: number): readonly [number, number, number, number] {
  const last = r - 1;
  return [i * r, Math.min(i + 1, last) * r, Math.min(i + 2, last) * r, Math.min(i + 3, last) * r];
}

/** A Cholesky factorisation that stops where nothing is left above the floor. */
export interface PivotedCholesky {
  /** Columns in the order of elimination; the first `rank` are resolved. */
  readonly order: Int32Array;
  readonly rank: number;
  /**
   * [r, r] lower triangular in that order: L of the resolved columns; below it their coefficients for the rest, and
   * `sqrt(floor)` on the diagonal of the rest.
   */
  readonly l: Float64Array;
}

/**
 * C ~ L L^T with the largest remaining diagonal entry as the next pivot, until all that remain are <= floor. Columns that
 * are left are divided by sqrt(floor) when L is inverted: what is hidden in them is magnified, not thrown away.
 */
export function pivotedCholesky(c: Float64Array, r: number, floor: number): PivotedCholesky {
  const order = Int32Array.from({ length: r }, (_, i) => i);
  const rest = Float64Array.from({ length: r }, (_, i) => c[i * r + i]);
  const l = new Float64Array(r * r);
  let rank = 0;
  for (; rank < r; rank++) {
    let best = rank;
    for (let i = rank + 1; i < r; i++) if (rest[order[i]] > rest[order[best]]) best = i;
    if (!(rest[order[best]] > floor)) break;
    [order[rank], order[best]] = [order[best], order[rank]];
    for (let k = 0; k < rank; k++) [l[rank * r + k], l[best * r + k]] = [l[best * r + k], l[rank * r + k]];
    const pivot = Math.sqrt(rest[order[rank]]);
    l[rank * r + rank] = pivot;
    for (let i = rank + 1; i < r; i++) {
      let sum = c[order[i] * r + order[rank]];
      for (let k = 0; k < rank; k++) sum -= l[i * r + k] * l[rank * r + k];
      const entry = sum / pivot;
      l[i * r + rank] = entry;
      rest[order[i]] -= entry * entry;
    }
  }
  for (let i = rank; i < r; i++) l[i * r + i] = Math.sqrt(floor);
  return { order, rank, l };
}
