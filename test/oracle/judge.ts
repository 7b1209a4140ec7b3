/** What is true of a matrix: its exact scores, and whether a key's score reaches a threshold. */
import { exactLeverage } from './exact.js';
import { type Matrix, withIntercept } from './matrix.js';

export interface Judge {
  readonly n: number;
  readonly rank: number;
  readonly scores: Float64Array;
  /** [n, rank], orthonormal columns. */
  readonly basis: Float64Array;
  /** Relative uncertainty of the scores: 0 but for matrices with a `span`, which are known up to their rounding. */
  readonly tolerance: number;
  /** tau_j >= epsilon for certain. */
  reaches(j: number, epsilon: number): boolean;
  /** tau_j < epsilon for certain. */
  misses(j: number, epsilon: number): boolean;
}

export function judge(matrix: Matrix, centre = false): Judge {
  const full = centre ? withIntercept(matrix) : matrix;
  const { rank, scores, basis, compare } = exactLeverage(full.span ?? full);
  const tolerance = full.span ? 1e-7 : 0;
  return {
    n: matrix.n,
    rank,
    scores,
    basis,
    tolerance,
    reaches: (j, epsilon) => compare(j, epsilon * (1 + tolerance)) >= 0,
    misses: (j, epsilon) => compare(j, epsilon * (1 - tolerance)) < 0,
  };
}
