/**
 * The factor behind leverage scores: T and W with tau_j = |W T^T k_j|^2, and proved bounds of the rounding errors
 * (docs/algorithms.md, section 2).
 *
 * Well-conditioned keys take one Gram and one Cholesky. Otherwise columns are combined until they are nearly orthonormal:
 * T <- T L^-T by a pivoted Cholesky of the Gram of K T. Scores do not depend on T, and K T is computed from the keys anew
 * each time, so that no error of T matters. Directions whose whole extent is rounding of the input are set aside.
 */

import type { BlockPlan } from '../kernels/kernels.js';
import { pivotedCholesky } from '../kernels/triangular.js';
import type { KeyMatrix } from '../keys.js';
import type { Steps } from '../steps.js';
import { type Basis, combine, identityBasis, keepColumns, productSizes, timesTransposed } from './basis.js';
import { certify } from './certificate.js';
import { accurateImage } from './compensated.js';
import { countedRows } from './different-rows.js';
import { type Extension, faceValue } from './face-value.js';
import { diagonalRoots, gramOf, submatrix, summationDepth, UNIT_ROUNDOFF } from './gram.js';
import { RowCoordinates, rowSpaces } from './row-space.js';
import { scaleBoth, scaleColumns } from './scaling.js';
import { columnScaleFor } from './screening.js';
import { rounding, type Search, unresolvedRows } from './unresolved.js';

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
  /**
   * Rows with a component along a direction that was set aside, ascending. Their score is taken as 1, and those of all others
   * are upper bounds.
   */
  readonly unresolved: readonly number[];
}

/** Certified error of the scores at which the factor is good enough. */
export const ACCURACY = 1e-5;
/** Four passes resolve condition numbers up to 1e16; more are a bug or an adversary, and then every row is kept. */
const MOST_PASSES = 10;

/** So often rows are left out of a factor; where that leaves others open each time, an adversary made them, and then every row is kept. */
const MOST_ROUNDS = 16;

/** What rounding can do to scores by a factor. */
export type Rounding = Pick<Factor, 'absolute' | 'relative'>;

/** What is known of a score by an upper end; NaN allows any. */
export function atMostOne(upper: number): number {
  return upper < 1 ? upper : 1;
}

/** The largest tau that a computed score allows. */
export function upperScore({ absolute, relative }: Rounding, score: number): number {
  return atMostOne((Math.sqrt(score) + absolute) ** 2 * (1 + relative));
}

/** The smallest tau that a computed score allows. */
export function lowerScore({ absolute, relative }: Rounding, score: number): number {
  return Math.min(1, Math.max(0, Math.sqrt(score) - absolute) ** 2 * (1 - relative));
}

/** The margin m at a threshold: a score whose upper end reaches epsilon has tau >= epsilon (1 - m). */
export function marginAt(factor: Rounding, epsilon: number): number {
  const kept = Math.max(0, Math.sqrt(epsilon / (1 + factor.relative)) - factor.absolute) ** 2;
  return Math.min(1, Math.max(0, 1 - lowerScore(factor, kept) / epsilon) + 4 * UNIT_ROUNDOFF);
}

/**
 * The factor of the rows rowScale_j k_j; O(n d min(n, d)) a pass, one pass for well-conditioned keys. `where` opens error messages.
 *
 * Rows that it cannot resolve are left out of it, so that no row is scored against a Gram that counts them where a query could
 * silence them: scores of the others are then upper bounds, as the Gram of a part of the rows is below that of all.
 *
 * @throws RangeError with row and column where a key is not finite.
 */
export function* factorize(matrix: KeyMatrix, where: string, rowScale?: Float64Array): Steps<Factor> {
  const keys = yield* keysFor(matrix, where, false, rowScale);
  return (yield* bothReadings(keys, where, rowScale, false)).numerical;
}

/** The keys by one reading, as the factor takes them: where rows are fewer than columns, in coordinates of their row space. */
export function* keysFor(
  matrix: KeyMatrix,
  where: string,
  faceValue: boolean,
  rowScale?: Float64Array,
): Steps<KeyMatrix> {
  if (matrix.n >= matrix.d || matrix instanceof RowCoordinates) return matrix;
  const spaces = yield* rowSpaces(matrix, where, rowScale);
  return spaces?.[faceValue ? 'faceValue' : 'numerical'] ?? matrix;
}

/** The factor at the numerical rank, and the one that takes every number at face value: the same where there is no difference. */
export interface Readings {
  readonly numerical: Factor;
  readonly faceValue: Factor;
  /**
   * The directions that are resolved, of all rows, numerically unresolved ones among them. A query along these exists by either reading, so
   * that scores by this factor are lower bounds for both, and a row that is certainly heavy by it is heavy.
   */
  readonly resolved: Factor;
}

/** Both readings of the keys: sets are certified by the one at face value. */
export function* factorizeBoth(matrix: KeyMatrix, where: string, rowScale?: Float64Array): Steps<Readings> {
  if (matrix.n >= matrix.d || matrix instanceof RowCoordinates)
    return yield* bothReadings(matrix, where, rowScale, true);
  const spaces = yield* rowSpaces(matrix, where, rowScale);
  if (!spaces) return yield* bothReadings(matrix, where, rowScale, true);
  const readings = yield* bothReadings(spaces.faceValue, where, rowScale, true);
  if (spaces.numerical === spaces.faceValue) return readings;
  const { numerical, resolved } = yield* bothReadings(spaces.numerical, where, rowScale, false);
  return { ...readings, numerical, resolved };
}

function* bothReadings(
  matrix: KeyMatrix,
  where: string,
  rowScale: Float64Array | undefined,
  exactly: boolean,
): Steps<Readings> {
  const given = matrix instanceof RowCoordinates ? matrix.unresolved : [];
  const all = yield* factorizeResolved(matrix, where, without(given, rowScale, matrix.n));
  const found = yield* settled(matrix, where, all, given, function* (search) {
    return { unresolved: yield* unresolvedRows(search) };
  });
  const { width } = found.factor;
  const rank = width + Math.min(found.unresolved.length, matrix.d - width);
  const numerical = { ...found.factor, rank, unresolved: found.unresolved };
  const resolved = found.factor === all.factor ? numerical : { ...all.factor, rank, unresolved: given };
  // As many directions as rows leave every row alone in one: there is nothing to add.
  if (!exactly || !all.search || all.factor.width >= matrix.n)
    return { numerical, faceValue: resolved, resolved };
  const exact = yield* settled(matrix, where, all, given, faceValue);
  const nothingMore = exact.factor === all.factor;
  return {
    numerical,
    faceValue: nothingMore ? resolved : { ...exact.factor, rank, unresolved: exact.unresolved },
    resolved,
  };
}

/** A factor of what is resolved, and where to look for rows that are not. */
interface Resolved {
  readonly factor: Omit<Factor, 'rank' | 'unresolved'>;
  readonly search?: Search;
}

/** The factor of the rows that one reading can tell, and the others: these are left out until there are no more of them. */
function* settled(
  matrix: KeyMatrix,
  where: string,
  all: Resolved,
  given: readonly number[],
  look: (search: Search) => Steps<{ extension?: Extension; unresolved: readonly number[] }>,
): Steps<Pick<Factor, 'unresolved'> & Pick<Resolved, 'factor'>> {
  let unresolved = given;
  let { factor, search } = all;
  for (let round = 0; search; round++) {
    if (round === MOST_ROUNDS) {
      unresolved = given.concat(countedRows(matrix, all.factor.rowScale));
      break;
    }
    const { extension, unresolved: more } = yield* look(search);
    const { rowScale } = factor;
    if (more.length === 0) {
      if (!extension) break;
      const { width, matrix: image, absolute, relative, growth } = extension;
      const plan = { d: width, factor: extension.factor };
      factor = { width, matrix: image, plan, rowScale, absolute, relative, growth };
      break;
    }
    unresolved = unresolved.concat(more);
    ({ factor, search } = yield* factorizeResolved(matrix, where, without(more, rowScale, matrix.n)));
  }
  return { factor, unresolved: [...unresolved].sort((i, j) => i - j) };
}

/** The scales of the rows, 0 for some of them. */
function without(rows: readonly number[], scale: Float64Array | undefined, n: number) {
  if (rows.length === 0) return scale;
  const out = scale ? scale.slice() : new Float64Array(n).fill(1);
  for (const j of rows) out[j] = 0;
  return out;
}

function* factorizeResolved(matrix: KeyMatrix, where: string, rowScale?: Float64Array): Steps<Resolved> {
  const { n, d } = matrix;
  let gram = yield* gramOf(matrix, { d }, rowScale);
  const columnScale = columnScaleFor(gram, matrix, where, rowScale);
  if (columnScale) gram = yield* gramOf(matrix, { d, columnScale }, rowScale);
  const sizes = diagonalRoots(gram, d);
  const depth = summationDepth(n);
  const entryError = matrix instanceof RowCoordinates ? matrix.entryError : 0;

  let basis = identityBasis(d);
  let compensated = false;
  const nulls: Float64Array[] = [];
  for (let pass = 1; ; pass++) {
    const roots = diagonalRoots(gram, basis.width);
    const inputs = productSizes(basis, sizes);
    // Of what is not a number nothing is concluded.
    const isRounding = (c: number) => roots[c] <= rounding(d) * inputs[c];
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
      // Entries that are scaled by row are rounded once.
      const scaledRows = (rowScale ? UNIT_ROUNDOFF * roots[c] : 0) + entryError * inputs[c];
      if (basis.isIdentity) return scale[i] * scaledRows;
      const plain = d * UNIT_ROUNDOFF * inputs[c];
      return scale[i] * (scaledRows + (compensated ? UNIT_ROUNDOFF * (2 * roots[c] + d * plain) : plain));
    });
    const certified = certify(scaled, width, noise, depth);
    const conditioned = certified !== undefined && certified.gramError <= ACCURACY / 4;
    const accurate = conditioned && (compensated || certified.error <= ACCURACY || basis.isIdentity);
    if (accurate || pass === MOST_PASSES) {
      const inverse = certified?.inverse ?? new Float64Array(width * width);
      const factor = scaleColumns(inverse, width, scale);
      const image = imageOf(matrix, basis, compensated, columnScale, rowScale);
      return {
        factor: {
          width,
          matrix: image.matrix,
          plan: { ...image.plan, factor },
          rowScale,
          absolute: certified?.absolute ?? 1,
          relative: certified?.relative ?? 0,
          growth: certified?.growth ?? Number.POSITIVE_INFINITY,
        },
        search:
          certified && nulls.length > 0
            ? {
                matrix,
                columnScale,
                given: columnScale?.map((s) => s / Math.min(...columnScale)),
                rowScale,
                sizes,
                entryError,
                nulls,
                resolved: timesTransposed(basis, factor),
                width,
              }
            : undefined,
      };
    }
    if (conditioned) compensated = true;
    else basis = combine(basis, scale, pivotedCholesky(scaled, width, 16 * depth * UNIT_ROUNDOFF * width));
    const image = imageOf(matrix, basis, compensated, columnScale, rowScale);
    gram = yield* gramOf(image.matrix, image.plan, rowScale);
  }
}

/** The rows of K T: computed by the kernel, or beforehand as if in twice the precision. */
function imageOf(
  matrix: KeyMatrix,
  basis: Basis,
  compensated: boolean,
  columnScale: Float64Array | undefined,
  rowScale: Float64Array | undefined,
): { matrix: KeyMatrix; plan: BlockPlan } {
  const { d } = matrix;
  const { width } = basis;
  if (compensated) {
    const product = { matrix, columnScale, rowScale, resolved: basis.matrix, width };
    return { matrix: accurateImage(product, [], true), plan: { d: width } };
  }
  if (basis.isIdentity) return { matrix, plan: { d, columnScale } };
  return { matrix, plan: { d, columnScale, transform: basis.matrix, width } };
}
