/** What a universal set says of itself: its guarantee, its bounds and its rounding margin. */

/** A set that rounding leaves more open than this is neither called minimal nor its scores exact. */
export const LARGEST_MARGIN = 0.01;

/** The universal set of one matrix. */
export interface UniversalSet {
  readonly n: number;
  readonly d: number;
  /** Numerical rank of the keys, of [K, 1] with `centre`. */
  readonly rank: number;
  /** Name of the weight function. */
  readonly f: string;
  /** The threshold; with `top`, the largest sensitivity that was left out: every score above it is inside. */
  readonly epsilon: number;
  /**
   * `minimal`: every key of U = { sigma >= epsilon } ({ sigma > epsilon } with `top`, which may cut through ties) is in the set, and the set is in { sigma >= epsilon (1 - margin) }.
   * `superset`: every key of U is in the set, certified. `none`: a heuristic.
   */
  readonly guarantee: 'minimal' | 'superset' | 'none';
  /**
   * Whether `scores` are the sensitivities, to within the margin, or upper bounds of them. Where numbers at face value give a key
   * another sensitivity than the numerical rank does, its score is the larger one, an upper bound; keys that only face value makes
   * heavy are `undecided`.
   */
  readonly scoreKind: 'exact' | 'upper';
  /** Relative margin of the scores for rounding (and what `exact` leaves open): a key may be kept for it, never dropped for it. */
  readonly margin: number;
  /** Rows of the set, ascending. */
  readonly indices: readonly number[];
  /** Their sensitivities or upper bounds of them, same order. */
  readonly scores: readonly number[];
  /**
   * Rows of the set that may or may not reach epsilon: within the margin, not resolved, or beyond the budget. In the superset of a sketch the others
   * reach it among the rows that were held.
   */
  readonly undecided: readonly number[];
  /** Sum of all sensitivities where it is known: the rank, for p = 2, unless a part of the keys decided. */
  readonly total: number | null;
  /**
   * The theory's bound of |U| at epsilon and the numerical rank: rank^max(1, p/2)/epsilon for |x|^p, the peeling bound for other f; n where
   * epsilon is 0, that is where everything is in the set.
   */
  readonly sizeBound: number;
  /** The certificate c of Lewis weights, where they were used. */
  readonly certificate: number | null;
}

/** A row with its certified ends: lower <= sigma <= upper; without a lower end where only an upper bound was asked for. */
export interface Candidate {
  readonly index: number;
  readonly lower?: number;
  readonly upper: number;
}

/** What a method found in one matrix, before it is put in form. */
export interface Selection {
  readonly rank: number;
  readonly epsilon: number;
  readonly kept: readonly Candidate[];
  readonly guarantee: 'minimal' | 'superset';
  readonly scoreKind: 'exact' | 'upper';
  readonly margin: number;
  readonly total?: number;
  readonly sizeBound: number;
  readonly certificate?: number;
}

/** Puts a selection in the form that is returned; with `top` everything may be inside, epsilon is 0 then, and the bound n. */
export function universalSetOf(n: number, d: number, f: string, selection: Selection): UniversalSet {
  const { epsilon, margin, total = null, certificate = null } = selection;
  const kept = [...selection.kept].sort((a, b) => a.index - b.index);
  return {
    n,
    d,
    rank: selection.rank,
    f,
    epsilon,
    guarantee: selection.guarantee,
    scoreKind: selection.scoreKind,
    margin,
    indices: kept.map(({ index }) => index),
    scores: kept.map(({ upper }) => upper),
    undecided: kept.filter(({ lower }) => lower !== undefined && lower < epsilon).map(({ index }) => index),
    total,
    sizeBound: epsilon > 0 ? Math.min(selection.sizeBound, Number.MAX_VALUE) : n,
    certificate,
  };
}

/** The candidates whose upper end is largest, ties to the lower index, and the largest upper end that is left out (0 if none is). */
export function topCandidates(
  candidates: readonly Candidate[],
  count: number,
): { kept: Candidate[]; epsilon: number } {
  const order = [...candidates].sort((a, b) => b.upper - a.upper || a.index - b.index);
  return { kept: order.slice(0, count), epsilon: order[count]?.upper ?? 0 };
}
