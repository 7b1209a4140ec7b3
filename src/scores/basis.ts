/** Combinations of columns T, [d, width] row-major, that make the columns of K T easier to tell apart. */
import { inverseLower, type PivotedCholesky } from '../kernels/triangular.js';

/** T and what is known of it. */
export interface Basis {
  readonly d: number;
  readonly width: number;
  readonly matrix: Float64Array;
  readonly isIdentity: boolean;
  column(c: number): Float64Array;
}

function basisOf(matrix: Float64Array, d: number, width: number, isIdentity = false): Basis {
  return {
    d,
    width,
    matrix,
    isIdentity,
    column: (c) => Float64Array.from({ length: d }, (_, i) => matrix[i * width + c]),
  };
}

/** T = I. */
export function identityBasis(d: number): Basis {
  const matrix = new Float64Array(d * d);
  for (let i = 0; i < d; i++) matrix[i * d + i] = 1;
  return basisOf(matrix, d, d, true);
}

/** The columns of T that are kept. */
export function keepColumns({ d, width, matrix }: Basis, kept: readonly number[]): Basis {
  const out = new Float64Array(d * kept.length);
  for (let i = 0; i < d; i++)
    for (let k = 0; k < kept.length; k++) out[i * kept.length + k] = matrix[i * width + kept[k]];
  return basisOf(out, d, kept.length);
}

/** What the columns of T S P L^-T are sums of: columns of T times parts. */
export function partsOf(
  scale: Float64Array,
  { order, l }: PivotedCholesky,
): (readonly [column: number, part: number])[][] {
  const width = order.length;
  const w = inverseLower(l, width);
  return Array.from({ length: width }, (_, a) =>
    Array.from({ length: a + 1 }, (_, b) => [order[b], scale[order[b]] * w[a * width + b]] as const),
  );
}

/** T S P L^-T for the pivoted Cholesky factor L of the Gram of K T S, S = diag(scale): K T becomes nearly orthonormal. */
export function combine({ d, width, matrix }: Basis, scale: Float64Array, cholesky: PivotedCholesky): Basis {
  const parts = partsOf(scale, cholesky);
  const out = new Float64Array(d * width);
  for (let i = 0; i < d; i++)
    for (let a = 0; a < width; a++) {
      let sum = 0;
      for (const [column, part] of parts[a]) sum += matrix[i * width + column] * part;
      out[i * width + a] = sum;
    }
  return basisOf(out, d, width);
}

/** [width]: sum_c s_c |T_ci|, a bound of the column norms of |K| |T|: the rounding of K T is proportional to it. */
export function productSizes({ d, width, matrix }: Basis, sizes: Float64Array): Float64Array {
  const out = new Float64Array(width);
  for (let c = 0; c < d; c++)
    for (let i = 0; i < width; i++) out[i] += sizes[c] * Math.abs(matrix[c * width + i]);
  return out;
}

/** Z = T W^T, [d, width], W lower triangular: with W the inverse Cholesky factor of the Gram of K T, K Z is orthonormal. */
export function timesTransposed(
  { d, width, matrix }: Pick<Basis, 'd' | 'width' | 'matrix'>,
  w: Float64Array,
): Float64Array {
  const out = new Float64Array(d * width);
  for (let c = 0; c < d; c++)
    for (let a = 0; a < width; a++) {
      let sum = 0;
      for (let b = 0; b <= a; b++) sum += matrix[c * width + b] * w[a * width + b];
      out[c * width + a] = sum;
    }
  return out;
}
