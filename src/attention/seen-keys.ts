/** The keys of a head that some query sees: choices and stored pairs are of these, as if there were no others. */
import type { Floats } from '../keys.js';
import { causalLimits, groupLogWeights, placeOfGroup } from './groups.js';
import type { AttentionInputs } from './inputs.js';
import { maskRows, maskStart, offsetsOf } from './offsets.js';
import { rowsOf } from './rows.js';
import type { Grouping } from './tail/stored-pairs.js';

/** Numbers this far below the largest of their query hide as -Infinity does: no logit makes up for them. */
const FAR = 1e30;

/** A key head without the keys that no query sees. */
export interface SeenHead {
  /** batch * keyHeads + key head. */
  readonly index: number;
  /** [n, d] and [n, dv]. */
  readonly k: Floats;
  readonly v: Floats;
  readonly n: number;
  /** [n]: where these keys are among all of the head; nothing where they are all of them. */
  readonly places?: readonly number[];
  /** [n]: the log-weights of the caller. */
  readonly logWeights?: Floats;
  /** [m]: under a causal mask query i of each query head sees the first limits[i] of these keys. */
  readonly limits?: Uint32Array;
  /** Those of the keys that are always kept, ascending. */
  readonly always: readonly number[];
}

/** What gives the heads of some inputs; masks that several of them share are read once. */
export function seenHeads(inputs: AttentionInputs, always: readonly number[]): (index: number) => SeenHead {
  const known = new Map<string, readonly number[] | undefined>();
  return (index) => {
    const name = sourceOf(inputs, index);
    if (!known.has(name)) known.set(name, seenPlaces(inputs, index));
    return seenHead(inputs, index, known.get(name), always);
  };
}

/** Where mask and log-weights of a key head begin. */
function sourceOf(inputs: AttentionInputs, index: number): string {
  const { batch, head } = placeOfGroup(inputs, index);
  const [batches = 0, heads = 0] = inputs.logWeights?.strides ?? [];
  return `${maskStart(inputs, index)} ${batch * batches + head * heads}`;
}

/** The keys that some query sees, ascending; undefined where that is all. O(n) for each row of the mask, until all are seen. */
function seenPlaces(inputs: AttentionInputs, index: number): number[] | undefined {
  const { attnMask, logWeights, causal, m, n } = inputs;
  if (!attnMask && !logWeights) return undefined;
  const offsets = offsetsOf(inputs, index);
  const seen = new Uint8Array(n);
  let unseen = n;
  // The last queries first: they see most under most masks, and all under the causal one.
  for (const i of maskRows(inputs)) {
    const row = offsets(i);
    let most = Number.NEGATIVE_INFINITY;
    for (let j = 0; j < n; j++) if (row[j] > most) most = row[j];
    const end = causal ? (i % m) + n - m + 1 : n;
    for (let j = 0; j < end; j++) {
      // By the difference: where all lie at -1e308 nothing is far below, and where all are -Infinity it is no number.
      if (seen[j] === 1 || !(most - row[j] < FAR)) continue;
      seen[j] = 1;
      unseen--;
    }
    if (unseen === 0) return undefined;
  }
  const places: number[] = [];
  for (let j = 0; j < n; j++) if (seen[j] === 1) places.push(j);
  return places;
}

function seenHead(
  inputs: AttentionInputs,
  index: number,
  places: readonly number[] | undefined,
  always: readonly number[],
): SeenHead {
  const { m, n, d, dv } = inputs;
  const k = inputs.k.subarray(index * n * d, (index + 1) * n * d);
  const v = inputs.v.subarray(index * n * dv, (index + 1) * n * dv);
  const logWeights = groupLogWeights(inputs, index, places);
  const limits = causalLimits(inputs)?.subarray(0, m);
  if (!places) return { index, k, v, n, logWeights, limits, always };
  const at = new Map(places.map((j, place) => [j, place]));
  return {
    index,
    k: rowsOf(k, d, places),
    v: rowsOf(v, dv, places),
    n: places.length,
    places,
    logWeights,
    limits: limits?.map((limit) => countBelow(places, limit)),
    always: always.flatMap((j) => at.get(j) ?? []),
  };
}

/** How many of some ascending numbers are below a limit. */
function countBelow(places: readonly number[], limit: number): number {
  let [low, high] = [0, places.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (places[middle] < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A grouping of the keys that are seen, as one of all n keys of the head. */
export function amongAll(grouping: Grouping, { places }: SeenHead, n: number): Grouping {
  if (!places) return grouping;
  const { members, signs, rest, moments } = grouping;
  const spread = <Data extends Int32Array | Int8Array | Float64Array>(from: Data, into: Data): Data => {
    places.forEach((j, at) => {
      into[j] = from[at];
    });
    return into;
  };
  return {
    ...grouping,
    members: spread(members, new Int32Array(n).fill(-1)),
    signs: signs && spread(signs, new Int8Array(n).fill(1)),
    rest: rest?.map((at) => places[at]),
    moments: moments && { ...moments, shares: spread(moments.shares, new Float64Array(n)) },
  };
}
