/** The universal set of all rows of a sketch, from what its levels hold (docs/algorithms.md, section 6). */
import type { GramFactor } from '../scores/gram-factor.js';
import type { Steps } from '../steps.js';
import type { WeightFunction } from '../weights/weight.js';
import { IndexedRows } from './indexed-rows.js';
import { allRows, clonesOf, type Levels } from './levels.js';
import { type Candidate, LARGEST_MARGIN, type UniversalSet, universalSetOf } from './result.js';
import type { Finished, Summary } from './summary.js';
import { tensorDimension } from './tensor-power.js';
import { universalSetSteps } from './universal-set.js';

/** Thresholds of peeling are lowered by rounding. */
const SLACK = 1e-11;

/** What a set is of. */
interface Subject {
  readonly d: number;
  readonly epsilon: number;
  readonly f: WeightFunction;
  readonly centre: boolean;
}

/** The set of `rows` rows; the levels are left as they are. */
export function* setOfLevels(subject: Subject, levels: Levels, rows: number): Steps<UniversalSet> {
  const { d, epsilon, f, centre } = subject;
  const { order, plan } = levels;
  const clones = clonesOf(levels);
  if (clones[0].held.count + clones[0].open.count === rows) return yield* setOfAll(subject, clones[0]);
  const rounds: Finished[] = [];
  for (const level of clones) {
    rounds.push(yield* level.finish());
    if (rounds.at(-1)?.kept.length === 0) break;
  }
  const [{ factor }] = rounds;
  const { width } = clones[0].shape;
  const rank = Math.min(rows, rankOf(d + Number(centre), order, factor));
  const certified = rounds.every((round) => round.factor !== undefined);
  // What the bounds of a round sum to: leverage scores of tensors to their rank, those of Lewis weights, without a factor, to more.
  const sum = certified && factor ? width - factor.zero.length : rank ** order;
  const sizeBound = plan ? sum * plan.size * (1 + SLACK) : sum / epsilon;
  const margin = rounds.reduce((most, round) => Math.max(most, round.margin), 0);
  const exact = plan === undefined && order === 1 && certified && margin <= LARGEST_MARGIN;
  const candidates = plan ? peeledBy(rounds, epsilon) : rounds[0].kept;
  const decided = plan === undefined && (order === 1 || certified);
  const kept = decided ? candidates : yield* amongThemselves(subject, candidates, rounds);
  return universalSetOf(rows, d, f.name, {
    rank,
    epsilon,
    kept: kept.length > sizeBound ? kept.map((row) => ({ ...row, lower: row.lower ?? 0 })) : kept,
    guarantee: exact ? 'minimal' : 'superset',
    scoreKind: exact ? 'exact' : 'upper',
    margin,
    total: exact ? rank : undefined,
    sizeBound,
  });
}

/** While every row is held, the set is that of `universalSet`. */
function* setOfAll({ d, epsilon, f, centre }: Subject, level: Summary): Steps<UniversalSet> {
  const { data, indices } = allRows(level).sorted();
  const options = { epsilon, f, centre, exact: f.power === 2 };
  const set = yield* universalSetSteps({ data, shape: [indices.length, d] }, options);
  const place = (i: number) => indices[i];
  return { ...set, indices: set.indices.map(place), undecided: set.undecided.map(place) };
}

/**
 * Rank of the keys: columns that are not zero, where a factor says that all products of these, those that are zero apart, are independent. Were
 * the columns dependent, a power of their combination would make powers of single columns depend on the other products.
 */
function rankOf(columns: number, order: number, factor: GramFactor | undefined): number {
  const zero = new Set(factor?.zero);
  const width = tensorDimension(columns, order);
  let rank = columns;
  // The power of column c comes first among the products of columns from c on.
  for (let c = 0; c < columns; c++) if (zero.has(width - tensorDimension(columns - c, order))) rank--;
  return rank;
}

/** What the rounds of peeling took: a heavy row that stands in one has f-sensitivity at most 1/(1/s + round), s the largest score there. */
function peeledBy(rounds: readonly Finished[], epsilon: number): Candidate[] {
  let bound = 1;
  return rounds.flatMap(({ kept, largest }, round) => {
    bound = Math.min(bound, 1 / (1 / largest + round));
    const upper = Math.max(epsilon, bound);
    return kept.map(({ index }) => ({ index, upper }));
  });
}

/** What of the candidates, the rows that the rounds took, may be heavy even among these few. */
function* amongThemselves(
  { d, epsilon, f, centre }: Subject,
  candidates: readonly Candidate[],
  rounds: readonly Finished[],
): Steps<Candidate[]> {
  const all = new IndexedRows(d);
  for (const { rows } of rounds) all.append(rows.rows, rows.indices);
  if (all.count === 0) return [];
  const keys = { data: all.data, shape: [all.count, d] } as const;
  const { indices, scores } = yield* universalSetSteps(keys, { epsilon, f, centre });
  return indices.map((i, t) => ({ ...candidates[i], upper: Math.min(candidates[i].upper, scores[t]) }));
}
