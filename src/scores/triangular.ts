/** Small dense triangular factors in float64: Cholesky with and without pivoting, and the inverse of a lower triangle. */

/** L with C = L L^T, lower triangular [r, r] row-major, or undefined where a pivot falls to `floor` or below. */
export function cholesky(c: Float64Array, r: number, floor = 0): Float64Array | undefined {
  const l = new Float64Array(r * r);
  for (let i = 0; i < r; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = c[i * r + j];
      for (let k = 0; k < j; k++) sum -= l[i * r + k] * l[j * r + k];
      if (i !== j) l[i * r + j] = sum / l[j * r + j];
      else if (sum > floor) l[i * r + i] = Math.sqrt(sum);
      else return undefined;
    }
  }
  return l;
}

/** W = L^-1, lower triangular, row by row from W L = I, so that |W L - I| <= r u |W||L|. */
export function inverseLower(l: Float64Array, r: number): Float64Array {
  const w = new Float64Array(r * r);
  for (let i = 0; i < r; i++) {
    const row = w.subarray(i * r, i * r + r);
    row[i] = 1;
    for (let k = i; k >= 0; k--) {
      const entry = (row[k] /= l[k * r + k]);
      for (let j = 0; j < k; j++) row[j] -= entry * l[k * r + j];
    }
  }
  return w;
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
