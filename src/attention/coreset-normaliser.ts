/** A coreset in place of all keys below the line of a score: its checks, its sums, and the intervals that it leaves (docs/algorithms.md, section 9). */
import type { Heads, KeyMatrix, PerHead } from '../keys.js';
import { accurateDot } from '../scores/accurate-dot.js';
import type { LpCoreset } from '../scores/coreset.js';
import { eachBlock } from '../scores/gram.js';
import type { WeightFunction } from '../weights/weight.js';
import { gather, type Normaliser } from './normalisers.js';

/** More than the rounding of two sums of the same weights. */
const ROUNDING = 1e-9;

/** A coreset with the accuracy of its sums. */
export interface Sample {
  readonly coreset: LpCoreset;
  readonly eta: number;
}

/** The checked coreset of each key head, with `eta` for those that were drawn by rows. */
export function samplesOf(
  normaliser: PerHead<LpCoreset>,
  eta: number | undefined,
  keys: Heads,
  f: WeightFunction,
): Sample[] {
  if (normaliser === null || typeof normaliser !== 'object')
    throw new TypeError(
      `heavyScores: normaliser must be a result of lpCoreset for these keys, got ${String(normaliser)}`,
    );
  const coresets: readonly LpCoreset[] = 'heads' in normaliser ? normaliser.heads : [normaliser];
  if ('heads' in normaliser === keys.flat || coresets.length !== keys.list.length)
    throw new RangeError(
      `heavyScores: normaliser must have one coreset for each of ${keys.list.length} key heads, got ${coresets.length}`,
    );
  if (eta !== undefined && !(typeof eta === 'number' && eta >= 0 && eta < 1))
    throw new RangeError(`heavyScores: eta must be in [0, 1), got ${String(eta)}`);
  return coresets.map((coreset) => {
    checkCoreset(coreset, keys, f);
    if (eta !== undefined && coreset.eta !== null)
      throw new RangeError(
        `heavyScores: eta is for a coreset drawn by rows, this one has eta = ${coreset.eta}, got ${eta}`,
      );
    const own = coreset.eta ?? eta;
    if (own === undefined)
      throw new TypeError(
        'heavyScores: normaliser was drawn by rows and promises no eta: give eta in [0, 1), or draw it by eta',
      );
    return { coreset, eta: own };
  });
}

function checkCoreset(coreset: LpCoreset, keys: Heads, f: WeightFunction): void {
  const { n, d, p, eta, indices, weights } = coreset ?? {};
  if (n !== keys.n || d !== keys.d)
    throw new RangeError(`heavyScores: normaliser is of keys [${n},${d}], got keys [${keys.n},${keys.d}]`);
  if (p !== f.power) throw new RangeError(`heavyScores: normaliser is for power:${p}, got f = ${f.name}`);
  const isPlace = (j: number, t: number) => Number.isInteger(j) && j > (t > 0 ? indices[t - 1] : -1) && j < n;
  const isWeight = (w: number) => typeof w === 'number' && w >= 1 && w < Number.POSITIVE_INFINITY;
  const isEta = eta === null || (typeof eta === 'number' && eta >= 0 && eta < 1);
  if (
    !(Array.isArray(indices) && Array.isArray(weights) && indices.length === weights.length && isEta) ||
    !(indices.every(isPlace) && weights.every(isWeight))
  )
    throw new RangeError('heavyScores: normaliser must be a result of lpCoreset for these keys, got another');
}

/** The weighted sums over the sampled rows: O(d) a query and row. */
export function sampledNormaliser(
  keys: KeyMatrix,
  { coreset: { indices, weights } }: Sample,
  f: WeightFunction,
): Normaliser {
  const { d } = keys;
  const rows = gather(keys, indices);
  return function* (queries, units) {
    const sums = new Float64Array(units.length);
    yield* eachBlock(indices.length, 'normalisers', (start, end) => {
      for (let i = 0; i < sums.length; i++)
        for (let t = start; t < end; t++)
          sums[i] += weights[t] * f.value(accurateDot(queries, i * d, rows, t * d, d) / units[i]);
    });
    return sums;
  };
}

/** A score between its ends. */
export interface ScoreInterval {
  readonly lower: number;
  readonly score: number;
  readonly upper: number;
}

/**
 * f/Z for sum = (1 +- eta) Z and Z >= `known`, the weight of some of the keys, f among them. A `known` above what the sum allows for Z
 * shows that the coreset misses eta at this query: then the lower end is 0, and the upper one, which rests on `known` alone, still holds.
 */
export function intervalOf(value: number, sum: number, known: number, eta: number): ScoreInterval {
  const upper = Math.min(1, value / Math.max(sum / (1 + eta), known));
  const most = sum / (1 - eta);
  return {
    lower: most >= known * (1 - ROUNDING) ? Math.min(upper, value / most) : 0,
    score: Math.min(upper, value / Math.max(sum, known)),
    upper,
  };
}
