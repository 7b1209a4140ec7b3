/**
 * Experiment 1: where does the attention of softmax-trained models lie, and what do few keys lose of it?
 *
 * Per layer and head, means over test images: the error of the output and the mass that the top k keys keep, for every selector, and the error with
 * what stands in for the others; how many scores reach epsilon, how many keys they are of, and how many of these keys lie in the universal set
 * U of |x|^2 at the same epsilon. U holds every score of |<q,k>|^2 by theorem, which is counted too; of softmax nothing is promised.
 *
 * Costs a minute on two cores (2.8 GHz) once the models are trained. Expect: attention is spread over many keys, so that few keys of any choice lose much; where scores are large, U holds
 * most of their keys because it holds most keys (up to 16 / epsilon of them).
 */
import { compareAttention } from '../../src/attention/compare.js';
import { levAttention } from '../../src/attention/lev-attention.js';
import { selectorNames } from '../../src/attention/selectors/index.js';
import { matrixOver } from '../../src/keys.js';
import { universalSet } from '../../src/universal-set/universal-set.js';
import type { HeadsOfImage } from '../../src/vit/operator.js';
import { contentOf } from './artefact.js';
import { setsOf } from './data.js';
import type { Place } from './place.js';
import type { Experiment, Run } from './run.js';
import type { Settings } from './settings.js';
import type { TrainingRun } from './train.js';
import { watch } from './watch.js';
import { weightsOf } from './weights.js';

/** Thresholds of large scores. */
const EPSILONS = [0.05, 0.1, 0.2];

/** Images of a part that is kept as it comes. */
const CHUNK = 8;

/** A selector with a tail. */
export interface Choice {
  readonly select?: string;
  readonly tail: string;
}

/** Every selector alone, and what may stand in for the rest. */
export const CHOICES: readonly Choice[] = [
  ...selectorNames.map((select) => ({ select, tail: 'drop' })),
  { select: 'leverage', tail: 'mean' },
  { select: 'leverage-centred', tail: 'mean' },
  { select: 'random', tail: 'sample:exact=0' },
  { tail: 'clusters' },
];

/** `leverage`, `leverage + mean`, `clusters`. */
export function choiceName({ select, tail }: Choice): string {
  if (select === undefined) return tail;
  return tail === 'drop' ? select : `${select} + ${tail}`;
}

/** What k keys lose in one head. */
export interface Loss {
  readonly choice: string;
  readonly keys: number;
  readonly error: number;
  /** On the keys that are stored as they are. */
  readonly mass: number;
}

/** Large scores of one head, means over images. */
export interface Large {
  readonly epsilon: number;
  /** Softmax scores >= epsilon, the keys that they are of, and how many of these are in U. */
  readonly scores: number;
  readonly keys: number;
  readonly inSet: number;
  /** |U|. */
  readonly set: number;
  /** Scores of |<q,k>|^2 >= epsilon, and how many are of keys outside U. */
  readonly squares: number;
  readonly squaresOutside: number;
}

/** One head of one layer. */
export interface HeadStructure {
  readonly layer: number;
  readonly head: number;
  /** exp(entropy) of a row of scores: over how many keys it is spread. */
  readonly spread: number;
  readonly losses: readonly Loss[];
  readonly large: readonly Large[];
}

/** Keys of large softmax scores on one image, over all heads: how many, how many in U, and how many a random set as large would hold. */
export interface LargeKeys {
  readonly keys: number;
  readonly inSet: number;
  readonly chance: number;
}

/** Result of a run. */
export interface Structure {
  readonly images: number;
  readonly tokens: number;
  readonly heads: readonly HeadStructure[];
  /** [image][epsilon]. */
  readonly largeKeys: readonly (readonly LargeKeys[])[];
}

/** Some images: means of the heads, and each image's keys of large scores. */
type Part = Pick<Structure, 'heads' | 'largeKeys'>;

/** The experiment on softmax-trained models. */
export function structure(
  settings: Settings,
  models: readonly { run: TrainingRun; images: number }[],
): Experiment {
  const { keys } = settings;
  const runs = models.map(({ run: model, images }): Run => {
    const run: Run = {
      name: `structure-${model.name}`,
      config: {
        model: model.config,
        keys,
        choices: CHOICES,
        epsilons: EPSILONS,
        images,
        largeKeys: 'by image',
      },
      reads: [weightsOf(model)],
      seconds: (images * model.tokens) / 197,
      work: (place) => work(run, model, images, keys, place),
    };
    return run;
  });
  return { name: 'structure', runs };
}

async function work(
  run: Run,
  model: TrainingRun,
  images: number,
  keys: readonly number[],
  place: Place,
): Promise<Structure> {
  const { plan } = model.config;
  const layersOf = watch(plan, await contentOf(weightsOf(model), place), setsOf(plan.data).test);
  const parts = place.parts<Part>(run);
  const all: (readonly HeadStructure[])[] = [];
  const largeKeys: (readonly LargeKeys[])[] = [];
  for (let start = 0; start < images; start += CHUNK) {
    const count = Math.min(CHUNK, images - start);
    const part = await parts.get(String(start), () => {
      const each = Array.from({ length: count }, (_, i) =>
        layersOf(start + i).flatMap((layer) => headsOf(layer, keys)),
      );
      return { heads: meanOf(each), largeKeys: each.map((heads) => largeKeysOf(heads, model.tokens)) };
    });
    for (let i = 0; i < count; i++) all.push(part.heads);
    largeKeys.push(...part.largeKeys);
    place.report({ done: start + count, total: images });
    // Lets the process hear that it is to end.
    await new Promise(setImmediate);
  }
  return { images, tokens: model.tokens, heads: meanOf(all), largeKeys };
}

/** Sums over the heads of one image. */
function largeKeysOf(heads: readonly HeadStructure[], tokens: number): LargeKeys[] {
  return EPSILONS.map((_, e) => {
    const sum = (figure: (large: Large) => number) =>
      heads.reduce((total, { large }) => total + figure(large[e]), 0);
    return {
      keys: sum(({ keys }) => keys),
      inSet: sum(({ inSet }) => inSet),
      chance: sum(({ keys, set }) => (keys * set) / tokens),
    };
  });
}

/** All heads of a layer on one image. */
function headsOf(asked: HeadsOfImage, keys: readonly number[]): HeadStructure[] {
  const { heads, tokens, headDim, layer, seed } = asked;
  const shape = [1, heads, tokens, headDim];
  const [q, k, v] = [asked.q, asked.k, asked.v].map((data) => ({ data, shape }));
  const cells = CHOICES.flatMap((choice) => keys.map((count) => ({ choice, count })));
  const results = cells.map(({ choice, count }) =>
    levAttention(q, k, v, { ...choice, keys: count, always: [0], seed }),
  );
  const losses = compareAttention(q, k, v, results);
  return Array.from({ length: heads }, (_, head) => ({
    layer,
    head,
    ...scoresOf(asked, head),
    losses: cells.map(({ choice, count }, i) => {
      const { error, mass } = losses[i][head];
      return { choice: choiceName(choice), keys: count, error, mass };
    }),
  }));
}

/** The spread of the scores, and how large ones lie. */
function scoresOf(
  { q, k, tokens: n, headDim: d }: HeadsOfImage,
  head: number,
): Pick<HeadStructure, 'spread' | 'large'> {
  const keys = matrixOver(k, n, d, head * n * d);
  const sets = EPSILONS.map((epsilon) => new Set(universalSet(keys, { epsilon }).indices));
  const found = EPSILONS.map(() => ({ scores: 0, keys: new Set<number>(), squares: 0, squaresOutside: 0 }));
  let spread = 0;
  const weights = new Float64Array(n);
  const squares = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let sum = 0;
    let squareSum = 0;
    for (let j = 0; j < n; j++) {
      let dot = 0;
      for (let c = 0; c < d; c++) dot += q[(head * n + i) * d + c] * k[(head * n + j) * d + c];
      squareSum += squares[j] = dot * dot;
      sum += weights[j] = Math.exp(dot / Math.sqrt(d));
    }
    let entropy = 0;
    for (let j = 0; j < n; j++) {
      const score = weights[j] / sum;
      if (score > 0) entropy -= score * Math.log(score);
      EPSILONS.forEach((epsilon, e) => {
        if (score >= epsilon) {
          found[e].scores++;
          found[e].keys.add(j);
        }
        if (squares[j] / squareSum >= epsilon) {
          found[e].squares++;
          if (!sets[e].has(j)) found[e].squaresOutside++;
        }
      });
    }
    spread += Math.exp(entropy) / n;
  }
  const large = EPSILONS.map((epsilon, e) => ({
    epsilon,
    scores: found[e].scores,
    keys: found[e].keys.size,
    inSet: [...found[e].keys].filter((j) => sets[e].has(j)).length,
    set: sets[e].size,
    squares: found[e].squares,
    squaresOutside: found[e].squaresOutside,
  }));
  return { spread, large };
}

/** The mean of everything that is a number, names and places being the same. */
function meanOf(images: readonly (readonly HeadStructure[])[]): HeadStructure[] {
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  return images[0].map((first, h) => ({
    ...first,
    spread: mean(images.map((heads) => heads[h].spread)),
    losses: first.losses.map((loss, i) => ({
      ...loss,
      error: mean(images.map((heads) => heads[h].losses[i].error)),
      mass: mean(images.map((heads) => heads[h].losses[i].mass)),
    })),
    large: first.large.map((large, e) => {
      const of = (name: Exclude<keyof Large, 'epsilon'>) =>
        mean(images.map((heads) => heads[h].large[e][name]));
      const names = ['scores', 'keys', 'inSet', 'set', 'squares', 'squaresOutside'] as const;
      return { ...large, ...Object.fromEntries(names.map((name) => [name, of(name)])) };
    }),
  }));
}
