/** The universal set for f(x) = x^2: every row whose leverage score reaches epsilon, minimal up to rounding (docs/algorithms.md, section 2). */

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
import type { Steps } from '../steps.js';
import { lazySet, sampleOf } from './lazy.js';
import { type Candidate, type Selection, topCandidates } from './result.js';
import { screened, screenFor } from './screening.js';

/** The rows of leverage score >= epsilon, or the `top` rows of largest score. O(n d^2); a superset and less for many rows, unless `exact`. */
export function* quadraticSet(
  matrix: KeyMatrix,
  where: string,
  { epsilon, top, exact }: { epsilon?: number; top?: number; exact: boolean },
): Steps<Selection> {
  const lazy = epsilon !== undefined && !exact ? yield* lazySet(matrix, epsilon) : undefined;
  if (lazy) return lazy;
  const readings = yield* factorizeBoth(matrix, where);
  const factor = readings.numerical;
  const found =
    epsilon !== undefined
      ? { kept: yield* eitherAbove(readings, epsilon), epsilon }
      : yield* topRows(readings, top as number);
  // A key that only face value makes heavy is kept, but not exactly known.
  const certain = found.kept.every(({ lower }) => lower !== 0);
  const minimal = certain && found.kept.every(({ upper }) => upper >= found.epsilon);
  return {
    rank: factor.rank,
    ...found,
    guarantee: minimal && factor.unresolved.length === 0 ? 'minimal' : 'superset',
    scoreKind: certain && factor.unresolved.length === 0 ? 'exact' : 'upper',
    margin: marginAt(factor, found.epsilon > 0 ? found.epsilon : 1),
    total: factor.rank,
    sizeBound: factor.rank / found.epsilon,
  };
}

/** With unresolved rows the scores of the others are upper bounds only. */
function candidate(factor: Factor, index: number, score: number): Candidate {
  const lower = factor.unresolved.length > 0 ? undefined : lowerScore(factor, score);
  return { index, lower, upper: upperScore(factor, score) };
}

function* allRows(factor: Factor): Steps<Candidate[]> {
  const scores = yield* scoresOf(factor);
  const unresolved = new Set(factor.unresolved);
  return Array.from(scores, (score, j) =>
    unresolved.has(j) ? { index: j, lower: 0, upper: 1 } : candidate(factor, j, score),
  );
}

/** Rows whose score may reach epsilon at the numerical rank, and rows that only numbers at face value let reach it. */
function* eitherAbove({ numerical, faceValue }: Readings, epsilon: number): Steps<Candidate[]> {
  const kept = yield* rowsAbove(numerical, epsilon);
  if (faceValue === numerical) return kept;
  const known = new Set(kept.map(({ index }) => index));
  const more = yield* rowsAbove(faceValue, epsilon);
  return [...kept, ...more.filter(({ index }) => !known.has(index)).map((row) => ({ ...row, lower: 0 }))];
}

/** The rows of largest score; epsilon is the largest score at face value that is left out. */
function* topRows(
  { numerical, faceValue }: Readings,
  top: number,
): Steps<{ kept: Candidate[]; epsilon: number }> {
  const found = topCandidates(yield* allRows(numerical), top);
  if (faceValue === numerical) return found;
  const kept = new Set(found.kept.map(({ index }) => index));
  const left = (yield* allRows(faceValue)).filter(({ index }) => !kept.has(index));
  return {
    kept: found.kept,
    epsilon: left.reduce((most, { upper }) => Math.max(most, upper), found.epsilon),
  };
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
