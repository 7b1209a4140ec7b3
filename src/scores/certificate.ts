/** How far scores by a computed Cholesky factor can be off: proved bounds (docs/algorithms.md, section 2: certified error). */

import { cholesky, inverseLower } from '../kernels/triangular.js';
import { diagonalRoots, UNIT_ROUNDOFF } from './gram.js';

/** W = L^-1 of a Gram's Cholesky factor, with what is proved of t = |W x|^2 as a score. */
export interface Certified {
  readonly inverse: Float64Array;
  /** g = | |W| s |, s the column norms. */
  readonly growth: number;
  /** Bound of |W G W^T - I|, G the exact Gram of the computed rows. */
  readonly gramError: number;
  /** |sqrt(t) - |W x|| <= absolute for a row x. */
  readonly absolute: number;
  /** |W x|^2 (1 - relative) <= tau <= |W x|^2 (1 + relative). */
  readonly relative: number;
  /** What the score of a row can be off by, at most. */
  readonly error: number;
}

/**
 * W of a Gram with unit columns, and how far scores by it can be off; undefined where the Gram is not certainly definite.
 *
 * With G the exact Gram and W any matrix: W G W^T = I + M gives |W x|^2/(1 + |M|) <= tau <= |W x|^2/(1 - |M|). Cholesky leaves
 * |L L^T - G| <= (r + 1) u |L||L|^T, the inverse |W L - I| <= r u |W||L|, and the Gram is off by depth u s s^T. The rows of L have the
 * norms s, so with g = | |W| s | these make |M| <= (r + 1 + depth) u g^2 + 2 r u g + (r u g)^2. Rows known up to columns of norm h
 * change |X y| by the factor 1 +- | |W| h |.
 */
export function certify(
  gram: Float64Array,
  r: number,
  noise: Float64Array,
  depth: number,
): Certified | undefined {
  const l = cholesky(gram, r, r * UNIT_ROUNDOFF);
  if (!l) return undefined;
  const inverse = inverseLower(l, r);
  const roots = diagonalRoots(gram, r);
  let growth = 0;
  let noiseError = 0;
  for (let i = 0; i < r; i++) {
    let sum = 0;
    let noiseSum = 0;
    for (let j = 0; j <= i; j++) {
      const entry = Math.abs(inverse[i * r + j]);
      sum += entry * roots[j];
      noiseSum += entry * noise[j];
    }
    growth += sum * sum;
    noiseError += noiseSum * noiseSum;
  }
  const errors = errorsOf(Math.sqrt(growth), Math.sqrt(noiseError), r, depth);
  return errors && { inverse, ...errors };
}

/** What is proved where | |W| s | and | |W| h | are computed as these, for a Gram of r columns; undefined where that is nothing. */
export function errorsOf(computed: number, computedNoise: number, r: number, depth: number) {
  const unit = r * UNIT_ROUNDOFF;
  const growth = computed * (1 + 2 * unit);
  const noiseError = computedNoise * (1 + 2 * unit);
  const inverseError = unit * growth;
  const gramError = (r + 1 + depth) * UNIT_ROUNDOFF * growth ** 2 + 2 * inverseError + inverseError ** 2;
  if (!(gramError < 0.5 && noiseError < 0.5)) return undefined;
  const absolute = (r + 1) * UNIT_ROUNDOFF * growth + noiseError;
  const relative = 1 / ((1 - gramError) * (1 - noiseError) ** 2) - 1 + (r + 4) * UNIT_ROUNDOFF;
  return { growth, gramError, absolute, relative, error: relative + 2 * absolute + absolute ** 2 };
}
