/**
 * Universal sets of any f that grows at most like |x|^p, by peeling off the rows that |x|^p can make heavy, round after round
 * (docs/algorithms.md, section 4: the peeling theorem).
 */
import type { KeyMatrix } from '../keys.js';
import { marginAt } from '../scores/factor.js';
import { LEWIS_EFFORT, lewisBounds } from '../scores/lewis.js';
import type { Steps } from '../steps.js';
import type { WeightFunction } from '../weights/weight.js';
import { type Candidate, type Selection, topCandidates } from './result.js';

/** Thresholds are lowered by this much, so that rounding 1/epsilon - r never raises one. */
const SLACK = 1e-12;

/** The rounds of peeling at an epsilon: `threshold(r)` for r < rounds, and the bound of what they take, Psi times `size`. */
export interface PeelingPlan {
  readonly rounds: number;
  readonly size: number;
  threshold(round: number): number;
}

/** With a lower growth, more plain rounds than this before the last one never give a smaller set. */
const MOST_PLAIN_ROUNDS = 100;

/**
 * With N = 1/epsilon, round r takes what reaches |x|^p-sensitivity 1/(N - r), and r < N. Where f(x)/|x|^q is non-decreasing too, after R
 * such rounds a last one at 1/(c (N - R)), c = N^{((p-q)/q)(1-q/p)^R}, takes all that is left; R is chosen for the smallest set.
 */
export function peelingPlan(epsilon: number, { growth: p, lowerGrowth: q = 0 }: WeightFunction): PeelingPlan {
  const most = 1 / epsilon;
  const plain = (rounds: number) => rounds * (most - (rounds - 1) / 2);
  // Finite, so that sizes beyond float64 are infinite, not NaN.
  const all = Math.min(Math.floor(most), Number.MAX_VALUE);
  let best = { rounds: all, size: plain(all), last: 0 };
  if (q > 0)
    for (let before = 0; before < Math.min(all, MOST_PLAIN_ROUNDS); before++) {
      const last = most ** (((p - q) / q) * (1 - q / p) ** before) * (most - before);
      const size = plain(before) + last;
      if (size < best.size) best = { rounds: before + 1, size, last };
    }
  const { rounds, size, last } = best;
  return {
    rounds,
    size,
    threshold: (round) => (1 - SLACK) / (last > 0 && round === rounds - 1 ? last : most - round),
  };
}

/** The theory's bound of the number of rows that peeling takes: Psi (1/epsilon)(1/epsilon + 1)/2, or less with a lower growth. */
function peelingSizeBound(epsilon: number, f: WeightFunction, rank: number): number {
  return rank ** Math.max(1, f.growth / 2) * peelingPlan(epsilon, f).size * (1 + 2 * SLACK);
}

/** The rows that f can make heavy, and some more; with `top`, at the smallest epsilon whose set is not larger. */
export function* peeledSet(
  matrix: KeyMatrix,
  where: string,
  f: WeightFunction,
  { epsilon, top = 0 }: { epsilon?: number; top?: number },
): Steps<Selection> {
  const peeled =
    epsilon !== undefined ? yield* peel(matrix, where, f, epsilon) : yield* peelTop(matrix, where, f, top);
  return {
    ...peeled,
    guarantee: 'superset',
    scoreKind: 'upper',
    sizeBound: peeled.epsilon > 0 ? peelingSizeBound(peeled.epsilon, f, peeled.rank) : matrix.n,
    certificate: f.growth === 2 ? undefined : peeled.certificate,
  };
}

interface Peeled {
  readonly rank: number;
  readonly epsilon: number;
  readonly kept: Candidate[];
  readonly margin: number;
  readonly certificate: number;
  /** What is left, by its |x|^p-sensitivity. */
  readonly rest: Candidate[];
}

/** At most 1/epsilon rounds, each O(n d^2) for growth 2 and about ten times that otherwise; stops when a round takes nothing. */
function* peel(matrix: KeyMatrix, where: string, f: WeightFunction, epsilon: number): Steps<Peeled> {
  const { n } = matrix;
  const active = new Float64Array(n).fill(1);
  const kept: Candidate[] = [];
  const plan = peelingPlan(epsilon, f);
  let rank = 0;
  let margin = 0;
  let certificate = 1;
  // A heavy row that stands in round r has f-sensitivity at most 1/(1/s + r), s the largest |x|^p-sensitivity left there.
  let bound = 1;
  let upper: Float64Array = active;
  for (let round = 0; round < plan.rounds && kept.length < n; round++) {
    const threshold = plan.threshold(round);
    const bounds = yield* lewisBounds(matrix, where, { p: f.growth, ...LEWIS_EFFORT }, active);
    upper = bounds.upper;
    if (round === 0) rank = bounds.rank;
    certificate = Math.max(certificate, bounds.certificate);
    margin = Math.max(margin, marginAt(bounds.factor, threshold));
    const largest = upper.reduce((a, b) => Math.max(a, b), 0);
    if (largest < threshold) break;
    bound = Math.min(bound, 1 / (1 / largest + round));
    for (let index = 0; index < n; index++)
      if (active[index] === 1 && !(upper[index] < threshold)) {
        active[index] = 0;
        kept.push({ index, upper: Math.max(epsilon, bound) });
      }
    yield { phase: 'rounds', done: round + 1, total: Math.min(n, plan.rounds) };
  }
  const rest = Array.from(upper, (end, index): Candidate => ({ index, upper: end })).filter(
    ({ index }) => active[index] === 1,
  );
  return { rank, epsilon, kept, margin, certificate, rest };
}

/** Halves epsilon until the set is too large, then bisects to 1 %; what is still free is filled by |x|^p-sensitivity. */
function* peelTop(matrix: KeyMatrix, where: string, f: WeightFunction, top: number): Steps<Peeled> {
  let fits = yield* peel(matrix, where, f, 1);
  if (fits.kept.length > top) {
    // More keys than wanted can have the whole attention: nothing below epsilon = 1 can be promised.
    return { ...fits, kept: fits.kept.slice(0, top) };
  }
  let small = 0;
  while (small === 0 || fits.epsilon > small * 1.01) {
    const epsilon = small === 0 ? fits.epsilon / 2 : Math.sqrt(small * fits.epsilon);
    // Below 1/n every row that is not zero is heavy for some query.
    if (small === 0 && epsilon < 1 / (2 * matrix.n)) break;
    const tried = yield* peel(matrix, where, f, epsilon);
    if (tried.kept.length <= top) fits = tried;
    else small = epsilon;
  }
  const { kept } = topCandidates(fits.rest, top - fits.kept.length);
  const filled = kept.map(({ index }) => ({ index, upper: fits.epsilon }));
  const everything = fits.kept.length + filled.length === matrix.n;
  return { ...fits, epsilon: everything ? 0 : fits.epsilon, kept: [...fits.kept, ...filled] };
}
