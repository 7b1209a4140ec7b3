/**
 * Experiment 4: does training settle on the same keys?
 *
 * For models trained with k keys by leverage, by squared norm, and with softmax (whose keys leverage is asked about), on fixed test images and at every look
 * of the training: the overlap of the keys chosen at one look and the next, and with those of the final model; and of the final models of different
 * seeds, each head with its best match in the same layer, the matching being found on other images than the overlap. The class token,
 * which is always kept, does not count; two random choices share (k - 1) / (n - 1), and what a head of the final model chooses of one image and of the next
 * tells how much of its choice is of places that it always looks at. Keeps what `paper-patches.svg` shows: which patches of some images are selected.
 *
 * Costs seconds once the models are trained. Expect: far above chance between looks and with the final model, as rates fall to zero; above chance across seeds, for the
 * same patches of an image tend to be outstanding.
 */

import type { ImageSet } from '../../src/vit/images.js';
import { looksOf } from '../../src/vit/plan.js';
import { contentOf } from './artefact.js';
import { setsOf } from './data.js';
import type { Experiment, Run } from './run.js';
import { type Selections, selectionsOf } from './selections.js';
import type { Settings } from './settings.js';
import type { TrainingRun } from './train.js';

/** Of one training run: shares of the keys, by look. */
export interface Settling {
  readonly seed: number;
  /** Images seen before each look. */
  readonly images: readonly number[];
  /** Overlap of a look with the one before, from the second look on, and with the last one. */
  readonly withBefore: readonly number[];
  readonly withLast: readonly number[];
  /** The same by layer. */
  readonly withLastByLayer: readonly (readonly number[])[];
}

/** A picture and how many heads select each of its patches, by look and layer. */
export interface Picture {
  readonly image: number;
  readonly label: number;
  readonly pixels: readonly number[];
  readonly looks: readonly { readonly images: number; readonly counts: readonly (readonly number[])[] }[];
}

/** Result of a run. */
export interface Stability {
  readonly images: number;
  readonly keys: number;
  readonly heads: number;
  readonly size: readonly [height: number, width: number];
  /** What two random choices share. */
  readonly chance: number;
  readonly runs: readonly Settling[];
  /** Mean over pairs of seeds, heads matched; by layer. Absent with one seed. */
  readonly acrossSeeds?: readonly number[];
  /** What a head of the final models chooses alike in one image and the next. */
  readonly otherImages: number;
  /** Of the first seed. */
  readonly pictures: readonly Picture[];
}

/** What is compared. */
const OVERLAPS = ['looks', 'seeds', 'next image'];

/** Models of several seeds, and whose choice of keys was followed. */
export interface Followed {
  readonly name: string;
  readonly models: readonly TrainingRun[];
  readonly select: string;
}

/** The experiment; of the images the first `pictures` are shown as well. */
export function stability({ common, images }: Settings, followed: readonly Followed[]): Experiment {
  const watched = { keys: common, images: images.stability };
  const runs = followed.map(({ name, models, select }): Run => {
    const reads = models.map((model) => selectionsOf(model, { ...watched, select }));
    const { pictures } = images;
    return {
      name: `stability-${name}`,
      config: {
        models: models.map(({ config }) => config),
        select,
        ...watched,
        pictures,
        overlaps: OVERLAPS,
      },
      reads,
      seconds: models.length,
      async work(place) {
        const bySeed: Selections[][] = [];
        for (const artefact of reads) {
          bySeed.push(await contentOf(artefact, place));
          place.report({ done: bySeed.length, total: reads.length });
        }
        return compared(models, bySeed, common, pictures);
      },
    };
  });
  return { name: 'stability', runs };
}

function compared(
  models: readonly TrainingRun[],
  bySeed: readonly Selections[][],
  keys: number,
  pictures: number,
): Stability {
  const [{ config, tokens }] = models;
  const { plan } = config;
  const { test } = setsOf(plan.data);
  const looks = looksOf(plan);
  const { model, training } = plan;
  const last = bySeed.map((found) => found.at(-1)!);
  return {
    images: last[0].length,
    keys,
    heads: model.heads,
    size: [model.image[0] / model.patch, model.image[1] / model.patch],
    chance: (keys - 1) / (tokens - 1),
    runs: models.map((each, m) => ({
      seed: each.config.plan.training.seed,
      images: looks.map((step) => step * training.batch),
      withBefore: looks.slice(1).map((_, l) => meanOf(overlaps(bySeed[m][l], bySeed[m][l + 1]))),
      withLast: bySeed[m].map((each) => meanOf(overlaps(each, last[m]))),
      withLastByLayer: bySeed[m].map((each) => overlaps(each, last[m])),
    })),
    otherImages: meanOf(last.map((each) => meanOf(overlaps(each, nextImages(each))))),
    ...(models.length > 1 && { acrossSeeds: acrossSeeds(last) }),
    pictures: Array.from({ length: pictures }, (_, i) =>
      pictureOf(test, i, looks, training.batch, tokens, bySeed[0]),
    ),
  };
}

/** The selections of the next image, in the place of each. */
const nextImages = (all: Selections): Selections => [...all.slice(1), all[0]];

/** Share of keys in common. */
function shared(a: readonly number[], b: readonly number[]): number {
  const set = new Set(a);
  return b.filter((j) => set.has(j)).length / b.length;
}

/** Mean overlap by layer, head by head. */
function overlaps(a: Selections, b: Selections): number[] {
  return a[0].map((_, layer) =>
    meanOf(a.flatMap((image, i) => image[layer].map((keys, head) => shared(keys, b[i][layer][head])))),
  );
}

/** By layer: the mean over pairs of seeds of the overlap of matched heads. Matched on images of even number, measured on the others. */
function acrossSeeds(last: readonly Selections[]): number[] {
  const pairs = last.flatMap((a, i) => last.slice(i + 1).map((b) => [a, b] as const));
  return last[0][0].map((layers, layer) => {
    const orders = permutations(layers.length);
    return meanOf(
      pairs.map(([a, b]) => {
        const overlap = (order: readonly number[], parity: number) =>
          meanOf(
            a.flatMap((image, i) =>
              i % 2 === parity
                ? image[layer].map((keys, head) => shared(keys, b[i][layer][order[head]]))
                : [],
            ),
          );
        const best = orders.reduce((x, y) => (overlap(y, 0) > overlap(x, 0) ? y : x));
        return overlap(best, 1);
      }),
    );
  });
}

function permutations(count: number): number[][] {
  if (count === 0) return [[]];
  return permutations(count - 1).flatMap((rest) =>
    Array.from({ length: count }, (_, at) => [...rest.slice(0, at), count - 1, ...rest.slice(at)]),
  );
}

function pictureOf(
  { pixels, labels, height, width }: ImageSet,
  image: number,
  looks: readonly number[],
  batch: number,
  tokens: number,
  found: readonly Selections[],
): Picture {
  const size = height * width;
  return {
    image,
    label: labels[image],
    pixels: Array.from(pixels.subarray(image * size, (image + 1) * size)),
    looks: looks.map((step, l) => ({
      images: step * batch,
      counts: found[l][image].map((heads) => {
        const counts: number[] = new Array(tokens - 1).fill(0);
        for (const keys of heads) for (const j of keys) counts[j - 1]++;
        return counts;
      }),
    })),
  };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
