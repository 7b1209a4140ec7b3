/** The keys that are not kept as one Gaussian, by the closed form of gaussian.ts, where a sample of queries finds nothing against it. */
import type { Floats } from '../../keys.js';
import type { Steps } from '../../steps.js';
import { addMoments, type Moments, momentsOf } from './gaussian.js';
import { mean, SEGMENTS } from './mean.js';
import {
  distance,
  errorOf,
  exactOutputs,
  firstUnseen,
  type QuerySample,
  sampleQueries,
} from './query-sample.js';
import { regionsOf } from './regions.js';
import { eachAlone, type Grouping, storedPairs } from './stored-pairs.js';
import type { Tail, TailHead } from './tail.js';

/** `count` - 1 keys, the moments of the others that all queries see, and means of those that come later. */
function* grouped(head: TailHead, count: number): Steps<Grouping> {
  const { k, v, n, limits, choose, always, logWeights } = head;
  const common = limits ? limits[0] : n;
  const most = Math.max(1, Math.min(count - always.length, Math.floor(count / 2)));
  const regions = regionsOf(head, SEGMENTS, most);
  const kept = count - regions.length;
  const members = eachAlone(n, yield* choose(kept));
  const rest: number[] = [];
  let next = kept;
  for (const { start, end } of regions) {
    const light: number[] = [];
    for (let j = start; j < end; j++) if (members[j] < 0) light.push(j);
    if (end <= common) rest.push(...light);
    else if (light.length > 0) {
      for (const j of light) members[j] = next;
      next++;
    }
  }
  return rest.length > 0 ? { members, rest, moments: momentsOf(k, v, head, rest, logWeights) } : { members };
}

/** The error of the closed form on a sample. */
function errorWithMoments(
  sample: QuerySample,
  head: TailHead,
  grouping: Grouping,
  moments: Moments,
  exact: Floats,
): number {
  const { k, v, d, dv, scale, attend, logWeights: given } = head;
  const pairs = storedPairs(k, v, grouping, given);
  const out = exact.slice();
  const logSums = new Float64Array(sample.count);
  const limits = Uint32Array.from(sample.visible, (visible) => firstUnseen(pairs.last, visible));
  const { keys, values, logWeights } = pairs;
  const n = logWeights.length;
  attend({
    q: sample.rows,
    k: keys,
    v: values,
    out,
    m: sample.count,
    n,
    d,
    dv,
    scale,
    limits,
    logWeights,
    logSums,
  });
  addMoments(moments, sample.rows, scale, out, logSums);
  return distance(out, exact);
}

/** The head, whose keys are chosen once for each number of them. */
function choosingOnce(head: TailHead): TailHead {
  const known = new Map<number, readonly number[]>();
  return {
    ...head,
    *choose(count) {
      const chosen = known.get(count) ?? (yield* head.choose(count));
      known.set(count, chosen);
      return chosen;
    },
  };
}

/**
 * Keys as the selector chooses them and the closed form of the rest. Where attention to the rest is concentrated the form overshoots, so each
 * head is tried on at most 64 of its queries, and takes the tail `mean` where that errs less.
 */
export const moments: Tail = {
  name: 'moments',
  single: false,
  softmaxOnly: true,
  *group(given, count) {
    const head = choosingOnce(given);
    const byMean = yield* mean.group(head, count);
    // The closed form counts as a pair, and stands beside one key at least.
    if (count === 1 || count === head.always.length) return byMean;
    const byMoments = yield* grouped(head, count);
    if (!byMoments.moments) return byMean;
    const sample = sampleQueries(head);
    const exact = exactOutputs(sample, head);
    const wanted = errorWithMoments(sample, head, byMoments, byMoments.moments, exact);
    const pairs = storedPairs(head.k, head.v, byMean, head.logWeights);
    return wanted < errorOf(sample, head, pairs, exact) ? byMoments : byMean;
  },
};
