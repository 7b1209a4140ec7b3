/** Fewer keys that stand for all of a head, so that it costs little to try plans on them. */
import type { Floats } from '../../keys.js';
import { sampleWithoutReplacement } from '../../random.js';
import { rowsOf } from '../rows.js';
import { remaining, union } from '../selectors/top-keys.js';
import type { Facts } from './head-facts.js';
import type { Points } from './metric.js';
import type { TailHead } from './tail.js';

/** Keys at least, and for each pair: enough for centres not to fit the sample alone. */
const LEAST_KEYS = 2048;
const KEYS_A_PAIR = 16;

/** What part of all keys they are at most: with more of them there is little to save. */
const MOST = 1 / 4;

/** Some keys of a head, and where those that each plan keeps by name are among them. */
export interface FewKeys {
  readonly facts: Facts;
  readonly named: readonly (readonly number[])[];
}

/**
 * The keys that any plan keeps by name, and a uniform sample of the others, each of which weighs as much as what it is drawn from: those who see
 * all keys attend to them as they do to all, in expectation. Undefined where they would be more than a quarter of all. O(n).
 *
 * @param named - for each plan, ascending
 */
export function fewKeys(
  facts: Facts,
  named: readonly (readonly number[])[],
  count: number,
): FewKeys | undefined {
  const { head } = facts;
  const { n, random } = head;
  const wanted = Math.max(LEAST_KEYS, KEYS_A_PAIR * count);
  if (wanted > MOST * n) return undefined;
  const kept = [...new Set(named.flat())];
  const rest = remaining(n, kept);
  const drawn = sampleWithoutReplacement(rest.length, wanted - kept.length, random).map((i) => rest[i]);
  const places = union(kept, drawn);
  const place = new Map(places.map((j, at) => [j, at]));
  const logWeights = Float64Array.from(places, (j) => head.logWeights?.[j] ?? 0);
  for (const j of drawn) logWeights[place.get(j)!] += Math.log(rest.length / drawn.length);
  return {
    facts: { head: headOf(head, places, logWeights), pointsOf: pointsAt(facts, places) },
    named: named.map((keys) => keys.map((j) => place.get(j)!)),
  };
}

/** The head with some of its keys only, all of which every query sees. */
function headOf(head: TailHead, places: readonly number[], logWeights: Float64Array): TailHead {
  const { k, v, d, dv } = head;
  const rows = { k: rowsOf<Floats>(k, d, places), v: rowsOf<Floats>(v, dv, places) };
  return { ...head, ...rows, n: places.length, logWeights, limits: undefined };
}

/** Some of the points, taken once for all plans that measure distances alike. */
function pointsAt(facts: Facts, places: readonly number[]): Facts['pointsOf'] {
  const taken = new Map<Points, Points>();
  return (plan) => {
    const all = facts.pointsOf(plan);
    const some = taken.get(all) ?? { ...all, data: rowsOf(all.data, all.width, places) };
    taken.set(all, some);
    return some;
  };
}
