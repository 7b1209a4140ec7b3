/**
 * Experiment 2: how good is a softmax-trained model that, untouched, may look at only k keys of each head?
 *
 * The longer run with every selector and every tail that stores pairs; the runs of the training experiment, of which there are three seeds, with the selectors that
 * are trained with; at n = 785 with leverage. The same test images throughout, the model's own accuracy on them beside.
 *
 * Costs twenty minutes on two cores (2.8 GHz) once the models are trained. Expect: with keys dropped, accuracy falls far below softmax at 16 and 32 keys, whatever the choice; clusters lose least.
 */
import { selectorNames } from '../../src/attention/selectors/index.js';
import { firstOfSet } from '../../src/vit/images.js';
import { evaluateVit } from '../../src/vit/trainer.js';
import { contentOf } from './artefact.js';
import { setsOf } from './data.js';
import type { Place } from './place.js';
import type { Experiment, Run } from './run.js';
import type { Settings } from './settings.js';
import { type TrainingRun, withAttention } from './train.js';
import { weightsOf } from './weights.js';

/** Beside each selector: nothing, a weighted sample of the rest, its mean, or clusters of it. */
const TAILS = ['drop', 'sample', 'mean', 'clusters:exact=0.25,by=selector,euclidean'];

/** The selectors of the models of which there are several seeds. */
export const SWAPPED = ['leverage', 'leverage-centred', 'squared-norm', 'random'];

/** Clusters with the tail's own choice of what is exact. */
export const DEFAULT_CLUSTERS = 'clusters';

/** Accuracy with one selector, tail and number of keys. */
export interface Swapped {
  readonly tail: string;
  readonly keys: number;
  readonly accuracy: number;
}

/** Result of a run. */
export interface Swap {
  readonly images: number;
  /** With all keys, on the same images. */
  readonly softmax: number;
  readonly cells: readonly Swapped[];
}

/** A model and what is asked of it. */
export interface Asked {
  readonly model: TrainingRun;
  readonly select: string;
  readonly tails: readonly string[];
  readonly keys: readonly number[];
  readonly images: number;
}

/** The name of a run. */
export const swapName = (model: string, select: string) => `swap-${model}-${select.replace(':', '')}`;

/** The experiment: `full` with everything, `others` with the selectors that are trained with, `large` with leverage alone. */
export function swap(
  { keys, common }: Settings,
  full: TrainingRun,
  others: readonly TrainingRun[],
  large: TrainingRun,
  images: number,
): Experiment {
  const asked: Asked[] = [
    ...others.flatMap((model) =>
      SWAPPED.map((select) => ({ model, select, tails: ['drop'], keys, images: 2 * images })),
    ),
    ...selectorNames.map((select) => ({ model: full, select, tails: TAILS, keys, images })),
    { model: full, select: DEFAULT_CLUSTERS, tails: ['clusters'], keys, images },
    {
      model: large,
      select: 'leverage',
      tails: ['drop'],
      keys: keys.filter((k) => k >= common),
      images: Math.ceil(images / 2),
    },
  ];
  return { name: 'swap', runs: asked.map(swapRun) };
}

function swapRun(asked: Asked): Run {
  const { model, select, tails, keys, images } = asked;
  const run: Run = {
    name: swapName(model.name, select),
    config: { model: model.config, select, tails, keys, images },
    reads: [weightsOf(model)],
    seconds: images * (1 + tails.length * keys.length) * (model.tokens / 197) * 0.008,
    work: (place) => work(run, asked, place),
  };
  return run;
}

async function work(run: Run, { model, select, tails, keys, images }: Asked, place: Place): Promise<Swap> {
  const { plan } = model.config;
  const parameters = await contentOf(weightsOf(model), place);
  const test = firstOfSet(setsOf(plan.data).test, images);
  const parts = place.parts<number>(run);
  const cells = tails.flatMap((tail) => keys.map((count) => ({ tail, keys: count })));
  const total = (cells.length + 1) * images;
  const accuracy = (name: string, attention: unknown, before: number) =>
    parts.get(name, async () => {
      const tell = (done: number) => place.report({ done: before * images + done, total });
      const { correct } = await evaluateVit(withAttention(model, attention), parameters, test, 1, tell);
      return correct / test.count;
    });
  const softmax = await accuracy('softmax', 'softmax', 0);
  const swapped: Swapped[] = [];
  for (const [i, { tail, keys: count }] of cells.entries()) {
    const attention = { keys: count, tail, ...(select !== DEFAULT_CLUSTERS && { select }) };
    swapped.push({ tail, keys: count, accuracy: await accuracy(`${tail} ${count}`, attention, i + 1) });
  }
  return { images, softmax, cells: swapped };
}
