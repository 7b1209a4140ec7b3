/**
 * How well do few stored pairs stand for all keys and values of real attention? Every selector with every tail, on every head of
 * the captures, from n/64 to n/4 pairs; measured on queries that nothing was made from. See README.md for what it costs and shows.
 */
import { type Capture, studiedHeads } from './captures.js';
import { type Combination, combinations, nameOf } from './combinations.js';
import { type Head, headsOf } from './heads.js';
import { type Exact, exactOf, lossOf } from './measure.js';
import { makePairs } from './pairs.js';
import { CODE, HeadResults } from './store.js';

/** Stored pairs are this part of the keys. */
export const SHARES = [64, 32, 16, 8, 4];

/** The pairs of a share; two at least, one of them for what is not exact. */
export const pairsOf = (n: number, share: number): number => Math.max(2, Math.floor(n / share));

/** A combination on one head that there is no result of yet. */
export interface Missing {
  readonly layer: number;
  readonly head: number;
  readonly combination: Combination;
}

/** Test queries of a capture, roughly. */
const QUERIES = 128;

/** Multiply-adds of a combination on one head, all shares, roughly: the time left is told by it. */
export function workOf({ n, d, heads, keyHeads }: Capture, { tail }: Combination): number {
  const group = heads / keyHeads;
  const attention = 2 * group * QUERIES * d * n;
  const clusters = tail.startsWith('clusters') ? 10 * n * n * d : 0;
  return SHARES.reduce((sum, share) => sum + (attention + clusters) / share, 50 * n * d);
}

/** What there is no result of, head by head; with `again`, also what there is a result of by other code. */
export function missingOf(
  capture: Capture,
  layers: readonly number[] = capture.layers,
  asked: readonly Combination[] = combinations,
  again = false,
): Missing[] {
  const missing: Missing[] = [];
  for (const layer of layers)
    for (const head of studiedHeads(capture, layer)) {
      const results = new HeadResults(capture.name, layer, head);
      for (const combination of asked)
        if (
          (capture.before || !combination.before) &&
          !SHARES.every((share) => {
            const cell = results.get(nameOf(combination), pairsOf(capture.n, share));
            return cell && !(again && cell.code !== CODE);
          })
        )
          missing.push({ layer, head, combination });
    }
  return missing;
}

/** Measures what is missing and keeps it, combination by combination. */
export async function measureMissing(
  capture: Capture,
  missing: readonly Missing[],
  done: (each: Missing) => void,
): Promise<void> {
  let heads: Head[] = [];
  let exact: Exact[] = [];
  let results: HeadResults | undefined;
  let at = '';
  for (const each of missing) {
    if (heads[0]?.layer !== each.layer) heads = await headsOf(capture, each.layer);
    const head = heads[each.head];
    if (at !== `${each.layer} ${each.head}`) {
      at = `${each.layer} ${each.head}`;
      results = new HeadResults(capture.name, each.layer, each.head);
      exact = exactOf(head);
    }
    measureCells(head, exact, each.combination, results!);
    done(each);
    // Lets a signal end the process between two combinations.
    await new Promise(setImmediate);
  }
}

/** One combination at all shares, kept together. */
function measureCells(head: Head, exact: readonly Exact[], combination: Combination, results: HeadResults) {
  for (const share of SHARES) {
    const pairs = pairsOf(head.n, share);
    const started = performance.now();
    const made = makePairs(combination, head, pairs);
    const milliseconds = performance.now() - started;
    results.set(nameOf(combination), pairs, { losses: lossOf(head, exact, made), milliseconds });
  }
  results.save();
}
