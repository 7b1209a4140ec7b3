/**
 * The factor behind leverage scores: T and W with tau_j = |W T^T k_j|^2, and proved bounds of the rounding errors
 * (docs/algorithms.md, section 2).
 *
 * Well-conditioned keys take one Gram and one Cholesky. Otherwise columns are combined until they are nearly orthonormal:
 * T <- T L^-T by a pivoted Cholesky of the Gram of K T. Scores do not depend on T, and K T is computed from the keys anew
 * each time, so that no error of T matters. Directions whose whole extent is rounding of the input are set aside.
 */

import type { BlockPlan } from '../kernels/kernels.js';
import type { KeyMatrix } from '../keys.js';
import type { Steps } from '../steps.js';
import { type Basis, combine, identityBasis, keepColumns, productSizes } from './basis.js';
import { compensatedProduct } from './compensated.js';
import { diagonalRoots, gramOf, submatrix, summationDepth, UNIT_ROUNDOFF } from './gram.js';
import { columnScaleFor, rounding, unresolvedRows } from './screening.js';
import { cholesky, inverseLower, pivotedCholesky } from './triangular.js';

/** A factor of K^T K (rows scaled), with what is proved of the scores t_j = |W x_j|^2 that it gives. */
export interface Factor {
  /** Resolved directions, and those that only unresolved rows have. */
  readonly rank: number;
  /** Resolved directions: the entries of an image x_j. */
  readonly width: number;
  /** Where the rows x_j come from: a plan for a kernel, and the matrix it reads. */
  readonly matrix: KeyMatrix;
  readonly plan: BlockPlan;
  readonly rowScale?: Float64Array;
  /** |sqrt(t_j) - |W x_j|| <= absolute. */
  readonly absolute: number;
  /** |W x_j|^2 (1 - relative) <= tau_j <= |W x_j|^2 (1 + relative). */
  readonly relative: number;
  /** || |W| s ||, s the column norms of X: the rounding of a row's score is proportional to it. */
  readonly growth: number;
  /** Rows with a component along a direction that was set aside: their score is taken as 1. Ascending. */
  readonly unresolved: readonly number[];
}

/** Certified error of the scores at which the factor is good enough. */
const ACCURACY = 1e-5;
/** Four passes resolve condition numbers up to 1e16; more are a bug or an adversary, and then every row is kept. */
const MOST_PASSES = 10;

/** The largest tau that a computed score allows. */
export function upperScore({ absolute, relative }: Factor, score: number): number {
  return Math.min(1, (Math.sqrt(score) + absolute) ** 2 * (1 + relative));
}

/** The smallest tau that a computed score allows. */
export function lowerScore({ absolute, relative }: Factor, score: number): number {
  return Math.min(1, Math.max(0, Math.sqrt(score) - absolute) ** 2 * (1 - relative));
}

/** The margin m at a threshold: a score whose upper end reaches epsilon has tau >= epsilon (1 - m). */
export function marginAt(factor: Factor, epsilon: number): number {
  const kept = Math.max(0, Math.sqrt(epsilon / (1 + factor.relative)) - factor.absolute) ** 2;
  return Math.min(1, Math.max(0, 1 - lowerScore(factor, kept) / epsilon) + 4 * UNIT_ROUNDOFF);
}

/**
 * The factor of the rows rowScale_j k_j; O(n d^2) a pass, one pass for well-conditioned keys. `where` opens error messages.
 *
 * @throws RangeError with row and column where a key is not finite.
 */
export function* factorize(matrix: KeyMatrix, where: string, rowScale?: Float64Array): Steps<Factor> {
  const { n, d } = matrix;
  let gram = yield* gramOf(matrix, { d }, rowScale);
  const columnScale = columnScaleFor(gram, matrix, where, rowScale);
  if (columnScale) gram = yield* gramOf(matrix, { d, columnScale }, rowScale);
  const sizes = diagonalRoots(gram, d);
  const depth = summationDepth(n);

  let basis = identityBasis(d);
  let compensated = false;
  const nulls: Float64Array[] = [];
  for (let pass = 1; ; pass++) {
    const roots = diagonalRoots(gram, basis.width);
    const inputs = productSizes(basis, sizes);
    const isRounding = (c: number) => !(roots[c] > rounding(d) * inputs[c]);
    const kept = Array.from(roots.keys()).filter((c) => !isRounding(c));
    if (kept.length < basis.width) {
      for (let c = 0; c < basis.width; c++) if (isRounding(c) && inputs[c] > 0) nulls.push(basis.column(c));
      gram = submatrix(gram, basis.width, kept);
      basis = keepColumns(basis, kept);
    }
    const { width } = basis;

    // Unit columns by powers of two, so that bad column scaling costs nothing.
    const scale = Float64Array.from(kept, (c) => 2 ** -Math.round(Math.log2(roots[c])));
    const scaled = scaleBoth(gram, width, scale);
    const noise = Float64Array.from(kept, (c, i) => {
      if (basis.isIdentity) return 0;
      const plain = d * UNIT_ROUNDOFF * inputs[c];
      return scale[i] * (compensated ? UNIT_ROUNDOFF * (2 * roots[c] + d * plain) : plain);
    });
    const bounds = boundsOf(scaled, width, noise, depth);
    const conditioned = bounds !== undefined && bounds.gramError <= ACCURACY / 4;
    if (
      (conditioned && (compensated || bounds.error <= ACCURACY || basis.isIdentity)) ||
      pass === MOST_PASSES
    ) {
      const factor = bounds ? scaleColumns(bounds.inverse, width, scale) : new Float64Array(width * width);
      const image = imageOf(matrix, basis, compensated, columnScale);
      const unresolved = yield* unresolvedRows(matrix, nulls, sizes, columnScale, rowScale);
      return {
        rank: width + unresolved.directions,
        width,
        matrix: image.matrix,
        plan: { ...image.plan, factor },
        rowScale,
        absolute: bounds?.absolute ?? 1,
        relative: bounds?.relative ?? 0,
        growth: bounds?.growth ?? Number.POSITIVE_INFINITY,
        unresolved: unresolved.rows,
      };
    }
    if (conditioned) compensated = true;
    else basis = combine(basis, scale, pivotedCholesky(scaled, width, 16 * depth * UNIT_ROUNDOFF * width));
    const image = imageOf(matrix, basis, compensated, columnScale);
    gram = yield* gramOf(image.matrix, image.plan, rowScale);
  }
}

/** The rows of K T: computed by the kernel, or beforehand as if in twice the precision. */
function imageOf(
  matrix: KeyMatrix,
  basis: Basis,
  compensated: boolean,
  columnScale: Float64Array | undefined,
): { matrix: KeyMatrix; plan: BlockPlan } {
  const { d } = matrix;
  const { width } = basis;
  if (compensated) return { matrix: compensatedProduct(matrix, basis, columnScale), plan: { d: width } };
  if (basis.isIdentity) return { matrix, plan: { d, columnScale } };
  return { matrix, plan: { d, columnScale, transform: basis.matrix, width } };
}

interface Bounds {
  /** W = L^-1 of the Gram's Cholesky factor. */
  readonly inverse: Float64Array;
  readonly growth: number;
  readonly gramError: number;
  readonly absolute: number;
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
function boundsOf(gram: Float64Array, r: number, noise: Float64Array, depth: number): Bounds | undefined {
  const l = cholesky(gram, r, r * UNIT_ROUNDOFF);
  if (!l) return undefined;
  const inverse = inverseLower(l, r);
  let growth = 0;
  let noiseError = 0;
  for (let i = 0; i < r; i++) {
    let sum = 0;
    let noiseSum = 0;
    for (let j = 0; j <= i; j++) {
      const entry = Math.abs(inverse[i * r + j]);
      sum += entry * Math.sqrt(gram[j * r + j]);
      noiseSum += entry * noise[j];
    }
    growth += sum * sum;
    noiseError += noiseSum * noiseSum;
  }
  growth = Math.sqrt(growth) * (1 + 2 * r * UNIT_ROUNDOFF);
  noiseError = Math.sqrt(noiseError) * (1 + 2 * r * UNIT_ROUNDOFF);
  const inverseError = r * UNIT_ROUNDOFF * growth;
  const gramError = (r + 1 + depth) * UNIT_ROUNDOFF * growth ** 2 + 2 * inverseError + inverseError ** 2;
  if (!(gramError < 0.5 && noiseError < 0.5)) return undefined;
  const absolute = (r + 1) * UNIT_ROUNDOFF * growth + noiseError;
  const relative = 1 / ((1 - gramError) * (1 - noiseError) ** 2) - 1 + (r + 4) * UNIT_ROUNDOFF;
  return { inverse, growth, gramError, absolute, relative, error: relative + 2 * absolute + absolute ** 2 };
}

/** diag(scale) G diag(scale). */
function scaleBoth(gram: Float64Array, r: number, scale: Float64Array): Float64Array {
  const out = scaleColumns(gram, r, scale);
  for (let i = 0; i < r; i++) for (let j = 0; j < r; j++) out[i * r + j] *= scale[i];
  return out;
}

/** M diag(scale). */
function scaleColumns(m: Float64Array, r: number, scale: Float64Array): Float64Array {
  const out = new Float64Array(m.length);
  for (let i = 0; i < r; i++) for (let j = 0; j < r; j++) out[i * r + j] = m[i * r + j] * scale[j];
  return out;
}
