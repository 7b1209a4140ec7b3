/** What a sketch is for, and what it refuses. */
import { checkEpsilon, checkOptionsObject, headsOf, type KeyMatrix, type Keys } from '../keys.js';
import { power } from '../weights/power.js';
import { checkWeight, type WeightFunction } from '../weights/weight.js';
import type { Ranges } from './ranges.js';
import type { Description } from './sketch-bytes.js';

/** What a sketch is for. */
export interface SketchOptions {
  /** Columns of the keys. */
  readonly d: number;
  /** Keep every key that can reach this score, in (0, 1]. */
  readonly epsilon: number;
  /** Weight function; power(2) unless given. */
  readonly f?: WeightFunction;
  /** Queries with an offset, f(<q,k> + b): adds the intercept column. */
  readonly centre?: boolean;
}

/** Their names. */
export const SKETCH_OPTIONS = ['d', 'epsilon', 'f', 'centre'] as const;

/** The options with their defaults, checked. */
export function checkedOptions(options: SketchOptions): Required<SketchOptions> {
  const caller = 'UniversalSetSketch';
  checkOptionsObject(options, caller, '{ d: 64, epsilon: 0.05 }', SKETCH_OPTIONS);
  const { d, epsilon, f = power(2), centre = false } = options;
  if (!(Number.isSafeInteger(d) && d > 0))
    throw new RangeError(`${caller}: d must be a positive whole number, got ${d}`);
  checkEpsilon(epsilon, caller);
  checkWeight(f, caller);
  return { d, epsilon, f, centre };
}

/** The matrix of keys [n, d]. */
export function matrixOf(keys: Keys, columns: number, caller: string): KeyMatrix {
  const { flat, d, list } = headsOf(keys, `${caller}: keys`);
  if (!flat) throw new RangeError(`${caller}: keys must be [n, d], got [batch, heads, n, d]`);
  if (d !== columns) throw new RangeError(`${caller}: keys must have ${columns} columns, got ${d}`);
  return list[0].matrix;
}

export function checkOffset(offset: number, n: number, caller: string): void {
  if (!(Number.isSafeInteger(offset) && offset >= 0 && Number.isSafeInteger(offset + n)))
    throw new RangeError(
      `${caller}: offset must be a whole number with offset + n below 2^53, got ${String(offset)}`,
    );
}

/** Refuses rows that have come already. */
export function refuseOverlap(ranges: Ranges, start: number, end: number, caller: string): void {
  const found = ranges.overlap(start, end);
  if (found)
    throw new RangeError(
      `${caller}: each row may come once, and rows ${found[0]} to ${found[1] - 1} are in the sketch already`,
    );
}

/** What is said of an expected sketch, in the terms of its description. */
export function asDescribed({ d, epsilon, centre }: Partial<SketchOptions>): Partial<Description> {
  return Object.fromEntries(
    Object.entries({ d, epsilon, centre }).filter(([, value]) => value !== undefined),
  );
}

/** Refuses sketches that cannot be merged. */
export function refuseDifferent(own: Description, other: Description, caller: string): void {
  for (const name of ['d', 'f', 'epsilon', 'centre', 'growth', 'lowerGrowth'] as const)
    if (own[name] !== other[name])
      throw new RangeError(`${caller}: both must have the same ${name}, got ${own[name]} and ${other[name]}`);
}
