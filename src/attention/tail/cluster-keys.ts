/** Groups the keys of a head by a plan: some keys stay as they are, k-means groups the others. */
import type { Floats } from '../../keys.js';
import type { Steps } from '../../steps.js';
import { kMeans } from '../k-means.js';
import { leavingOut } from '../lloyd.js';
import { rowsOf } from '../rows.js';
import { firstAndLast } from '../selectors/recent-sinks.js';
import { remaining, topKeys, union } from '../selectors/top-keys.js';
import type { Plan } from './cluster-plans.js';
import type { Facts, HeadFacts } from './head-facts.js';
import type { Points } from './metric.js';
import { regionsOf } from './regions.js';
import { turned } from './sides.js';
import { spread } from './spread.js';
import type { Grouping } from './stored-pairs.js';
import type { TailHead } from './tail.js';

/** Of a key in k-means, the largest weighing 1: without a weight it would be no point. */
const LEAST_WEIGHT = 1e-30;

/** Keys that are kept whatever the clusters are, ascending: those of `always`, the window, and what is exact by name. */
export function* namedKeys(
  facts: HeadFacts,
  { window, share, by }: Plan,
  count: number,
): Steps<readonly number[]> {
  const { always, choose, n } = facts.head;
  const most = Math.max(always.length, count - 1);
  const inWindow = Math.min(most, Math.max(always.length, Math.round(window * count)));
  const kept = firstAndLast(n, inWindow, always);
  const byName = by === 'both' ? (share * count) / 2 : share * count;
  // Those of `always` count as exact by name where the window leaves some of them out of account.
  const wanted = Math.min(most, Math.max(Math.round(window * count + byName), kept.length)) - kept.length;
  if (by === 'residual' || wanted === 0) return kept;
  if (by === 'attention') return topKeys((yield* facts.massOf()).slice(), kept.length + wanted, kept);
  const known = new Set(kept);
  const chosen = (yield* choose(always.length + wanted)).filter((j) => !known.has(j));
  return union(kept, chosen);
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
  { random, logWeights }: TailHead,
  take: (keys: readonly number[]) => void,
): Steps<void> {
  const { data, width } = points;
  if (pairs >= keys.length) {
    for (const j of keys) take([j]);
    return;
  }
  const rows = keys.length * width === data.length ? data : rowsOf(data, width, keys);
  const weighted = { rows, d: width, weights: logWeights && weightsOf(logWeights, keys) };
  let clusters = yield* kMeans(weighted, pairs - exact, random, iterations);
  const alone = pairs - clusters.centres.length / width;
  if (alone > 0) {
    const far = topKeys(clusters.distances, alone, []);
    for (const i of far) take([keys[i]]);
    clusters = yield* leavingOut(weighted, clusters, far);
  }
  const groups: number[][] = Array.from({ length: clusters.centres.length / width }, () => []);
  keys.forEach((j, i) => {
    if (clusters.nearest[i] >= 0) groups[clusters.nearest[i]].push(j);
  });
  for (const group of groups) take(group);
}

/** The weights of some keys relative to the largest, none below the least; undefined where all are the same. */
function weightsOf(logWeights: Floats, keys: readonly number[]): Float64Array | undefined {
  const largest = keys.reduce((most, j) => Math.max(most, logWeights[j]), Number.NEGATIVE_INFINITY);
  if (keys.every((j) => logWeights[j] === largest)) return undefined;
  return Float64Array.from(keys, (j) => Math.max(Math.exp(logWeights[j] - largest), LEAST_WEIGHT));
}

/** The grouping of a plan into at most `count` pairs, without log-weights. */
function* membersBy(plan: Plan, facts: Facts, count: number, named: readonly number[]): Steps<Int32Array> {
  const { head } = facts;
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
    .map(({ start, end }) => rest.filter((j) => j >= start && j < end))
    .filter((keys) => keys.length > 0);
  if (pairs === 0 || inside.length === 0) return members;
  const points = facts.pointsOf(plan);
  // What is left of the exact share after the named keys goes by the residual.
  const byResidual =
    plan.by === 'residual' || plan.by === 'both'
      ? Math.max(0, (plan.window + plan.share) * count - named.length)
      : 0;
  const each = shares(
    inside.map((keys) => keys.length),
    pairs,
  );
  for (const [i, keys] of inside.entries()) {
    const exact = Math.min(each[i] - 1, Math.round((byResidual * each[i]) / pairs));
    yield* groupKeys(points, keys, each[i], exact, plan, head, take);
  }
  return members;
}

/** The grouping of a plan into at most `count` pairs, given the keys that it keeps by name. */
export function* groupBy(plan: Plan, facts: Facts, count: number, named: readonly number[]): Steps<Grouping> {
  const members = yield* membersBy(plan, facts, count, named);
  const grouping = turned(facts.head, { members });
  if (plan.weights === 'counts') return grouping;
  const points = facts.pointsOf({ ...plan, metric: 'queries' });
  return { ...grouping, excess: spread(members, points, facts.head) };
}
