/** Stored key-value pairs, each the weighted mean of some keys and of their values: what attention looks at in place of all keys. */
import { sumsOf } from '../../kernels/cluster.js';
import type { Floats } from '../../keys.js';
import { rowsOf } from '../rows.js';
import type { Moments } from './gaussian.js';
import { weigh } from './weigh.js';

/** Which keys are stored together. Numbers of pairs have no order of their own. */
export interface Grouping {
  /** [n], the pair of each key, or -1 for a key that no pair stands for; each of the pairs 0 .. s - 1 has a key. */
  readonly members: Int32Array;
  /** [s], what is added to the logarithm of the sum of a pair's weights to give its log-weight; 0 unless given. */
  readonly excess?: Float64Array;
  /** [n], with weights |x|^p: -1 for a key that is negated before the mean is taken, else 1; all 1 unless given. */
  readonly signs?: Int8Array;
  /** Ascending: keys that no pair stands for, but the Gaussian closed form of the tail `moments` does. */
  readonly rest?: readonly number[];
  /** The moments of `rest`, where they are known already. */
  readonly moments?: Moments;
}

/** The pairs of a head, ordered by the last key that they stand for. */
export interface StoredPairs {
  /** [s, d] and [s, dv]: weighted means over the members, of the type of the keys. */
  readonly keys: Floats;
  readonly values: Floats;
  /** [s], log of the sum of the members' weights, or of their count, + excess. A pair of equal keys then weighs what its keys weigh. */
  readonly logWeights: Float64Array;
  /** [n]: what part of its pair's weight each key is, and the same with the key's sign, for the mean of the keys. */
  readonly shares: Float64Array;
  readonly signedShares: Float64Array;
  /** [s]. */
  readonly counts: Uint32Array;
  /** [s], the last key of each pair, ascending. A query sees a pair when it sees its last key: nothing leaks from the future. */
  readonly last: Int32Array;
  /** [n], the pair of each key, or -1. */
  readonly members: Int32Array;
}

/** The pairs by the last of their keys. */
function inOrder({
  members,
  excess,
}: Grouping): Required<Omit<Grouping, 'rest' | 'signs' | 'moments'>> & { last: Int32Array } {
  const last: number[] = [];
  for (let j = 0; j < members.length; j++) if (members[j] >= 0) last[members[j]] = j;
  if (last.every((j, pair) => pair === 0 || j > last[pair - 1]))
    return { members, last: Int32Array.from(last), excess: excess ?? new Float64Array(last.length) };
  const order = [...last.keys()].sort((a, b) => last[a] - last[b]);
  const place = new Int32Array(order.length);
  order.forEach((pair, at) => {
    place[pair] = at;
  });
  return {
    members: members.map((pair) => (pair < 0 ? -1 : place[pair])),
    last: Int32Array.from(order, (pair) => last[pair]),
    excess: Float64Array.from(order, (pair) => excess?.[pair] ?? 0),
  };
}

/** The means of rows over the members of each pair, by their shares, in float64 and then of the type of the rows. */
function means(rows: Floats, d: number, members: Int32Array, groups: number, weights: Float64Array): Floats {
  const sums = sumsOf({ rows, d, members, weights, groups });
  return rows instanceof Float32Array ? new Float32Array(sums) : sums;
}

/** The pairs of a grouping of keys [n, d] with values [n, dv] and, if given, log-weights [n]. O(n (d + dv)). */
export function storedPairs(k: Floats, v: Floats, grouping: Grouping, logWeights?: Floats): StoredPairs {
  const { members, last, excess } = inOrder(grouping);
  const [n, pairs] = [members.length, last.length];
  const { counts, shares, logSums } = weigh(members, pairs, logWeights);
  const { signs } = grouping;
  const signedShares = signs ? shares.map((share, j) => share * signs[j]) : shares;
  const [d, dv] = [k.length / n, v.length / n];
  // A key by itself is its mean.
  const areAlone = !signs && counts.every((count) => count === 1);
  return {
    keys: areAlone ? rowsOf(k, d, last) : means(k, d, members, pairs, signedShares),
    values: areAlone ? rowsOf(v, dv, last) : means(v, dv, members, pairs, shares),
    logWeights: logSums.map((x, pair) => x + excess[pair]),
    shares,
    signedShares,
    counts,
    last,
    members,
  };
}

/** The log-weights of pairs, as attention is told them: not at all where all weigh the same. */
export function toldLogWeights(logWeights: Float64Array): Float64Array | undefined {
  return logWeights.some((x) => x !== 0) ? logWeights : undefined;
}

/** Each of some keys a pair of its own. */
export function eachAlone(n: number, indices: readonly number[]): Int32Array {
  const members = new Int32Array(n).fill(-1);
  indices.forEach((j, pair) => {
    members[j] = pair;
  });
  return members;
}
