/** With weights |x|^p a key and its negative weigh the same: the signs that bring keys to one side before they are averaged. */
import type { Floats } from '../../keys.js';
import { halfScale } from '../selectors/points.js';
import type { Grouping } from './stored-pairs.js';
import type { TailHead } from './tail.js';
import { weigh } from './weigh.js';

/** Rounds at most. */
const ROUNDS = 10;

/**
 * [n], 1 or -1: within each pair s_j = sign <k_j, u> for u = sum_j w_j s_j k_j, a local maximum of |u|, so that the mean is as long as it can
 * be made. From the pair's longest key on, in at most ten rounds, none of which makes u shorter (Kwak, Principal component analysis based on
 * L1-norm maximization, TPAMI 2008). O(n d) a round.
 *
 * @param members - [n]: the pair of each key, or -1
 * @param weights - [n], all the same unless given
 */
export function commonSides(k: Floats, d: number, members: Int32Array, weights?: Float64Array): Int8Array {
  const half = halfScale(k);
  const rows = Float64Array.from(k, (x) => x * half * half);
  const signs = new Int8Array(members.length).fill(1);
  let directions = longestOf(rows, d, members);
  for (let round = 0; round < ROUNDS; round++) {
    let changed = round === 0;
    const sums = new Float64Array(directions.length);
    for (let j = 0; j < members.length; j++) {
      const pair = members[j] * d;
      if (pair < 0) continue;
      let dot = 0;
      for (let c = 0; c < d; c++) dot += rows[j * d + c] * directions[pair + c];
      const sign = dot < 0 ? -1 : 1;
      changed ||= sign !== signs[j];
      signs[j] = sign;
      const factor = weights ? sign * weights[j] : sign;
      for (let c = 0; c < d; c++) sums[pair + c] += factor * rows[j * d + c];
    }
    if (!changed) break;
    directions = sums;
  }
  return signs;
}

/** A grouping with the signs of its keys, where the weights are |x|^p. */
export function turned({ k, d, power, logWeights }: TailHead, grouping: Grouping): Grouping {
  if (power === undefined) return grouping;
  const { members } = grouping;
  const pairs = members.reduce((most, pair) => Math.max(most, pair + 1), 0);
  return { ...grouping, signs: commonSides(k, d, members, weigh(members, pairs, logWeights).shares) };
}

/** The head whose keys are to be points, so that near ones may be averaged: with |x|^p all keys are brought to one side first. */
export function pointsHead(head: TailHead): TailHead {
  const { k, q, n, d, power, logWeights } = head;
  if (power === undefined) return head;
  const members = new Int32Array(n);
  const { shares } = weigh(members, 1, logWeights);
  const signs = commonSides(k, d, members, shares);
  // The derivative of log |x|^p at a usual product, as the scale is that of x -> scale x.
  const usual = Math.sqrt(
    (meanSquare(q, () => d / q.length) * meanSquare(k, (at) => shares[Math.floor(at / d)])) / d,
  );
  return { ...head, k: withSigns(k, d, signs), scale: usual > 0 ? power / usual : power };
}

/** The sum of squares of rows, each entry times its share. */
function meanSquare(rows: Floats, share: (at: number) => number): number {
  let sum = 0;
  for (let at = 0; at < rows.length; at++) sum += rows[at] * rows[at] * share(at);
  return sum;
}

/** [pairs, d]: the key of each pair with the largest norm. */
function longestOf(rows: Float64Array, d: number, members: Int32Array): Float64Array {
  const norms: number[] = [];
  const longest: number[] = [];
  members.forEach((pair, j) => {
    if (pair < 0) return;
    let norm = 0;
    for (let c = 0; c < d; c++) norm += rows[j * d + c] ** 2;
    if (norms[pair] >= norm) return;
    norms[pair] = norm;
    longest[pair] = j;
  });
  const directions = new Float64Array(longest.length * d);
  longest.forEach((j, pair) => {
    directions.set(rows.subarray(j * d, (j + 1) * d), pair * d);
  });
  return directions;
}

/** Rows [n, d] with signs. */
function withSigns(rows: Floats, d: number, signs: Int8Array): Floats {
  return rows.map((x, at) => x * signs[Math.floor(at / d)]) as Floats;
}
