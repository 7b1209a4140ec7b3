/** The universal set for f(x) = |x|^p: Lewis weights certify a superset, exact sensitivities make it minimal (docs/algorithms.md, section 3). */
import type { KeyMatrix } from '../keys.js';
import { marginAt } from '../scores/factor.js';
import { UNIT_ROUNDOFF } from '../scores/gram.js';
import { LEWIS_EFFORT, lewisBounds } from '../scores/lewis.js';
import { sensitivitySolver } from '../scores/sensitivity-solver.js';
import type { Steps } from '../steps.js';
import { type Candidate, type Selection, topCandidates } from './result.js';

/** Width of a sensitivity's interval that counts as exact. */
const EXACT_GAP = 1e-6;

/** How much to compute. */
export interface PowerOptions {
  readonly epsilon?: number;
  readonly top?: number;
  readonly exact: boolean;
  /** Multiply-adds for exact sensitivities. */
  readonly budget: number;
}

/** The rows that |x|^p can make heavy. About ten times O(n d^2); with `exact`, as much again for each candidate. */
export function* powerSet(
  matrix: KeyMatrix,
  where: string,
  p: number,
  options: PowerOptions,
): Steps<Selection> {
  const { epsilon, top = 0, exact, budget } = options;
  const bounds = yield* lewisBounds(matrix, where, { p, ...LEWIS_EFFORT });
  const { rank, certificate, upper } = bounds;
  const rows = Array.from(upper, (end, index): Candidate => ({ index, upper: end }));
  for (const index of bounds.factor.unresolved) rows[index] = { index, lower: 0, upper: upper[index] };
  const common = (threshold: number) => ({
    rank,
    epsilon: threshold,
    sizeBound: rank ** Math.max(1, p / 2) / threshold,
    certificate,
  });
  if (!exact || p < 1) {
    const found =
      epsilon !== undefined
        ? { kept: rows.filter((row) => !(row.upper < epsilon)), epsilon }
        : topCandidates(rows, top);
    return {
      ...common(found.epsilon),
      kept: found.kept,
      guarantee: 'superset',
      scoreKind: 'upper',
      margin: marginAt(bounds.factor, found.epsilon > 0 ? found.epsilon : 1),
    };
  }
  const found = yield* refine(matrix, where, p, rows, { epsilon, top, budget });
  const { kept } = found;
  // How far below epsilon a kept key may be, and how wide its interval is.
  const short = kept.reduce(
    (most, { lower = 0 }) => Math.max(most, found.epsilon > 0 ? 1 - lower / found.epsilon : 0),
    4 * UNIT_ROUNDOFF,
  );
  const width = kept.reduce(
    (most, { lower = 0, upper: end }) => (end > 0 ? Math.max(most, 1 - lower / end) : most),
    short,
  );
  const decided = short <= EXACT_GAP;
  return {
    ...common(found.epsilon),
    kept,
    guarantee: decided ? 'minimal' : 'superset',
    scoreKind: width <= EXACT_GAP ? 'exact' : 'upper',
    margin: decided ? Math.min(width, EXACT_GAP) : short,
  };
}

/** Replaces upper bounds by intervals around the sensitivities, from the largest bound down, as far as the set needs it. */
function* refine(
  matrix: KeyMatrix,
  where: string,
  p: number,
  rows: readonly Candidate[],
  { epsilon, top, budget }: { epsilon?: number; top: number; budget: number },
): Steps<{ kept: readonly Candidate[]; epsilon: number }> {
  const order = rows
    .filter((row) => !(row.upper < (epsilon ?? 0)))
    .sort((a, b) => b.upper - a.upper || a.index - b.index);
  const solver = yield* sensitivitySolver(matrix, p, where);
  const refined: Candidate[] = [];
  // The top + 1 largest upper ends so far, falling.
  const largest: number[] = [];
  let left = budget;
  let next = 0;
  for (; next < order.length && left > 0; next++) {
    const row = order[next];
    // With `top`: done when as many as wanted lie above everything that is still to come.
    if (epsilon === undefined && largest[top] >= row.upper) break;
    const found = yield* solver.solve(
      row.index,
      left,
      (lower, upper) => (epsilon !== undefined && upper < epsilon) || upper - lower <= EXACT_GAP * upper,
    );
    left -= found.work;
    const upper = Math.min(found.upper, row.upper);
    refined.push({ index: row.index, lower: found.lower, upper });
    largest.push(upper);
    largest.sort((a, b) => b - a).splice(top + 1);
    yield { phase: 'exact sensitivities', done: next + 1, total: order.length };
  }
  // What the budget does not reach is kept, and known to be undecided.
  const all = [...refined, ...order.slice(next).map((row) => ({ ...row, lower: 0 }))];
  if (epsilon !== undefined) return { kept: all.filter(({ upper }) => !(upper < epsilon)), epsilon };
  return topCandidates(all, top);
}
