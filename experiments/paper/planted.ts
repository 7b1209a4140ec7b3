/**
 * Experiment 5: does leverage find planted keys, which queries look for, among many keys of noise?
 *
 * Planted keys are unit vectors of a random subspace; queries are planted keys plus noise, so that the planted keys are the ones to find. Noise of
 * length sigma comes in three kinds: in all directions; the same with one long vector added to every key, planted ones too, as the keys of real heads have a
 * common mean; and with long parts in four directions that all noise shares, so that noise is longer than what is planted. Reported is the
 * recall: how many of the planted keys are among as many keys of largest score, by selector; for |<q,k>|^2 how many scores >= 0.1 there are, how many of
 * them lie on planted keys, how many in U.
 *
 * The paper's own assumptions on its planted model were not at hand; this is a generator in its spirit. Costs five minutes on two cores (2.8 GHz). Expect: leverage
 * finds what is planted as long as it is longer than the noise in all directions, and is not crowded: many planted keys in few directions lower each
 * other's scores. Where noise is long in few directions, norms find the noise, and leverage still what is planted; of noise in all directions norms do as well.
 */
import { heavyScores } from '../../src/attention/heavy-scores.js';
import { parseSelector } from '../../src/attention/selectors/index.js';
import { selectSteps } from '../../src/attention/selectors/selector.js';
import { matrixOver } from '../../src/keys.js';
import { type Random, randomStream, sampleWithoutReplacement } from '../../src/random.js';
import { run as finish } from '../../src/steps.js';
import { universalSet } from '../../src/universal-set/universal-set.js';
import type { Place } from './place.js';
import type { Experiment, Run } from './run.js';
import type { Settings } from './settings.js';

/** How noise is made. */
export const KINDS = ['all directions', 'common mean', 'shared directions'] as const;
export type Kind = (typeof KINDS)[number];

/** Whose choice is judged. */
export const JUDGES = ['leverage', 'leverage-centred', 'squared-norm', 'k-center', 'random'];

const D = 64;
const QUERIES = 64;
const QUERY_NOISE = 0.3;
const MEAN = 3;
const SHARED = { directions: 4, length: 2 };
const EPSILON = 0.1;

/** What is drawn, and which scores are large. */
const MODEL = {
  kinds: KINDS,
  d: D,
  queries: QUERIES,
  queryNoise: QUERY_NOISE,
  mean: MEAN,
  shared: SHARED,
  epsilon: EPSILON,
};

/** One kind of noise, its length and a number of planted keys: means over seeds. */
export interface Found {
  readonly kind: Kind;
  readonly planted: number;
  readonly noise: number;
  /** By selector. */
  readonly recall: Readonly<Record<string, number>>;
  /** Of |<q,k>|^2: scores >= 0.1, how many are of planted keys, and how many are outside U; |U|. */
  readonly heavy: number;
  readonly heavyPlanted: number;
  readonly heavyOutside: number;
  readonly set: number;
}

/** Result of a run: one number of keys. */
export interface Planted {
  readonly n: number;
  readonly d: number;
  readonly cells: readonly Found[];
}

/** The experiment; the smallest numbers alone for a try-out. */
export function planted({ name, seeds }: Settings): Experiment {
  const small = name === 'smoke';
  const sizes = small ? [128] : [256, 1024, 4096, 16_384];
  const noises = small ? [0.1, 1] : [0.1, 0.3, 0.5, 0.7, 0.9, 1.2];
  const counts = small ? [8] : [8, 32, 64, 128];
  const runs = sizes.map((n): Run => {
    const run: Run = {
      name: `planted-n${n}`,
      config: { n, noises, counts, judges: JUDGES, seeds, model: MODEL },
      reads: [],
      seconds: n / 50,
      work: (place) => work(run, n, noises, counts, seeds, place),
    };
    return run;
  });
  return { name: 'planted', runs };
}

async function work(
  run: Run,
  n: number,
  noises: readonly number[],
  counts: readonly number[],
  seeds: readonly number[],
  place: Place,
): Promise<Planted> {
  const parts = place.parts<Found>(run);
  const asked = KINDS.flatMap((kind) =>
    counts.flatMap((planted) => noises.map((noise) => ({ kind, planted, noise }))),
  );
  const cells: Found[] = [];
  for (const { kind, planted, noise } of asked) {
    const found = await parts.get(`${kind} ${planted} ${noise}`, () => {
      const trials = seeds.map((seed) => trial(drawPlanted(kind, n, planted, noise, seed)));
      const mean = (value: (trial: Trial) => number) =>
        trials.reduce((sum, each) => sum + value(each), 0) / trials.length;
      return {
        kind,
        planted,
        noise,
        recall: Object.fromEntries(JUDGES.map((judge) => [judge, mean(({ recall }) => recall[judge])])),
        heavy: mean(({ heavy }) => heavy),
        heavyPlanted: mean(({ heavyPlanted }) => heavyPlanted),
        heavyOutside: mean(({ heavyOutside }) => heavyOutside),
        set: mean(({ set }) => set),
      };
    });
    cells.push(found);
    place.report({ done: cells.length, total: asked.length });
    // Lets the process hear that it is to end.
    await new Promise(setImmediate);
  }
  return { n, d: D, cells };
}

type Trial = Omit<Found, 'kind' | 'planted' | 'noise'>;

/** Keys [n, d], queries [m, d], and which keys are planted. */
export interface Drawn {
  readonly keys: Float32Array;
  readonly queries: Float32Array;
  readonly planted: readonly number[];
  readonly seed: number;
}

/** Draws the model. */
export function drawPlanted(kind: Kind, n: number, count: number, noise: number, seed: number): Drawn {
  const random = randomStream(seed, KINDS.indexOf(kind));
  const vector = (length: number) => unit(random).map((x) => length * x);
  const planted = sampleWithoutReplacement(n, count, random);
  const isPlanted = new Set(planted);
  const subspace = Array.from({ length: Math.min(count, D / 2) }, () => unit(random));
  const shared = Array.from({ length: SHARED.directions }, () => unit(random));
  const mean = kind === 'common mean' ? vector(MEAN) : new Float64Array(D);
  const keys = new Float32Array(n * D);
  for (let j = 0; j < n; j++) {
    const row = isPlanted.has(j) ? normalised(mix(subspace, random)) : vector(noise);
    if (kind === 'shared directions' && !isPlanted.has(j)) {
      const part = normalised(mix(shared, random));
      for (let c = 0; c < D; c++) row[c] += SHARED.length * part[c];
    }
    for (let c = 0; c < D; c++) keys[j * D + c] = row[c] + mean[c];
  }
  const queries = new Float32Array(QUERIES * D);
  for (let i = 0; i < QUERIES; i++) {
    const of = planted[Math.floor(random.uniform() * count)];
    const blur = vector(QUERY_NOISE);
    for (let c = 0; c < D; c++) queries[i * D + c] = keys[of * D + c] - mean[c] + blur[c];
  }
  return { keys, queries, planted, seed };
}

/** A random direction. */
function unit(random: Random): Float64Array {
  return normalised(Float64Array.from({ length: D }, random.normal));
}

function mix(directions: readonly Float64Array[], random: Random): Float64Array {
  const sum = new Float64Array(D);
  for (const direction of directions) {
    const weight = random.normal();
    for (let c = 0; c < D; c++) sum[c] += weight * direction[c];
  }
  return sum;
}

function normalised(x: Float64Array): Float64Array {
  const length = Math.hypot(...x);
  return x.map((each) => each / length);
}

function trial({ keys, queries, planted, seed }: Drawn): Trial {
  const n = keys.length / D;
  const matrix = matrixOver(keys, n, D);
  const isPlanted = new Set(planted);
  const recall = JUDGES.map((judge) => {
    const context = { random: randomStream(seed, 100) };
    const chosen = finish(selectSteps(parseSelector(judge), matrix, planted.length, context));
    return [judge, chosen.filter((j) => isPlanted.has(j)).length / planted.length] as const;
  });
  const { indices } = universalSet(matrix, { epsilon: EPSILON, exact: true });
  const set = new Set(indices);
  const { cols } = heavyScores(
    { data: queries, shape: [QUERIES, D] },
    { data: keys, shape: [n, D] },
    { epsilon: EPSILON },
  );
  return {
    recall: Object.fromEntries(recall),
    heavy: cols.length,
    heavyPlanted: cols.filter((j) => isPlanted.has(j)).length,
    heavyOutside: cols.filter((j) => !set.has(j)).length,
    set: indices.length,
  };
}
