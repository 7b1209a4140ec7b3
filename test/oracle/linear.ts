/** Small dense linear algebra of the oracles: solving by Gaussian elimination with pivoting, dot products of rows. */

/** <row j of the row-major [n, r] matrix, y>. */
export function rowDot(rows: Float64Array, j: number, y: ArrayLike<number>): number {
  let sum = 0;
  for (let c = 0, r = y.length; c < r; c++) sum += rows[j * r + c] * y[c];
  return sum;
}

/** All the <k_l, y>. */
export function times(rows: Float64Array, y: ArrayLike<number>): Float64Array {
  return Float64Array.from({ length: rows.length / y.length }, (_, l) => rowDot(rows, l, y));
}

/** The x with A x = b, A row-major; undefined where a pivot is (nearly) zero against its column. */
export function solve(a: ArrayLike<number>, b: ArrayLike<number>, tiny = 1e-14): Float64Array | undefined {
  const r = b.length;
  const rows = Array.from({ length: r }, (_, i) => [
    ...Array.from({ length: r }, (_, c) => a[i * r + c]),
    b[i],
  ]);
  for (let k = 0; k < r; k++) {
    let best = k;
    for (let i = k + 1; i < r; i++) if (Math.abs(rows[i][k]) > Math.abs(rows[best][k])) best = i;
    [rows[k], rows[best]] = [rows[best], rows[k]];
    if (!(Math.abs(rows[k][k]) > tiny)) return undefined;
    for (let i = k + 1; i < r; i++) {
      const factor = rows[i][k] / rows[k][k];
      for (let c = k; c <= r; c++) rows[i][c] -= factor * rows[k][c];
    }
  }
  const x = new Float64Array(r);
  for (let k = r - 1; k >= 0; k--) {
    let sum = rows[k][r];
    for (let c = k + 1; c < r; c++) sum -= rows[k][c] * x[c];
    x[k] = sum / rows[k][k];
  }
  return x;
}

/** (sum_l w_l q_l q_l^T + tiny diagonal)^-1 v, the weighted least squares of IRLS; rows [n, r]. */
export function weightedSolve(
  rows: Float64Array,
  weights: Float64Array,
  v: ArrayLike<number>,
): Float64Array | undefined {
  const r = v.length;
  const gram = new Float64Array(r * r);
  for (let l = 0; l < weights.length; l++)
    for (let a = 0; a < r; a++) {
      const x = weights[l] * rows[l * r + a];
      for (let b = 0; b < r; b++) gram[a * r + b] += x * rows[l * r + b];
    }
  let trace = 0;
  for (let a = 0; a < r; a++) trace += gram[a * r + a];
  return solve(gram, v, 1e-300 + 1e-17 * trace);
}
