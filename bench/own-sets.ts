/** Our sets: the exact one, the certified superset of the default, and the scores of all keys. */
import type { PerHead } from '../src/index.js';
import { library } from './library.js';
import { type Contestant, type Run, timed } from './measure.js';
import type { Case } from './set-cases.js';

/** What a contestant that scores all keys computes. */
export interface Found {
  readonly scores: ArrayLike<number>;
  /** The rows of score >= epsilon, ascending. */
  readonly indices: readonly number[];
  readonly precision: 'float32' | 'float64';
}

/** The keys of a superset, ascending; no scores of all keys. */
export interface Superset {
  readonly superset: readonly number[];
}

/** What a contestant has to show; one that only reads the keys has nothing. */
export type Shown = Found | Superset | undefined;

export const names = {
  exact: 'levattention, exact',
  lazy: 'levattention, lazy',
  scores: 'levattention, scores of all keys',
} as const;

/** One thread blocks; several are workers that share the memory of the keys. */
export function exactSet(example: Case, data: Float32Array, threads = 1): Contestant<Found> {
  const keys = { data, shape: [example.n, example.d] };
  const setOf = setFunction(example, data, threads, true);
  const run = async (): Promise<Run<Found>> => {
    const { milliseconds, value } = await timed(setOf);
    if (value.guarantee !== 'minimal') throw new Error(`the set is ${value.guarantee}, not minimal`);
    const { indices } = value;
    return {
      laps: { time: milliseconds },
      result: () => ({ scores: bare(library.leverageScores(keys)).scores, indices, precision: 'float64' }),
    };
  };
  return { name: names.exact, threads, prepare: async () => ({ run }) };
}

/** The certified superset of the default; the minimal set where there are too few keys for it. */
export function lazySet(example: Case, data: Float32Array, threads = 1): Contestant<Superset> {
  const setOf = setFunction(example, data, threads, false);
  const run = async (): Promise<Run<Superset>> => {
    const { milliseconds, value } = await timed(setOf);
    return { laps: { time: milliseconds }, result: () => ({ superset: value.indices }) };
  };
  return { name: names.lazy, threads, prepare: async () => ({ run }) };
}

/** In float64; their set is not part of it. */
export function allScores({ n, d }: Case, data: Float32Array): Contestant<undefined> {
  const keys = { data, shape: [n, d] };
  const run = async (): Promise<Run<undefined>> => {
    const { milliseconds } = await timed(() => library.leverageScores(keys));
    return { laps: { time: milliseconds }, result: () => undefined };
  };
  return { name: names.scores, threads: 1, prepare: async () => ({ run }) };
}

function setFunction({ n, d, epsilon }: Case, data: Float32Array, threads: number, exact: boolean) {
  const keys = { data, shape: [n, d] };
  const options = { epsilon, exact };
  return async () =>
    bare(
      threads === 1
        ? library.universalSet(keys, options)
        : await library.universalSetAsync(keys, { ...options, threads }),
    );
}

/** The result of a two-dimensional tensor, which has no heads. */
export function bare<T extends object>(result: PerHead<T>): T {
  if ('heads' in result) throw new Error('expected the result of one matrix');
  return result;
}
