/** Light keys as weighted clusters: their centres stand for them, and the keys that no centre is near to are kept as they are. */
import type { Steps } from '../../steps.js';
import { kMeans, leavingOut } from '../k-means.js';
import { remaining, topKeys } from '../selectors/top-keys.js';
import { type Points, pointsOf } from './metric.js';
import {
  errorOf,
  exactOutputs,
  massOf,
  type QuerySample,
  type SampleMass,
  sampleQueries,
} from './query-sample.js';
import { type Region, regionsOf } from './regions.js';
import { type Grouping, storedPairs } from './stored-pairs.js';
import type { Tail, TailHead } from './tail.js';

/** Options of the tail `clusters`. What is left open, or 'auto', is chosen for each head by its error on some queries. */
export interface ClustersOptions {
  /** The share of the pairs that are keys as they are, in [0, 1). */
  readonly exactShare?: number | 'auto';
  /**
   * Which keys these are: the farthest from their centres ('residual'), those of the selector ('selector'), half of them each ('both'), or
   * those that a sample of the queries attends to most ('attention').
   */
  readonly exactBy?: 'residual' | 'selector' | 'both' | 'attention' | 'auto';
  /** What the distance of keys is: Euclidean, or the mean squared difference of the logits of a sample of the queries. */
  readonly metric?: 'euclidean' | 'queries' | 'auto';
  /** Whether scaled values are appended to the keys. */
  readonly values?: boolean;
  /** Of k-means over all keys; 1 by default. */
  readonly iterations?: number;
  /** Under a causal mask with more than one query, the runs of positions that are clustered apart; 16 by default. */
  readonly segments?: number;
}

/** One way to make clusters. */
interface Plan {
  readonly share: number;
  readonly by: 'residual' | 'selector' | 'both' | 'attention';
  readonly metric: 'euclidean' | 'queries';
  readonly values: boolean;
  readonly iterations: number;
  readonly segments: number;
}

/** What is tried where options are left open: the first one without looking at queries. */
const CANDIDATES: readonly Pick<Plan, 'share' | 'by' | 'metric'>[] = [
  { share: 0.25, by: 'both', metric: 'euclidean' },
  { share: 0, by: 'residual', metric: 'euclidean' },
  { share: 0.25, by: 'attention', metric: 'queries' },
  { share: 0.5, by: 'attention', metric: 'queries' },
  { share: 0.75, by: 'attention', metric: 'queries' },
];

/** Log-weights are raised by at most this much for what the exponential of a mean falls short of the mean of exponentials. */
const MOST_EXCESS = 3;

/** The plans that the options leave open. */
function plansOf(options: ClustersOptions, looksAtQueries: boolean): Plan[] {
  const {
    exactShare = 'auto',
    exactBy = 'auto',
    metric = 'auto',
    values = true,
    iterations = 1,
    segments = 16,
  } = options;
  const plans = CANDIDATES.map((candidate) => {
    const share = exactShare === 'auto' ? candidate.share : exactShare;
    return {
      share,
      // Without exact keys it does not matter which they are.
      by: share === 0 ? 'residual' : exactBy === 'auto' ? candidate.by : exactBy,
      metric: metric === 'auto' ? candidate.metric : metric,
      values,
      iterations,
      segments,
    } as const;
  });
  const allowed = looksAtQueries ? plans : plans.slice(0, 1);
  const distinct = new Map(allowed.map((plan) => [JSON.stringify(plan), plan]));
  return [...distinct.values()];
}

/** What is known of a head before it is grouped; made when first asked for. */
class HeadFacts {
  private mass?: SampleMass;
  private readonly points = new Map<string, Points>();
  readonly sample: QuerySample;

  constructor(readonly head: TailHead) {
    this.sample = sampleQueries(head, 'first');
  }

  *massOf(): Steps<SampleMass> {
    this.mass ??= yield* massOf(this.sample, this.head);
    return this.mass;
  }

  pointsOf({ metric, values }: Plan): Points {
    const name = `${metric} ${values}`;
    let found = this.points.get(name);
    if (!found) {
      found = pointsOf(this.head, values, metric === 'queries' ? this.sample : undefined);
      this.points.set(name, found);
    }
    return found;
  }
}

/** Keys that are kept whatever the clusters are, ascending. */
function* namedKeys(facts: HeadFacts, { share, by }: Plan, count: number): Steps<readonly number[]> {
  const { always, choose } = facts.head;
  const wanted = Math.min(count - 1, Math.round(by === 'both' ? (share * count) / 2 : share * count));
  if (by === 'residual' || wanted <= always.length) return always;
  if (by !== 'attention') return yield* choose(wanted);
  return topKeys((yield* facts.massOf()).mass.slice(), wanted, always);
}

/** Pairs of a region in proportion to its keys, at least one each. */
function shares(sizes: readonly number[], pairs: number): number[] {
  const total = sizes.reduce((a, b) => a + b, 0);
  let [keys, given] = [0, 0];
  return sizes.map((size, i) => {
    keys += size;
    const left = sizes.length - 1 - i;
    const share = Math.min(pairs - left, Math.max(given + 1, Math.round((pairs * keys) / total))) - given;
    given += share;
    return share;
  });
}

/** Groups some keys, ascending, into at most `pairs` pairs, `exact` of them keys as they are. */
function* groupKeys(
  points: Points,
  keys: readonly number[],
  pairs: number,
  exact: number,
  { iterations }: Plan,
  { random }: TailHead,
  take: (keys: readonly number[]) => void,
): Steps<void> {
  const { width } = points;
  if (pairs >= keys.length) {
    for (const j of keys) take([j]);
    return;
  }
  const rows = rowsOf(points, keys);
  let clusters = yield* kMeans(rows, width, pairs - exact, random, iterations);
  const alone = pairs - clusters.centres.length / width;
  if (alone > 0) {
    const far = topKeys(clusters.distances, alone, []);
    for (const i of far) take([keys[i]]);
    clusters = yield* leavingOut(rows, clusters, far, width);
  }
  const groups: number[][] = Array.from({ length: clusters.centres.length / width }, () => []);
  keys.forEach((j, i) => {
    if (clusters.nearest[i] >= 0) groups[clusters.nearest[i]].push(j);
  });
  for (const group of groups) take(group);
}

function rowsOf({ data, width }: Points, keys: readonly number[]): Float32Array {
  if (keys.length * width === data.length) return data;
  const rows = new Float32Array(keys.length * width);
  keys.forEach((j, i) => {
    rows.set(data.subarray(j * width, (j + 1) * width), i * width);
  });
  return rows;
}

/** The grouping of a plan. */
function* groupBy(plan: Plan, facts: HeadFacts, count: number): Steps<Grouping> {
  const { head } = facts;
  const named = yield* namedKeys(facts, plan, count);
  const members = new Int32Array(head.n).fill(-1);
  let next = 0;
  const take = (keys: readonly number[]) => {
    for (const j of keys) members[j] = next;
    next++;
  };
  for (const j of named) take([j]);
  const rest = remaining(head.n, named);
  const pairs = count - named.length;
  const inside = regionsOf(head, plan.segments, Math.max(1, Math.floor(pairs / 2)))
    .map(({ start, end }: Region) => rest.filter((j) => j >= start && j < end))
    .filter((keys) => keys.length > 0);
  if (pairs === 0 || inside.length === 0) return { members };
  const points = facts.pointsOf(plan);
  // What is left of the exact share after the named keys goes by the residual.
  const byResidual =
    plan.by === 'residual' || plan.by === 'both' ? Math.max(0, plan.share * count - named.length) : 0;
  const each = shares(
    inside.map((keys) => keys.length),
    pairs,
  );
  for (const [i, keys] of inside.entries()) {
    const exact = Math.min(each[i] - 1, Math.round((byResidual * each[i]) / pairs));
    yield* groupKeys(points, keys, each[i], exact, plan, head, take);
  }
  return { members };
}

/**
 * The log-weights with which the pairs hold as much of the sample's attention as their keys do: never less than log count, as the exponential
 * is convex. For queries that all see all keys.
 */
function* calibrated(grouping: Grouping, facts: HeadFacts): Steps<Grouping> {
  const { head, sample } = facts;
  const { d, scale } = head;
  const { mass, logSums } = yield* facts.massOf();
  const { keys, counts, members } = storedPairs(head.k, head.v, grouping);
  const owed = new Float64Array(counts.length);
  const held = new Float64Array(counts.length);
  members.forEach((pair, j) => {
    if (pair >= 0) owed[pair] += mass[j];
  });
  for (let i = 0; i < sample.count; i++)
    for (let pair = 0; pair < counts.length; pair++) {
      if (counts[pair] === 1) continue;
      let dot = 0;
      for (let c = 0; c < d; c++) dot += sample.rows[i * d + c] * keys[pair * d + c];
      held[pair] += counts[pair] * Math.exp(scale * dot - logSums[i]);
    }
  const excess = owed.map((x, pair) => {
    const ratio = Math.log(x / held[pair]);
    return counts[pair] > 1 && ratio > 0 ? Math.min(ratio, MOST_EXCESS) : 0;
  });
  return { members, excess };
}

/** Clusters in place of the light keys. */
export function clusters(options: ClustersOptions = {}, name = 'clusters'): Tail {
  return {
    name,
    single: false,
    softmaxOnly: true,
    *group(head, count) {
      const facts = new HeadFacts(head);
      // Queries that see different keys would pass on what comes after some of them.
      const alike = !head.causal || head.m === 1;
      const looks = alike && sampleCanJudge(facts.sample);
      const plans = plansOf(options, looks);
      const judges = sampleQueries(head, 'between');
      const exact = plans.length > 1 ? exactOutputs(judges, head) : undefined;
      let best: Grouping | undefined;
      let least = Number.POSITIVE_INFINITY;
      for (const plan of plans) {
        let grouping = yield* groupBy(plan, facts, count);
        if (looks && plan.metric === 'queries') grouping = yield* calibrated(grouping, facts);
        const error = exact ? errorOf(judges, head, storedPairs(head.k, head.v, grouping), exact) : 0;
        if (best && !(error < least)) continue;
        best = grouping;
        least = error;
      }
      return best!;
    },
  };
}

/** Whether there are queries enough to tell what others do. */
function sampleCanJudge({ count }: QuerySample): boolean {
  return count >= 8;
}
