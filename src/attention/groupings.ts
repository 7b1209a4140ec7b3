/** The check of which keys are stored together, where a tail or a result may be of the caller's own making. */
import type { Grouping } from './tail/stored-pairs.js';

/**
 * Refuses what is no grouping of n keys; `where` opens the message, and `named` is what its excess is called.
 * O(n).
 */
export function checkGrouping(
  where: string,
  grouping: Partial<Grouping> | undefined,
  n: number,
  most = n,
  named = 'excess',
): void {
  const { members, excess, signs, rest = [] } = grouping ?? {};
  checkArray(where, 'members', members, Int32Array, n);
  const pairs = pairsOf(where, members as Int32Array);
  if (pairs > most) throw new RangeError(`${where}: must make at most ${most} pairs, got ${pairs}`);
  if (excess !== undefined) checkArray(where, named, excess, Float64Array, pairs);
  const strange = excess?.find((x) => !Number.isFinite(x));
  if (strange !== undefined) throw new RangeError(`${where}: ${named} must be finite, got ${strange}`);
  if (signs !== undefined) checkArray(where, 'signs', signs, Int8Array, n);
  for (const j of rest)
    if (members?.[j] !== -1) throw new RangeError(`${where}: rest must hold keys of no pair, got ${j}`);
}

type Numbers = Int32Array | Int8Array | Float64Array;

function checkArray(
  where: string,
  name: string,
  given: unknown,
  type: new (size: number) => Numbers,
  size: number,
): void {
  if (given instanceof type && given.length === size) return;
  const { length } = (given ?? {}) as { length?: unknown };
  const got =
    typeof given === 'object' && typeof length === 'number'
      ? `${given?.constructor.name} of ${length}`
      : String(given);
  throw new TypeError(`${where}: ${name} must be ${type.name} of ${size}, got ${got}`);
}

/** How many pairs there are, each of which must have a key. */
function pairsOf(where: string, members: Int32Array): number {
  let pairs = 0;
  for (const pair of members) {
    if (pair < -1) throw new RangeError(`${where}: members must be pairs from 0 on, or -1, got ${pair}`);
    if (pair >= pairs) pairs = pair + 1;
  }
  const has = new Uint8Array(Math.min(pairs, members.length + 1));
  for (const pair of members) if (pair >= 0 && pair < has.length) has[pair] = 1;
  const empty = has.indexOf(0);
  if (empty >= 0) throw new RangeError(`${where}: pair ${empty} of ${pairs} has no key`);
  return pairs;
}
