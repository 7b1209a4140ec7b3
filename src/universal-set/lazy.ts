/**
 * A certified superset of the universal set for f(x) = x^2 at the price of little more than reading the keys (docs/algorithms.md, section 7).
 *
 * For any part S of the rows G_S <= G, so scores against G_S are upper bounds of leverage scores. The rows whose bound reaches epsilon are added to
 * the Gram, each row once, and those that still reach it are the set: all of them are in that Gram, so there are at most d/epsilon. Should the
 * margin of float32 leave more, that Gram is taken in float64.
 */
import { addTo } from '../kernels/gram-sum.js';
import { BLOCK_ROWS } from '../kernels/kernels.js';
import { kernels } from '../kernels/load.js';
import { notBelow } from '../kernels/sieve.js';
import { SomeRows } from '../kernels/some-rows.js';
import type { Floats, KeyMatrix } from '../keys.js';
import { marginAt, upperScore } from '../scores/factor.js';
import { diagonalRoots, gramOf, hasSingleDigits, SINGLE_DEPTH, summationDepth } from '../scores/gram.js';
import { gramFactor } from '../scores/gram-factor.js';
import type { Steps } from '../steps.js';
import type { Scorer } from './forms.js';
import type { Selection } from './result.js';
import { type Scored, screened, screenFor, screening } from './screening.js';
import { type Subset, spreadHalves, spreadSubset } from './subset.js';

/**
 * The whole matrix is worth a subset where n is above so many d/epsilon; the subset has half of that, and at most a quarter of the rows. Half
 * of the subset will do where few rows are far longer than the others.
 */
const WORTH = 16;
/** With more long rows than this for each row of the second half, it costs less than they do. */
const WORTH_MORE = 0.4;
/** Where the scores against a part of the rows are less certain than this, all rows are taken: ill-conditioned keys. */
const LARGEST_ERROR = 2e-3;
/** With more of the rows than this against the subset's Gram, the Gram of all rows is the cheaper way. */
const MOST_CANDIDATES = 0.2;
/** An entry above its column's norm in S means a score above 1, which is certain to reach such an epsilon, rounding included. */
const LARGEST_EPSILON = 0.5;

/** Streams of draws: rows of the subset, rows to judge it by. */
const SUBSET = 0;
const SAMPLE = 1;

/** Rows that are looked at to judge how others will fare. */
export function sampleOf(matrix: KeyMatrix) {
  const sample = spreadSubset(matrix, BLOCK_ROWS, SAMPLE).matrix;
  return sample.rows(0, sample.n);
}

/**
 * The set, or undefined where a part of the rows cannot say enough: too few rows, a rank-deficient or ill-conditioned subset, numbers that are not
 * finite, or too many rows that could be heavy. At most d/epsilon rows. O(n d + d^3/epsilon) where cheap bounds decide.
 */
export function* lazySet(matrix: KeyMatrix, epsilon: number): Steps<Selection | undefined> {
  const { n, d } = matrix;
  if (!(n > (WORTH * d) / epsilon && epsilon <= LARGEST_EPSILON)) return undefined;
  const subset: (Subset & Part)[] = spreadHalves(
    matrix,
    Math.min((WORTH * d) / (2 * epsilon), n / 4),
    SUBSET,
  );
  const sample = sampleOf(matrix);
  if (n * shareOfLong(sample, yield* singleGram(subset[0]), epsilon) <= WORTH_MORE * subset[1].matrix.n)
    subset.pop();
  const partial = yield* scorerOf(subset);
  if (!partial) return undefined;
  const screen = screenFor(partial, epsilon, sample, n);
  if (screening(screen)(sample).positions.length > (MOST_CANDIDATES * sample.length) / d) return undefined;
  const candidates = yield* screened(matrix, screen);
  const indices = candidates.map(({ index }) => index);
  const added = indices.filter((index) => !subset.some((half) => half.has(index)));
  const fits = (rows: readonly Scored[]) => rows.length <= d / epsilon;
  if (added.length === 0 && fits(candidates)) return selection(partial, d, epsilon, candidates);

  const parts = added.length > 0 ? [...subset, { matrix: new SomeRows(matrix, added) }] : subset;
  // The rounding of float32 may let more rows pass than there can be.
  for (const single of [true, false]) {
    const factor = yield* scorerOf(parts, single);
    if (!factor) return undefined;
    const { plan, absolute, relative } = factor;
    const kept = yield* screened(new SomeRows(matrix, indices), {
      epsilon,
      plan,
      absolute,
      relative,
      forms: [],
    });
    if (fits(kept))
      return selection(
        factor,
        d,
        epsilon,
        kept.map(({ index, score }) => ({ index: indices[index], score })),
      );
  }
  return undefined;
}

/** Some rows, and their Gram in float32 once it is computed. */
interface Part {
  readonly matrix: KeyMatrix;
  single?: Float64Array;
}

function* singleGram(part: Part): Steps<Float64Array> {
  part.single ??= yield* gramOf(part.matrix, { d: part.matrix.d, single: true });
  return part.single;
}

/** The share of a sample whose squared norm, in units of the columns of the subset, reaches epsilon: a guess at who may be heavy against it. */
function shareOfLong(sample: Floats, gram: Float64Array, epsilon: number): number {
  const d = Math.sqrt(gram.length);
  const scale = diagonalRoots(gram, d).map((root) => 1 / root);
  const none = new Float32Array(0);
  const values = new Float32Array(sample.length / d);
  kernels().quadratic({ d, scale, shift: 1, plus: none, minus: none }).values(sample, values);
  return notBelow(values, values.length, epsilon).length / values.length;
}

/**
 * The factor of rows in a few parts, if it has full rank and is accurate enough: of Grams in float32, if these will do, or in float64 where they
 * are not certain enough.
 */
function* scorerOf(parts: readonly Part[], float32 = true): Steps<Scorer | undefined> {
  const { d } = parts[0].matrix;
  // Each part is one addition more.
  const depth = summationDepth(
    parts.length * parts.reduce((most, { matrix }) => Math.max(most, matrix.n), BLOCK_ROWS),
  );
  for (const single of float32 ? [true, false] : [false]) {
    const gram = new Float64Array(d * d);
    for (const part of parts)
      addTo(gram, single ? yield* singleGram(part) : yield* gramOf(part.matrix, { d }));
    if (single && !diagonalRoots(gram, d).every((root) => hasSingleDigits(root * root))) continue;
    const found = gramFactor(gram, d, single ? depth + SINGLE_DEPTH : depth);
    if (!found || found.zero.length > 0 || found.relative > LARGEST_ERROR) continue;
    const { factor, absolute, relative, growth } = found;
    return { plan: { d, factor }, absolute, relative, growth };
  }
  return undefined;
}

/** Every row of it is in the factor's Gram, so the true scores against that Gram sum to at most d. */
function selection(factor: Scorer, d: number, epsilon: number, rows: readonly Scored[]): Selection {
  return {
    rank: d,
    epsilon,
    kept: rows.map(({ index, score }) => ({ index, upper: upperScore(factor, score) })),
    guarantee: 'superset',
    scoreKind: 'upper',
    margin: marginAt(factor, epsilon),
    sizeBound: d / epsilon,
  };
}
