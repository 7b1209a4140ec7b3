/**
 * Leverage scores in exact arithmetic: floats are integers times powers of two, so tau_j = k_j^T (K^T K)^+ k_j is a quotient
 * of two integers, found by fraction-free (Bareiss) elimination. The last word in every dispute: no rounding, no tolerance.
 */
import type { Matrix } from './matrix.js';

export interface ExactLeverage {
  readonly rank: number;
  /** tau_j, rounded once. */
  readonly scores: Float64Array;
  /** The sign of tau_j - epsilon. */
  compare(j: number, epsilon: number): -1 | 0 | 1;
  /** [n, rank]: an orthonormal basis of the column space of K, each entry rounded once. */
  readonly basis: Float64Array;
}

const bits = new BigUint64Array(1);
const float = new Float64Array(bits.buffer);

/** The finite x as mantissa * 2^exponent with an odd mantissa (or 0). */
export function toInteger(x: number): { mantissa: bigint; exponent: number } {
  float[0] = Math.abs(x);
  const biased = Number(bits[0] >> 52n);
  let mantissa = bits[0] & 0xfffffffffffffn;
  if (biased > 0) mantissa |= 1n << 52n;
  let exponent = Math.max(biased, 1) - 1075;
  if (mantissa === 0n) return { mantissa, exponent: 0 };
  while ((mantissa & 1n) === 0n) {
    mantissa >>= 1n;
    exponent++;
  }
  return { mantissa: x < 0 ? -mantissa : mantissa, exponent };
}

/** A big integer as m * 2^e with |m| in [1/2, 1), rounded to float64. */
function toFloat(x: bigint): { m: number; e: number } {
  const size = (x < 0n ? -x : x).toString(16).length * 4;
  const shift = Math.max(0, size - 120);
  let m = Number(x >> BigInt(shift));
  let e = shift;
  while (Math.abs(m) >= 1) {
    m /= 2 ** 30;
    e += 30;
  }
  while (m !== 0 && Math.abs(m) < 0.5) {
    m *= 2;
    e -= 1;
  }
  return { m, e };
}

const scale = (m: number, e: number): number => m * 2 ** Math.trunc(e / 2) * 2 ** (e - Math.trunc(e / 2));

/** a / b to about one rounding. */
export function ratio(a: bigint, b: bigint): number {
  if (a === 0n) return 0;
  const x = toFloat(a);
  const y = toFloat(b);
  return scale(x.m / y.m, x.e - y.e);
}

/** a / sqrt(b). */
function ratioToRoot(a: bigint, b: bigint): number {
  if (a === 0n) return 0;
  const x = toFloat(a);
  const y = toFloat(b);
  const odd = y.e & 1;
  return scale(x.m / Math.sqrt(odd ? y.m * 2 : y.m), x.e - (y.e - odd) / 2);
}

/**
 * The columns as integers. Each column is multiplied by a power of two of its own, which changes neither the column space nor
 * the scores.
 */
function integerColumns({ data, n, d }: Matrix): bigint[][] {
  return Array.from({ length: d }, (_, c) => {
    const parts = Array.from({ length: n }, (_, i) => toInteger(data[i * d + c]));
    const lowest = Math.min(...parts.map((part) => (part.mantissa === 0n ? 2000 : part.exponent)));
    return parts.map(({ mantissa, exponent }) =>
      mantissa === 0n ? 0n : mantissa << BigInt(exponent - lowest),
    );
  });
}

/**
 * Eliminates column by column. With minors D_0 = 1, D_1, ... of the Gram of the columns kept so far, column c becomes
 * D_{c-1} times its part orthogonal to the columns before it, of squared norm D_{c-1} D_c, and `bordered` of a row becomes
 * -D_c times its score against the columns up to c. All of these are integers, so all divisions are exact.
 */
export function exactLeverage(matrix: Matrix): ExactLeverage {
  const { n, d } = matrix;
  const columns = integerColumns(matrix);
  const gram = columns.map((a) => columns.map((b) => a.reduce((sum, x, i) => sum + x * b[i], 0n)));
  const bordered = new Array<bigint>(n).fill(0n);
  const kept: { column: bigint[]; squaredNorm: bigint }[] = [];
  let before = 1n;
  for (let k = 0; k < d; k++) {
    const pivot = gram[k][k];
    if (pivot === 0n) continue; // depends on the columns before it
    const column = columns[k];
    kept.push({ column: [...column], squaredNorm: before * pivot });
    for (let i = 0; i < n; i++) bordered[i] = (bordered[i] * pivot - column[i] * column[i]) / before;
    for (let c = k + 1; c < d; c++) {
      const factor = gram[k][c];
      for (let i = 0; i < n; i++) columns[c][i] = (columns[c][i] * pivot - column[i] * factor) / before;
      for (let b = c; b < d; b++) gram[c][b] = (gram[c][b] * pivot - factor * gram[k][b]) / before;
    }
    before = pivot;
  }
  const rank = kept.length;
  const determinant = before;
  const basis = new Float64Array(n * rank);
  kept.forEach(({ column, squaredNorm }, c) => {
    for (let i = 0; i < n; i++) basis[i * rank + c] = ratioToRoot(column[i], squaredNorm);
  });
  return {
    rank,
    basis,
    scores: Float64Array.from(bordered, (x) => ratio(-x, determinant)),
    compare(j, epsilon) {
      const { mantissa, exponent } = toInteger(epsilon);
      let left = -bordered[j];
      let right = mantissa * determinant;
      if (exponent < 0) left <<= BigInt(-exponent);
      else right <<= BigInt(exponent);
      return left > right ? 1 : left < right ? -1 : 0;
    },
  };
}
