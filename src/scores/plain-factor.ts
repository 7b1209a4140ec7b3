/** The factor of a Gram that one Cholesky factorisation certifies: full rank, no scaling, no second pass (docs/algorithms.md, section 7). */
import type { KeyMatrix } from '../keys.js';
import { certify } from './certificate.js';
import type { Factor } from './factor.js';
import { diagonalRoots } from './gram.js';
import { scaleBoth, scaleColumns } from './scaling.js';
import { hasDigits } from './screening.js';

/** A part of the rows has no exact scores to give, so its certificate may be looser than that of a whole matrix. */
const ACCURACY = 1e-3;

/**
 * The factor of a Gram [d, d] of rows of the matrix, entries of which went through `depth` additions at most; undefined where it is
 * not certainly definite, ill-conditioned, or where sums have lost digits. Then nothing can be said of scores against it.
 *
 * With a Gram of a part of the rows, scores are upper bounds of those of all (section 7). The bound `absolute` is for rows with
 * no entry above its column's norm in that Gram; a row with an entry t > 1 times the norm has at most t times the error, and a score of at least t^2.
 */
export function plainFactor(matrix: KeyMatrix, gram: Float64Array, depth: number): Factor | undefined {
  const { d } = matrix;
  const roots = diagonalRoots(gram, d);
  if (!roots.every((root) => hasDigits(root * root))) return undefined;
  const scale = roots.map((root) => 2 ** -Math.round(Math.log2(root)));
  const certified = certify(scaleBoth(gram, d, scale), d, new Float64Array(d), depth);
  if (!certified || certified.gramError > ACCURACY) return undefined;
  const { inverse, absolute, relative, growth } = certified;
  const plan = { d, factor: scaleColumns(inverse, d, scale) };
  return { rank: d, width: d, matrix, plan, absolute, relative, growth, unresolved: [] };
}
