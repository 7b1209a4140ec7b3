/** How fast are exact leverage scores and the exact universal set (f = x^2) of 100,000 and 1,000,000 keys? */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PerHead } from '../src/index.js';
import { type Distribution, draw } from './inputs.js';
import { library } from './library.js';
import { type Contestant, type Run, race, timed } from './measure.js';
import { jaxContestant } from './peers/jax.js';
import { mlMatrixContestant } from './peers/ml-matrix.js';
import { type NumpyProcess, numpyContestants, numpyWays, startNumpy } from './peers/numpy.js';
import type { Setting } from './peers/setup.js';
import { type Answer, type Check, figureOf, rowsOf, type Table, type Target } from './results.js';

/** Keys, and the threshold of the set. */
export interface Case {
  readonly distribution: Distribution;
  readonly n: number;
  readonly d: number;
  readonly epsilon: number;
}

/** What everybody computes. */
export interface Found {
  readonly scores: ArrayLike<number>;
  /** The rows of score >= epsilon, ascending. */
  readonly indices: readonly number[];
  readonly precision: 'float32' | 'float64';
}

/** The keys of a certified superset, ascending; no scores of all keys. */
interface Superset {
  readonly superset: readonly number[];
}

/** What a contestant has to show; one that only reads the keys has nothing. */
type Shown = Found | Superset | undefined;

/** How far scores may be from ours: rounding in the worst case here, below what any use of them would notice. */
const tolerance = { float32: 1e-3, float64: 1e-9 } as const;

const cases: readonly Case[] = [
  { distribution: 'Gaussian', n: 100_000, d: 64, epsilon: 0.05 },
  { distribution: 't3', n: 100_000, d: 64, epsilon: 0.05 },
  { distribution: 'coherent', n: 100_000, d: 64, epsilon: 0.05 },
  { distribution: 'correlated', n: 100_000, d: 64, epsilon: 0.05 },
  { distribution: 'sorted', n: 100_000, d: 64, epsilon: 0.05 },
  { distribution: 'Gaussian', n: 1_000_000, d: 64, epsilon: 0.01 },
  { distribution: 't3', n: 1_000_000, d: 64, epsilon: 0.01 },
  { distribution: 'coherent', n: 1_000_000, d: 64, epsilon: 0.01 },
  { distribution: 'correlated', n: 1_000_000, d: 64, epsilon: 0.01 },
  { distribution: 'sorted', n: 1_000_000, d: 64, epsilon: 0.01 },
];

const quickCases: readonly Case[] = [
  { distribution: 'Gaussian', n: 10_000, d: 64, epsilon: 0.05 },
  { distribution: 't3', n: 10_000, d: 64, epsilon: 0.05 },
];

const wanted = 1.3;

export async function universalSet(setting: Setting): Promise<Answer> {
  const { python, quick, say } = setting;
  const processes = [1, 2].map((threads) =>
    'python' in python ? startNumpy(python.python, threads) : undefined,
  );
  const tables: Table[] = [];
  const targets: Target[] = [];
  for (const example of quick ? quickCases : cases) {
    const { distribution, n, d, epsilon } = example;
    const title = `${distribution} keys, ${n.toLocaleString('en')} x ${d}, epsilon ${epsilon}`;
    say(title);
    const table = { title, unit: 'ms', rows: await rows(example, processes, setting) } as const;
    tables.push(table);
    if (n >= 100_000 && n < 1_000_000) targets.push(...targetsOf(example, table));
  }
  for (const numpy of processes) numpy?.close();
  return {
    question: 'Leverage scores and the exact universal set',
    about: [
      'From float32 keys in memory (for two threads of ours in shared memory) to the scores of all keys (`scores`), and to the exact set of keys of score >= epsilon (`set`).',
      'levattention accumulates in float64 and certifies its rounding; its sets may take float32 passes first, whose error bounds decide what float64 must look at again. "lazy" is the default: a certified superset from a part of the keys; "exact" the minimal set.',
      '"keys in float64" were converted before the clock started, "keys in float32" are converted while it runs; "blocks" works in float64 on blocks of 2048 rows that stay in the cache, which is faster than what people write. Of "inverse" and "triangular solve" the faster one is shown.',
    ].join('\n'),
    tables,
    targets,
  };
}

async function rows(example: Case, processes: readonly (NumpyProcess | undefined)[], setting: Setting) {
  const { packages, python, folder, quick } = setting;
  const { distribution, n, d, epsilon } = example;
  const keys = draw(distribution, n, d, n);
  const shared = new Float32Array(new SharedArrayBuffer(keys.byteLength));
  shared.set(keys);
  const path = join(folder, 'keys.f32');
  await writeFile(path, keys);
  for (const numpy of processes) await numpy?.call('load', { path, d });
  const absent = 'absent' in python ? python.absent : undefined;
  const numpyRows = processes.map((numpy, i) =>
    numpyContestants(numpy, i + 1, absent, example, join(folder, 'scores.f64')),
  );
  const contestants: Contestant<Shown>[] = [
    exactSet(example, keys),
    exactSet(example, shared, 2),
    lazySet(example, keys),
    lazySet(example, shared, 2),
    oneRead(example, keys),
    // Each way at one thread, then at two.
    ...numpyWays.flatMap((_, way) => numpyRows.map((rows) => rows[way])),
    mlMatrixContestant(packages, example, keys),
    jaxContestant(packages, example, keys),
  ];
  const timings = await race(contestants, { seconds: quick ? 1 : 4, rounds: 15, warmUp: true });
  for (const numpy of processes) await numpy?.call('load', { path: null, d });
  const [first] = timings;
  return rowsOf(contestants, timings, ({ result }) =>
    result && first.result && 'scores' in first.result && result !== first.result
      ? compare(result, first.result, epsilon)
      : undefined,
  );
}

/** One thread blocks; several are workers that share the memory of the keys. */
function exactSet({ n, d, epsilon }: Case, data: Float32Array, threads = 1): Contestant<Found> {
  const keys = { data, shape: [n, d] };
  const options = { epsilon, exact: true };
  const scoresOf = async () =>
    threads === 1 ? library.leverageScores(keys) : library.leverageScoresAsync(keys, { threads });
  const setOf = async () =>
    threads === 1
      ? library.universalSet(keys, options)
      : library.universalSetAsync(keys, { ...options, threads });
  const run = async (): Promise<Run<Found>> => {
    const all = await timed(async () => bare(await scoresOf()));
    const set = await timed(async () => bare(await setOf()));
    const { guarantee, indices } = set.value;
    if (guarantee !== 'minimal') throw new Error(`the set is ${guarantee}, not minimal`);
    return {
      laps: { scores: all.milliseconds, set: set.milliseconds },
      result: () => ({ scores: all.value.scores, indices, precision: 'float64' }),
    };
  };
  return { name: 'levattention, exact', threads, prepare: async () => ({ run }) };
}

/** The certified superset of the default; scores of all keys are not part of it. */
function lazySet({ n, d, epsilon }: Case, data: Float32Array, threads = 1): Contestant<Shown> {
  const keys = { data, shape: [n, d] };
  const setOf = async () =>
    threads === 1
      ? library.universalSet(keys, { epsilon })
      : library.universalSetAsync(keys, { epsilon, threads });
  const run = async (): Promise<Run<Shown>> => {
    const { milliseconds, value } = await timed(async () => bare(await setOf()));
    return {
      laps: { set: milliseconds },
      result: () => ({ superset: value.indices }),
    };
  };
  return { name: 'levattention, lazy', threads, prepare: async () => ({ run }) };
}

/** The keys copied once, in pieces that stay in the cache: the least that any pass over them costs. */
function oneRead({ d }: Case, data: Float32Array): Contestant<Shown> {
  const piece = new Float32Array(256 * d);
  const run = async (): Promise<Run<Shown>> => {
    const { milliseconds } = await timed(() => {
      for (let start = 0; start < data.length; start += piece.length)
        piece.set(data.subarray(start, Math.min(data.length, start + piece.length)));
    });
    return { laps: { set: milliseconds }, result: () => undefined };
  };
  return { name: 'one read of the keys', threads: 1, prepare: async () => ({ run }) };
}

/** The result of a two-dimensional tensor, which has no heads. */
function bare<T extends object>(result: PerHead<T>): T {
  if ('heads' in result) throw new Error('expected the result of one matrix');
  return result;
}

/** The largest difference of two scores, and whether the sets differ only in keys that are that close to epsilon. */
function compare(result: Found | Superset, first: Found, epsilon: number): Check {
  if ('superset' in result) {
    const kept = new Set(result.superset);
    const lost = first.indices.filter((j) => !kept.has(j)).length;
    return { same: lost === 0, text: `${kept.size} keys, ${lost} of ${first.indices.length} lost` };
  }
  const { scores, indices, precision } = result;
  let error = scores.length === first.scores.length ? 0 : Number.POSITIVE_INFINITY;
  for (let j = 0; j < scores.length; j++) {
    const difference = Math.abs(scores[j] - first.scores[j]);
    if (!(difference <= error)) error = difference;
  }
  const [ours, theirs] = [new Set(first.indices), new Set(indices)];
  const lone = [...ours, ...theirs].filter((j) => ours.has(j) !== theirs.has(j));
  const explained = lone.every((j) => Math.abs(first.scores[j] - epsilon) <= error);
  return {
    same: error <= tolerance[precision] && explained,
    text: `${lone.length === 0 ? `same ${indices.length} keys` : `sets differ in ${lone.length} at epsilon`}, scores within ${error.toExponential(0)}`,
  };
}

/** The target holds against what people write in float64, whether or not the keys must be converted first. */
function targetsOf({ n, d, distribution }: Case, { rows }: Table): Target[] {
  return numpyWays
    .filter(({ precision, keys }) => precision === 'float64' && keys !== 'float32')
    .map(({ name }) => ({
      text: `exact set, ${distribution} ${n.toLocaleString('en')} x ${d}, against ${name}, 1 thread each`,
      wanted,
      figure: figureOf(rows, 'set', name, 1),
    }));
}
