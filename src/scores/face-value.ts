/**
 * Directions that are rounding of the input for the numerical rank, taken at face value (docs/algorithms.md, section 2: what counts as rank).
 *
 * For numbers as they are stored, a product of low rank has full rank, and a key may be alone in a direction that is below its own
 * rounding. No key is lost only if such directions count: here they are carried in twice the precision, made orthogonal to what is
 * resolved and to each other, and the factor is extended by them. Where one is zero even then, exact
 * arithmetic says which rows would be alone along it.
 */

import { pivotedCholesky } from '../kernels/triangular.js';
import type { KeyMatrix } from '../keys.js';
import type { Steps } from '../steps.js';
import { partsOf } from './basis.js';
import { certify } from './certificate.js';
import { accurateImage } from './compensated.js';
import { addMultiple, type Doubled, doubled } from './doubled.js';
import { rowsApart } from './exact-relations.js';
import { diagonalRoots, gramOf, submatrix, summationDepth, UNIT_ROUNDOFF } from './gram.js';
import { scaleBoth, scaleColumns } from './scaling.js';
import type { Search } from './unresolved.js';

/** The extension of a factor. */
export interface Extension {
  readonly matrix: KeyMatrix;
  readonly width: number;
  readonly factor: Float64Array;
  readonly absolute: number;
  readonly relative: number;
  readonly growth: number;
}

const MOST_PASSES = 16;
/** Certified error at which the extended factor is good enough. */
const ACCURACY = 1e-5;
/** Correlation with the resolved directions above which it is taken out first. */
const CORRELATED = 1e-4;

/**
 * The extended factor, undefined where every direction set aside is exactly zero; and the rows that not even twice the precision
 * resolves, or that are in none of the exact relations which zero directions stand for. O(n d (width + 20 directions)) a pass, two or three passes where they are zero.
 */
export function* faceValue(search: Search): Steps<{ extension?: Extension; unresolved: readonly number[] }> {
  const { matrix, rowScale, width, sizes, entryError, resolved } = search;
  const { n, d } = matrix;
  const depth = summationDepth(n);
  const rounding = 8 * ((d + 8) * UNIT_ROUNDOFF) ** 2;
  // What doubled products are off by, relative to the sizes of their terms, beside one rounding: at most an eighth of what counts as zero.
  const doubledError = ((d + 4) * UNIT_ROUNDOFF) ** 2;
  const sizeOf = ({ high }: Doubled) => high.reduce((sum, entry, c) => sum + sizes[c] * Math.abs(entry), 0);
  const resolvedSizes = Array.from({ length: width }, (_, a) =>
    sizes.reduce((sum, size, c) => sum + size * Math.abs(resolved[c * width + a]), 0),
  );
  const plainError = ((d + 1) * UNIT_ROUNDOFF + entryError) * Math.max(0, ...resolvedSizes);
  const compensated = plainError > ACCURACY / 8;
  const zero: Doubled[] = [];
  let directions = search.nulls.map(doubled);
  for (let pass = 1; ; pass++) {
    const image = accurateImage(search, directions, compensated);
    const whole = yield* gramOf(image, { d: image.d }, rowScale);
    const norms = diagonalRoots(whole, image.d);
    const live = directions.map((direction, i) => norms[width + i] > rounding * sizeOf(direction));
    zero.push(...directions.filter((_, i) => !live[i]));
    const kept = Array.from(norms.keys()).filter((c) => c < width || live[c - width]);
    directions = directions.filter((_, i) => live[i]);
    if (directions.length === 0) return { unresolved: yield* rowsApart(search, zero, rounding) };
    const r = kept.length;
    const gram = submatrix(whole, image.d, kept);
    const roots = diagonalRoots(gram, r);
    const scale = roots.map((root) => 2 ** -Math.round(Math.log2(root)));
    const scaled = scaleBoth(gram, r, scale);
    const noise = scale.map((s, c) =>
      c < width && !compensated
        ? s * ((d + 1) * UNIT_ROUNDOFF + entryError) * resolvedSizes[c]
        : s *
          (2 * UNIT_ROUNDOFF * roots[c] +
            (doubledError + entryError) * (c < width ? resolvedSizes[c] : sizeOf(directions[c - width]))),
    );
    const certified = certify(scaled, r, noise, depth);
    if (certified && certified.gramError <= ACCURACY / 4)
      return {
        extension: {
          ...certified,
          matrix: accurateImage(search, directions, compensated),
          width: r,
          factor: scaleColumns(certified.inverse, r, scale),
        },
        unresolved: yield* rowsApart(search, zero, rounding),
      };
    // Beyond the last pass nothing is known of these directions: every row with a component along one is kept.
    if (pass === MOST_PASSES)
      return { unresolved: yield* rowsApart(search, [...zero, ...directions], rounding) };
    directions = correlated(gram, roots, width)
      ? directions.map((direction, i) => withoutResolved(direction, search, gram, r, width + i))
      : combined(directions, scaled, scale, r, width, depth);
  }
}

function correlated(gram: Float64Array, roots: Float64Array, width: number): boolean {
  const r = roots.length;
  for (let i = width; i < r; i++)
    for (let a = 0; a < width; a++)
      if (Math.abs(gram[i * r + a]) > CORRELATED * roots[i] * roots[a]) return true;
  return false;
}

/** N - Z (X^T y): what is left of the direction after the resolved ones. */
function withoutResolved(
  direction: Doubled,
  { matrix, resolved, width }: Search,
  gram: Float64Array,
  r: number,
  column: number,
): Doubled {
  const out = { high: direction.high.slice(), low: direction.low.slice() };
  for (let a = 0; a < width; a++) {
    const part = -gram[column * r + a] / gram[a * r + a];
    addMultiple(
      out,
      part,
      doubled(Float64Array.from({ length: matrix.d }, (_, c) => resolved[c * width + a])),
    );
  }
  return out;
}

/** The directions made nearly orthonormal in K N, by a pivoted Cholesky factor of their part of the Gram. */
function combined(
  directions: readonly Doubled[],
  scaled: Float64Array,
  scale: Float64Array,
  r: number,
  width: number,
  depth: number,
): Doubled[] {
  const q = directions.length;
  const block = submatrix(
    scaled,
    r,
    directions.map((_, i) => width + i),
  );
  const cholesky = pivotedCholesky(block, q, 16 * depth * UNIT_ROUNDOFF * r);
  return partsOf(scale.subarray(width), cholesky).map((parts) => {
    const out = doubled(new Float64Array(directions[0].high.length));
    for (const [column, part] of parts) addMultiple(out, part, directions[column]);
    return out;
  });
}
