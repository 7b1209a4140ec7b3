/** The certified factor that a Gram gives by itself, where the rows cannot be read again (docs/algorithms.md, sections 2 and 6). */
import { certify } from './certificate.js';
import { diagonalRoots, UNIT_ROUNDOFF } from './gram.js';
import { scaleBoth, scaleColumns } from './scaling.js';
import { hasDigits } from './screening.js';

/** W with tau_j = |W x_j|^2, and what is proved of its rounding: as in a Factor. */
export interface GramFactor {
  /** [width, width] row-major, lower triangular. */
  readonly factor: Float64Array;
  readonly absolute: number;
  readonly relative: number;
  readonly growth: number;
  /** Columns in which every row is zero. */
  readonly zero: readonly number[];
}

/**
 * The factor of a Gram of rows whose entries are known to `noise` units of roundoff, off by `depth` of them; undefined where it is not certainly definite
 * on the columns that are not zero: where rows are fewer than columns, of lower rank, or beyond a condition number of some millions.
 */
export function gramFactor(
  gram: Float64Array,
  width: number,
  depth: number,
  noise = 0,
): GramFactor | undefined {
  const roots = diagonalRoots(gram, width);
  const zero: number[] = [];
  for (let c = 0; c < width; c++)
    if (roots[c] === 0) {
      zero.push(c);
      roots[c] = 1;
    } else if (!hasDigits(gram[c * width + c])) return undefined;
  const scale = roots.map((root) => 2 ** -Math.round(Math.log2(root)));
  const scaled = scaleBoth(gram, width, scale);
  // Rows have nothing there, so that any positive number makes a factor that gives them the same scores.
  for (const c of zero) scaled[c * width + c] = 1;
  const noises = roots.map((root, c) => noise * UNIT_ROUNDOFF * root * scale[c]);
  const certified = certify(scaled, width, noises, depth);
  if (!certified) return undefined;
  const { inverse, absolute, relative, growth } = certified;
  return { factor: scaleColumns(inverse, width, scale), absolute, relative, growth, zero };
}
