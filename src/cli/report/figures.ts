/** What a report shows of each head: plain numbers, measured before anything is drawn. */
import type { RealQueries } from '../proof.js';

/** One selector's cost at each number of keys, as means over the query heads and rows that were measured. */
export interface SelectorCurve {
  readonly selector: string;
  readonly counts: readonly number[];
  /** Relative error of the output against exact attention over all keys. */
  readonly error: readonly number[];
  /** Share of the exact softmax mass that lies on the kept keys. */
  readonly mass: readonly number[];
}

/** Errors of selectors alone ('drop') and with what stands in for the other keys, at one number of stored pairs. */
export interface CrossedErrors {
  readonly tails: readonly string[];
  readonly rows: readonly { readonly selector: string; readonly errors: readonly number[] }[];
}

/** The keys that one selector keeps. */
export interface Pick {
  readonly selector: string;
  readonly indices: readonly number[];
}

/** One matrix of keys, and what was measured of the attention over it. */
export interface HeadFigures {
  /** For headings: `layer 0, head 1`. */
  readonly label: string;
  readonly n: number;
  readonly d: number;
  readonly rank: number;
  /** The largest score that each key can ever reach, by position. */
  readonly scores: Float64Array;
  /** Whether the set holds no key but those that can be heavy. */
  readonly minimal: boolean;
  /** The universal set, ascending. */
  readonly kept: readonly number[];
  /** The theory's bound on its size, rank / epsilon. */
  readonly sizeBound: number;
  readonly margin: number;
  /** What brute force found, for each query head that reads these keys. */
  readonly real: readonly RealQueries[];
  readonly curves: readonly SelectorCurve[];
  /** Selectors with what stands in for the keys that they leave out, at the same numbers of stored pairs. */
  readonly tails: readonly SelectorCurve[];
  /** Every selector with every tail, at `pickCount` pairs. */
  readonly crossed: CrossedErrors;
  readonly picks: readonly Pick[];
}

/** Everything on the page. */
export interface ReportFigures {
  readonly title: string;
  /** File names, shapes, what was read. */
  readonly source: string;
  readonly epsilon: number;
  readonly causal: boolean;
  /** Number of keys at which `picks` were taken. */
  readonly pickCount: number;
  /** Number of query rows of each head on which errors were measured, of how many. */
  readonly queries: { readonly measured: number; readonly all: number };
  /** Under the causal mask, the keys of the prompt, among which selectors choose; else all. */
  readonly prompt: number;
  /** Seeds over which random selection was averaged. */
  readonly randomSeeds: number;
  /** The text of every position, where it is known. */
  readonly tokens?: readonly string[];
  readonly heads: readonly HeadFigures[];
}

/** The mean; 0 of nothing. */
export function meanOf(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / Math.max(1, values.length);
}
