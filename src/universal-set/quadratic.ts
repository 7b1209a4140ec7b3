/** The universal set for f(x) = x^2: every row whose leverage score reaches epsilon, minimal up to rounding (docs/algorithms.md, section 2). */

import { SomeRows } from '../kernels/some-rows.js';
import type { KeyMatrix } from '../keys.js';
import {
  type Factor,
  factorizeBoth,
  lowerScore,
  marginAt,
  type Readings,
  upperScore,
} from '../scores/factor.js';
import { scoresOf } from '../scores/leverage.js';
import { nonzeroRows } from '../scores/lewis.js';
import { MOST_SCALES } from '../scores/unresolved.js';
import type { Steps } from '../steps.js';
import { lazySet, sampleOf } from './lazy.js';
import { type Candidate, LARGEST_MARGIN, type Selection, topCandidates } from './result.js';
import { screened, screenFor } from './screening.js';

/** With n d^2 below this, a millisecond's work, finding out what a part of the rows can say costs as much as all of them. */
const LEAST_WORK = 2 ** 20;

/** The rows of leverage score >= epsilon, or the `top` rows of largest score. O(n d^2); a superset and less for many rows, unless `exact`. */
export function* quadraticSet(
  matrix: KeyMatrix,
  where: string,
  { epsilon, top, exact }: { epsilon?: number; top?: number; exact: boolean },
): Steps<Selection> {
  const partial = epsilon !== undefined && !exact && matrix.n * matrix.d ** 2 >= LEAST_WORK;
  const lazy = partial ? yield* lazySet(matrix, epsilon) : undefined;
  if (lazy) return lazy;
  const readings = yield* factorizeBoth(matrix, where);
  const factor = readings.numerical;
  const found =
    epsilon !== undefined
      ? { ...(yield* eitherAbove(readings, matrix, where, epsilon)), epsilon }
      : yield* topRows(readings, yield* nonzeroRows(matrix), top as number);
  const { kept, apart } = found;
  const open = factor.unresolved.length + readings.faceValue.unresolved.length > 0;
  const known = !open && !kept.some(({ index }) => apart.has(index));
  // Without a threshold, the margin is that of the least score.
  const positive = kept.map(({ upper }) => upper).filter((upper) => upper > 0);
  const threshold = found.epsilon > 0 ? found.epsilon : positive.reduce((a, b) => Math.min(a, b), 1);
  const margin = Math.max(marginAt(factor, threshold), marginAt(readings.faceValue, threshold));
  const settled = known && margin <= LARGEST_MARGIN;
  return {
    rank: factor.rank,
    kept,
    epsilon: found.epsilon,
    guarantee: settled && kept.every(({ upper }) => upper >= found.epsilon) ? 'minimal' : 'superset',
    scoreKind: settled ? 'exact' : 'upper',
    margin,
    total: settled ? factor.rank : undefined,
    sizeBound: factor.rank / found.epsilon,
  };
}

/** With unresolved rows the scores of the others are upper bounds only. */
function candidate(factor: Factor, index: number, score: number): Candidate {
  const lower = factor.unresolved.length > 0 ? 0 : lowerScore(factor, score);
  return { index, lower, upper: upperScore(factor, score) };
}

function* allRows(factor: Factor, nonzero: Uint8Array): Steps<Candidate[]> {
  const scores = yield* scoresOf(factor);
  const unresolved = new Set(factor.unresolved);
  return Array.from(scores, (score, j) => {
    // Rounding gives a row of zeros an upper end, but its score is zero for certain.
    if (nonzero[j] === 0) return { index: j, upper: 0 };
    return unresolved.has(j) ? { index: j, lower: 0, upper: 1 } : candidate(factor, j, score);
  });
}

/** Rows, and which of them have another score at face value than at the numerical rank. */
interface Found {
  readonly kept: Candidate[];
  readonly apart: ReadonlySet<number>;
}

/**
 * Rows whose score may reach epsilon by either reading. Rows that not even face value resolves beside the others, being of another scale, are judged
 * among themselves where they are many: scores among fewer rows are upper bounds.
 */
function* eitherAbove(
  { resolved, faceValue }: Readings,
  matrix: KeyMatrix,
  where: string,
  epsilon: number,
  depth = MOST_SCALES,
): Steps<Found> {
  const kept = yield* rowsAbove(resolved, epsilon);
  if (faceValue === resolved) return largerOf(kept, []);
  const found = largerOf(kept, yield* rowsAbove(faceValue, epsilon));
  const { unresolved } = faceValue;
  const { length } = unresolved;
  if (length <= matrix.d / epsilon || length === matrix.n || !depth) return found;
  const rows = new SomeRows(matrix, unresolved);
  const among = yield* eitherAbove(yield* factorizeBoth(rows, where), rows, where, epsilon, depth - 1);
  const open = new Set(unresolved);
  const others = found.kept.filter(({ index }) => !open.has(index));
  const heavy = among.kept.map(({ index, upper }) => ({ index: unresolved[index], lower: 0, upper }));
  return { kept: [...others, ...heavy], apart: found.apart };
}

/** The rows of largest score by either reading; epsilon is the largest one that is left out. */
function* topRows(
  { resolved, faceValue }: Readings,
  nonzero: Uint8Array,
  top: number,
): Steps<Found & { epsilon: number }> {
  const rows = yield* allRows(resolved, nonzero);
  const all = largerOf(rows, faceValue === resolved ? [] : yield* allRows(faceValue, nonzero));
  return { ...topCandidates(all.kept, top), apart: all.apart };
}

/** Upper ends by either factor, lower ends of the resolved directions: the score at face value is at least that. */
function largerOf(resolved: readonly Candidate[], faceValue: readonly Candidate[]): Found {
  const rows = new Map(resolved.map((row) => [row.index, row]));
  const apart = new Set<number>();
  for (const row of faceValue) {
    const other = rows.get(row.index) ?? { lower: 0, upper: 0 };
    if ((row.lower ?? 0) > other.upper) apart.add(row.index);
    rows.set(row.index, { ...row, lower: other.lower, upper: Math.max(other.upper, row.upper) });
  }
  return { kept: [...rows.values()], apart };
}

/** Rows whose score may reach epsilon: what cheap certified bounds leave over is scored in float64. */
function* rowsAbove(factor: Factor, epsilon: number): Steps<Candidate[]> {
  const { matrix, unresolved } = factor;
  const kept = new Map<number, Candidate>();
  for (const index of unresolved) kept.set(index, { index, lower: 0, upper: 1 });
  const screen = screenFor(factor, epsilon, sampleOf(matrix), matrix.n);
  for (const { index, score } of yield* screened(matrix, screen))
    if (!kept.has(index)) kept.set(index, candidate(factor, index, score));
  return [...kept.values()].sort((a, b) => a.index - b.index);
}
