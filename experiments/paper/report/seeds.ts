/** Figures of runs that differ in their seeds alone, compared seed by seed. */
import type { Results } from './section.js';
import { meanOf } from './statistics.js';

/** By seed; what is not there yet is left out. */
export type BySeed = ReadonlyMap<number, number>;

/** A figure of the run of each seed. */
export function bySeed<Result>(
  results: Results,
  seeds: readonly number[],
  nameOf: (seed: number) => string,
  figureOf: (result: Result) => number,
): BySeed {
  const found = seeds.flatMap((seed) => {
    const kept = results.get<Result>(nameOf(seed));
    return kept ? [[seed, figureOf(kept.result)] as const] : [];
  });
  return new Map(found);
}

/** What comes of the figures of each seed that all of them have. */
export function eachSeed<Combined>(
  figures: readonly BySeed[],
  combine: (...values: number[]) => Combined,
): Combined[] {
  const [first, ...others] = figures;
  return [...first.keys()]
    .filter((seed) => others.every((other) => other.has(seed)))
    .map((seed) => combine(...figures.map((each) => each.get(seed)!)));
}

/** What share some figures are of others, over the seeds that both have; undefined where there are none. */
export function shareOf(some: BySeed, all: BySeed): number | undefined {
  const pairs = eachSeed([some, all], (a, b) => [a, b]);
  return pairs.length === 0 ? undefined : meanOf(pairs.map(([a]) => a)) / meanOf(pairs.map(([, b]) => b));
}
