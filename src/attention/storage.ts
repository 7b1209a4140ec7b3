/** What each head stores in place of its keys and values, by the selector and the tail, and the attention that its queries then pay. */
import type { Floats } from '../keys.js';
import { randomStream } from '../random.js';
import type { Steps } from '../steps.js';
import { type ChoiceOptions, checkAlways, keyChoice } from './choose-keys.js';
import { type GroupCall, groupLogWeights } from './groups.js';
import type { AttentionInputs } from './inputs.js';
import type { ClustersOptions } from './tail/cluster-plans.js';
import { drop } from './tail/drop.js';
import { type Moments, momentsOf } from './tail/gaussian.js';
import { tailOf } from './tail/index.js';
import { eachAlone, type Grouping, type StoredPairs, storedPairs } from './tail/stored-pairs.js';
import type { Tail, TailHead } from './tail/tail.js';

/** Streams of draws of the tails, apart from those of the selectors, which are numbered by heads. */
const TAIL_STREAMS = 2 ** 40;

/** Which keys each head keeps, and what stands in for the others. */
export interface StorageOptions extends ChoiceOptions {
  /**
   * What stands in for the keys that are not kept: one of `tailNames`, with settings as in {@link parseTail}, or
   * `{ kind: 'clusters', ...ClustersOptions }`. 'drop', nothing, by default. With any other, `keys` counts all stored pairs.
   */
  readonly tail?: string | Tail | ({ readonly kind: 'clusters' } & ClustersOptions);
}

/** Which keys are stored together: a pair is the mean of its keys, and of their values. */
export interface StoredKeys {
  /** [n], the pair of each key, -1 where no pair stands for it. */
  readonly members: Int32Array;
  /** [pairs], what is added to the logarithm of a pair's weight; log of the number of its keys, or a little more or less. */
  readonly logWeights: Float64Array;
  /** Keys that the closed form of the tail 'moments' stands for. */
  readonly moments?: readonly number[];
}

/** What a head stores. */
export interface StoredHead extends StoredPairs {
  /** Keys as they are, ascending. */
  readonly indices: readonly number[];
  /** What a result says of it; nothing where all pairs are keys that weigh as they do. */
  readonly stored?: StoredKeys;
  readonly moments?: Moments;
  /** Which keys the moments are of. */
  readonly rest?: readonly number[];
}

/** The queries of a group, [group * m, d]. */
export function queriesOf({ q, group, m, d }: AttentionInputs, index: number): Floats {
  return q.subarray(index * group * m * d, (index + 1) * group * m * d);
}

/** Checks the options of selector and tail; returns what stores the key head `index` (batch * keyHeads + head). */
export function storage(
  where: string,
  inputs: AttentionInputs,
  options: StorageOptions,
): (index: number) => Steps<StoredHead> {
  const { keys, select, seed = 0, tail: wanted = 'drop' } = options;
  const tail = tailOf(where, wanted);
  const choose = keyChoice(where, inputs, {
    ...options,
    select: select === undefined ? usualSelector(tail) : select,
  });
  if (tail !== drop) checkTail(where, tail, inputs, options);
  const always = checkAlways(where, options.always ?? [], inputs.n);
  return function* (index) {
    const { k, v, n, d, dv, m, causal, scale, power, attend } = inputs;
    const head: TailHead = {
      k: k.subarray(index * n * d, (index + 1) * n * d),
      v: v.subarray(index * n * dv, (index + 1) * n * dv),
      n,
      d,
      dv,
      q: queriesOf(inputs, index),
      m,
      causal,
      scale,
      power,
      attend,
      choose: (count) => choose(index, count),
      always,
      random: randomStream(seed, TAIL_STREAMS + index),
    };
    if (tail === drop || keys === undefined || keys >= n)
      return storedHead(head, { members: eachAlone(n, yield* choose(index)) });
    return storedHead(head, yield* tail.group(head, keys));
  };
}

/** The selector where none is named: the paper's; beside clusters what lies far from the mean. */
export function usualSelector({ name }: Tail): string {
  return name.startsWith('clusters') ? 'leverage-centred' : 'leverage';
}

function checkTail(
  where: string,
  tail: Tail,
  { attnMask, logWeights, power }: AttentionInputs,
  { keys }: StorageOptions,
): void {
  const refuse = (rule: string) => {
    throw new RangeError(`${where}: tail '${tail.name}' ${rule}`);
  };
  if (keys === undefined) refuse('needs keys, the number of stored pairs, got epsilon');
  if (tail.softmaxOnly && power !== undefined) refuse(`is for softmax weights, got |x|^${power}`);
  if (!tail.single && attnMask) refuse('stores keys together, so that no attnMask can hide one of them');
  if (!tail.single && logWeights) refuse('weighs keys by their number, so that logWeights have no place');
}

function storedHead({ k, v, d, dv }: TailHead, grouping: Grouping): StoredHead {
  const pairs = storedPairs(k, v, grouping);
  const { rest } = grouping;
  const indices = Array.from(pairs.last).filter((_, pair) => pairs.counts[pair] === 1);
  const plain = !rest && pairs.logWeights.every((x) => x === 0);
  return {
    ...pairs,
    indices,
    rest,
    moments: rest && (grouping.moments ?? momentsOf(k, v, { d, dv }, rest)),
    stored: plain ? undefined : { members: pairs.members, logWeights: pairs.logWeights, moments: rest },
  };
}

/** A call over stored pairs. */
export type StoredCall = GroupCall & { readonly limits?: Uint32Array };

/** The attention of a group over what its key head stores. */
export function storedCall(
  inputs: AttentionInputs,
  index: number,
  head: StoredHead,
  out: Floats,
): StoredCall {
  const { group, m, dv } = inputs;
  const { keys, values, last, moments } = head;
  // Masks and log-weights of the caller concern single keys: the others are refused beside them.
  const columns = Array.from(last);
  return {
    index,
    k: keys,
    v: values,
    n: last.length,
    dv,
    limits: inputs.causal ? seenPairs(inputs, last) : undefined,
    columns,
    logWeights: summed(head, groupLogWeights(inputs, index, columns)),
    out,
    logSums: moments && new Float64Array(group * m),
  };
}

/** The log-weights of the pairs and those of the caller; nothing where all are zero. */
function summed({ logWeights, stored }: StoredHead, given?: Floats): Floats | undefined {
  if (!stored || stored.logWeights.every((x) => x === 0)) return given;
  return given ? logWeights.map((x, pair) => x + given[pair]) : logWeights;
}

/** [group * m]: how many of the pairs each query of a group sees under the causal mask. */
function seenPairs({ group, m, n }: AttentionInputs, last: Int32Array): Uint32Array {
  const limits = new Uint32Array(group * m);
  let seen = 0;
  for (let i = 0; i < m; i++) {
    while (seen < last.length && last[seen] <= i + n - m) seen++;
    limits[i] = seen;
  }
  for (let head = 1; head < group; head++) limits.copyWithin(head * m, 0, m);
  return limits;
}
