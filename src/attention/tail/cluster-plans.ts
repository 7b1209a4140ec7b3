/** The ways to make clusters: what the options of the tail `clusters` settle, and what is tried where they leave something open. */

/** Options of the tail `clusters`. What is left open, or 'auto', is chosen for each head by its error on some queries. */
export interface ClustersOptions {
  /** The share of the pairs that are the first four keys and the last ones, as they are, in [0, 1); 0 where `exactShare` is a number. */
  readonly window?: number | 'auto';
  /** The share of the pairs that are other keys as they are, in [0, 1). */
  readonly exactShare?: number | 'auto';
  /**
   * Which keys these are: the farthest from their centres ('residual'), those of the selector ('selector'), half of them each ('both'), or
   * those that a sample of the queries attends to most ('attention').
   */
  readonly exactBy?: 'residual' | 'selector' | 'both' | 'attention' | 'auto';
  /** What the distance of keys is: Euclidean, or the mean squared difference of the logits of a sample of the queries. */
  readonly metric?: 'euclidean' | 'queries' | 'auto';
  /** Whether scaled values are appended to the keys; true by default, save under a causal mask without a look at queries. */
  readonly values?: boolean;
  /**
   * What log-weights are: the logarithm of the number of keys ('counts'), or that plus half the mean squared difference of the logits of a
   * sample of the queries from those of the mean key, at most 1 ('spread'). 'spread' in the metric of the queries by default.
   */
  readonly weights?: 'counts' | 'spread' | 'auto';
  /** Of k-means over all keys; 1 by default. */
  readonly iterations?: number;
  /** Under a causal mask with more than one query, the runs of positions that are clustered apart; 16 by default. */
  readonly segments?: number;
}

/** One way to make clusters. */
export interface Plan {
  readonly window: number;
  readonly share: number;
  readonly by: 'residual' | 'selector' | 'both' | 'attention';
  readonly metric: 'euclidean' | 'queries';
  readonly values: boolean;
  readonly weights: 'counts' | 'spread';
  readonly iterations: number;
  readonly segments: number;
}

/** What options may leave open. */
type Open = Pick<Plan, 'window' | 'share' | 'by' | 'metric' | 'values'>;

/** What is taken without a look at queries: in a causal head, and in another. */
const BLIND: { readonly causal: Open; readonly other: Open } = {
  causal: { window: 0.25, share: 0.15, by: 'residual', metric: 'euclidean', values: false },
  other: { window: 0, share: 0.15, by: 'both', metric: 'euclidean', values: true },
};

/** What is tried on queries, the first of equals being taken. */
const TRIED: readonly Open[] = [
  { window: 0, share: 0.15, by: 'residual', metric: 'queries', values: true },
  { window: 0, share: 0.25, by: 'attention', metric: 'queries', values: true },
  { window: 0.5, share: 0.25, by: 'attention', metric: 'queries', values: true },
];

/** The plans that the options leave open; a single one unless some can be told from others by queries. */
export function plansOf(options: ClustersOptions, causal: boolean, looksAtQueries: boolean): Plan[] {
  const {
    exactShare = 'auto',
    window = exactShare === 'auto' ? 'auto' : 0,
    exactBy = 'auto',
    metric = 'auto',
    values,
    weights = 'auto',
    iterations = 1,
    segments = 16,
  } = options;
  const settled = <T>(option: T | 'auto', otherwise: T): T => (option === 'auto' ? otherwise : option);
  const open = looksAtQueries ? TRIED : [causal ? BLIND.causal : BLIND.other];
  const plans = open.map((candidate): Plan => {
    const distance = settled(metric, candidate.metric);
    const share = settled(exactShare, candidate.share);
    return {
      window: settled(window, candidate.window),
      share,
      // No matter which, where there is none: so that plans that are the same are made once.
      by: share === 0 ? 'residual' : settled(exactBy, candidate.by),
      metric: distance,
      values: values ?? candidate.values,
      weights: settled(weights, looksAtQueries && distance === 'queries' ? 'spread' : 'counts'),
      iterations,
      segments,
    };
  });
  return [...new Map(plans.map((plan) => [JSON.stringify(plan), plan])).values()];
}
