/** Leverage scores in float64 by two orthogonal methods after column scaling: Householder QR with pivoting, and an SVD. */
import { Matrix as MlMatrix, SingularValueDecomposition } from 'ml-matrix';
import type { Matrix } from './matrix.js';

export interface Orthogonal {
  readonly rank: number;
  readonly scores: Float64Array;
  /** Of the matrix with columns of norm 1; Infinity when it is rank-deficient. */
  readonly condition: number;
}

/** Columns of norm about 1 (scaled by powers of two); zero columns are left out. */
function scaledColumns({ data, n, d }: Matrix): Float64Array[] {
  const columns: Float64Array[] = [];
  for (let c = 0; c < d; c++) {
    const column = Float64Array.from({ length: n }, (_, i) => data[i * d + c]);
    const largest = column.reduce((a, x) => Math.max(a, Math.abs(x)), 0);
    if (largest === 0) continue;
    const first = column.map((x) => x * 2 ** -Math.floor(Math.log2(largest)));
    const norm = Math.sqrt(dot(first, first));
    columns.push(first.map((x) => x / norm));
  }
  return columns;
}

function dot(a: Float64Array, b: Float64Array, from = 0): number {
  let sum = 0;
  for (let i = from; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** x -= 2 v <v, x> on entries from `from`, |v| = 1 there. */
function reflect(v: Float64Array, x: Float64Array, from: number): void {
  const twice = 2 * dot(v, x, from);
  for (let i = from; i < x.length; i++) x[i] -= twice * v[i];
}

/** Scores |row of Q|^2 from K P = Q R; the rank counts diagonal entries of R above `tolerance` times the first. */
export function qrLeverage(matrix: Matrix, tolerance = 1e-12): Orthogonal {
  const { n } = matrix;
  const columns = scaledColumns(matrix);
  const reflectors: Float64Array[] = [];
  const diagonal: number[] = [];
  while (reflectors.length < Math.min(n, columns.length)) {
    const k = reflectors.length;
    const norms = columns.map((column, c) => (c < k ? -1 : Math.sqrt(dot(column, column, k))));
    const best = norms.indexOf(Math.max(...norms));
    if (norms[best] <= tolerance * (diagonal[0] ?? 0)) break;
    [columns[k], columns[best]] = [columns[best], columns[k]];
    const v = columns[k].slice().fill(0, 0, k);
    v[k] += v[k] < 0 ? -norms[best] : norms[best];
    const length = Math.sqrt(dot(v, v));
    reflectors.push(v.map((x) => x / length));
    diagonal.push(norms[best]);
    for (let c = k; c < columns.length; c++) reflect(reflectors[k], columns[c], k);
  }
  const scores = new Float64Array(n);
  for (let c = 0; c < reflectors.length; c++) {
    const q = new Float64Array(n);
    q[c] = 1;
    for (let k = reflectors.length - 1; k >= 0; k--) reflect(reflectors[k], q, k);
    for (let i = 0; i < n; i++) scores[i] += q[i] * q[i];
  }
  const rank = reflectors.length;
  return { rank, scores, condition: rank < matrix.d ? Infinity : diagonal[0] / diagonal[rank - 1] };
}

/** Scores |row of U|^2 from K = U S V^T by ml-matrix; the rank counts singular values above `tolerance` times the first. */
export function svdLeverage(matrix: Matrix, tolerance = 1e-12): Orthogonal {
  const { n } = matrix;
  const columns = scaledColumns(matrix);
  const scores = new Float64Array(n);
  if (columns.length === 0) return { rank: 0, scores, condition: Infinity };
  const transposed = columns.length > n;
  const rows = transposed ? columns : Array.from({ length: n }, (_, i) => columns.map((column) => column[i]));
  const svd = new SingularValueDecomposition(new MlMatrix(rows.map((row) => Array.from(row))));
  const vectors = transposed ? svd.rightSingularVectors : svd.leftSingularVectors;
  const values = svd.diagonal;
  const rank = values.filter((value) => value > tolerance * values[0]).length;
  for (let i = 0; i < n; i++) for (let c = 0; c < rank; c++) scores[i] += vectors.get(i, c) ** 2;
  return { rank, scores, condition: rank < matrix.d ? Infinity : values[0] / values[rank - 1] };
}
