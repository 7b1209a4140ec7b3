/** Stored key-value pairs, each the mean of some keys and of their values: what attention looks at in place of all keys. */
import { sumsOf } from '../../kernels/cluster.js';
import type { Floats } from '../../keys.js';
import type { Moments } from './gaussian.js';

/** Which keys are stored together. Numbers of pairs have no order of their own. */
export interface Grouping {
  /** [n], the pair of each key, or -1 for a key that no pair stands for; each of the pairs 0 .. s - 1 has a key. */
  readonly members: Int32Array;
  /** [s], what is added to the logarithm of a pair's count to give its log-weight; 0 unless given. */
  readonly excess?: Float64Array;
  /** Ascending: keys that no pair stands for, but the Gaussian closed form of the tail `moments` does. */
  readonly rest?: readonly number[];
  /** The moments of `rest`, where they are known already. */
  readonly moments?: Moments;
}

/** The pairs of a head, ordered by the last key that they stand for. */
export interface StoredPairs {
  /** [s, d] and [s, dv]: means over the members, of the type of the keys. */
  readonly keys: Floats;
  readonly values: Floats;
  /** [s], log count + excess. A pair of equal keys then weighs what its keys weigh. */
  readonly logWeights: Float64Array;
  /** [s]. */
  readonly counts: Uint32Array;
  /** [s], the last key of each pair, ascending. A query sees a pair when it sees its last key: nothing leaks from the future. */
  readonly last: Int32Array;
  /** [n], the pair of each key, or -1. */
  readonly members: Int32Array;
}

/** The pairs by the last of their keys. */
function inOrder({ members, excess }: Grouping) {
  const last: number[] = [];
  members.forEach((pair, j) => {
    if (pair >= 0) last[pair] = j;
  });
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

/** The means of rows over the members of each pair, in float64 and then of the type of the rows. */
function means(rows: Floats, width: number, members: Int32Array, counts: Uint32Array): Floats {
  const weights = Float64Array.from(members, (pair) => (pair < 0 ? 0 : 1 / counts[pair]));
  const sums = sumsOf({ rows, d: width, members, weights, groups: counts.length });
  return rows instanceof Float32Array ? new Float32Array(sums) : sums;
}

/** The pairs of a grouping. O(n (d + dv)). */
export function storedPairs(k: Floats, v: Floats, grouping: Grouping): StoredPairs {
  const { members, last, excess } = inOrder(grouping);
  const n = members.length;
  const counts = new Uint32Array(last.length);
  for (const pair of members) if (pair >= 0) counts[pair]++;
  return {
    keys: means(k, k.length / n, members, counts),
    values: means(v, v.length / n, members, counts),
    logWeights: excess.map((x, pair) => x + Math.log(counts[pair])),
    counts,
    last,
    members,
  };
}

/** Each of some keys a pair of its own. */
export function eachAlone(n: number, indices: readonly number[]): Int32Array {
  const members = new Int32Array(n).fill(-1);
  indices.forEach((j, pair) => {
    members[j] = pair;
  });
  return members;
}

/**
 * Scatters a gradient of the pairs' rows [s, width] to the rows [n, width] that they are means of: a row has its pair's gradient over the
 * count. Adds to `target`.
 */
export function scatterMeans(
  gradient: Floats,
  width: number,
  { members, counts }: StoredPairs,
  target: Floats,
): void {
  members.forEach((pair, j) => {
    if (pair < 0) return;
    const share = 1 / counts[pair];
    for (let c = 0; c < width; c++) target[j * width + c] += gradient[pair * width + c] * share;
  });
}
