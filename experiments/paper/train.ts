/** Trains one model to the end of its plan, from its last checkpoint where there is one, and leaves what others read of it. */
import { existsSync } from 'node:fs';
import { writeCheckpoint, writeWeights } from '../../src/vit/checkpoint.js';
import { firstOfSet } from '../../src/vit/images.js';
import { type AttentionChoice, attentionChoice } from '../../src/vit/operators.js';
import { type Plan, stepsOf, trainingPlan } from '../../src/vit/plan.js';
import {
  type Evaluation,
  evaluateVit,
  initialState,
  Trainer,
  type TrainingState,
} from '../../src/vit/trainer.js';
import { writeWhole } from '../cache.js';
import type { Artefact } from './artefact.js';
import { setsOf } from './data.js';
import type { Place } from './place.js';
import type { Run } from './run.js';
import { lookPath, selectionsOf, type Watched } from './selections.js';
import type { Geometry, Settings } from './settings.js';
import { checkpointPath, loadedFrom, weightsOf } from './weights.js';

/** What came of a training run. */
export interface Trained {
  /** Looks at the first test images. */
  readonly history: readonly Evaluation[];
  /** Of all test images that are to be judged, at the end. */
  readonly images: number;
  readonly accuracy: number;
  readonly loss: number;
}

/** A run that trains a model. */
export interface TrainingRun extends Run {
  readonly config: { readonly plan: Plan; readonly lookImages: number; readonly testImages: number | null };
  readonly tokens: number;
}

/** What a training run is told besides the settings. */
export interface Wanted {
  readonly geometry: Geometry;
  readonly attention: unknown;
  readonly seed: number;
  /** Whether its weights stay beside its result. */
  readonly keeps?: boolean;
  /** Whose choice of keys is followed through the training. */
  readonly watched?: Watched;
}

/** The run of a name. */
export function trainingRun(
  name: string,
  { data, model, recipe }: Settings,
  { geometry, attention, seed, keeps = false, watched }: Wanted,
): TrainingRun {
  const { image, images, looks, lookImages, testImages, tokens } = geometry;
  const plan = trainingPlan({
    data,
    model: { ...model, image },
    attention,
    training: { ...recipe, images, seed, evaluations: looks },
  });
  const leaves: Artefact[] = [];
  const run: TrainingRun = {
    name,
    config: { plan, lookImages, testImages },
    tokens,
    reads: [],
    leaves,
    seconds: secondsOf(geometry, plan.attention),
    async work(place) {
      const trained = await train(run, place, watched !== undefined);
      // Also where there are some: what lies there may be of a training with other code.
      for (const { file, make } of leaves)
        if (!(await make(place))) throw new Error(`${file}: cannot be made from ${place.path(run, '.')}`);
      return trained;
    },
  };
  if (keeps) leaves.push(weightsOf(run));
  if (watched) leaves.push(selectionsOf(run, watched));
  return run;
}

/** Looking costs a third of learning. */
function secondsOf(geometry: Geometry, attention: AttentionChoice): number {
  const { images, looks, lookImages, testImages, milliseconds } = geometry;
  const kind = attention === 'softmax' ? 'softmax' : attention.tail === 'drop' ? 'selected' : 'clusters';
  return ((images + (looks * lookImages + (testImages ?? 10_000)) / 3) * milliseconds[kind]) / 1000;
}

/** Where a run goes on: at its last checkpoint, unless that is damaged, or the weights of a look before it are wanted and gone. */
async function startOf(run: TrainingRun, place: Place, keepsLooks: boolean): Promise<TrainingState> {
  const { plan } = run.config;
  const state = (await loadedFrom(checkpointPath(run, place)))?.state;
  const isWhole =
    state && (!keepsLooks || state.history.every(({ step }) => existsSync(lookPath(run, place, step))));
  if (isWhole) return state;
  place.beginsAnew(run);
  return initialState(plan);
}

async function train(run: TrainingRun, place: Place, keepsLooks: boolean): Promise<Trained> {
  const { plan, lookImages, testImages } = run.config;
  const sets = setsOf(plan.data);
  const state = await startOf(run, place, keepsLooks);
  const trainer = new Trainer(plan, { ...sets, test: firstOfSet(sets.test, lookImages) }, state);
  const { batch } = plan.training;
  const total = stepsOf(plan) * batch;
  let saved = performance.now();
  const save = () => {
    writeWhole(checkpointPath(run, place), writeCheckpoint(plan, trainer.state));
    saved = performance.now();
  };
  while (!trainer.done || trainer.evaluationDue) {
    if (trainer.evaluationDue) {
      const { step } = await trainer.evaluate();
      if (keepsLooks) {
        const { parameters } = trainer.state;
        writeWhole(lookPath(run, place, step), writeWeights(plan, parameters, 'huggingface'));
      }
      save();
      continue;
    }
    const { loss, correct } = await trainer.step();
    const share = (sum: number) => (sum / batch).toFixed(2);
    const note = `loss ${share(loss)}, accuracy ${share(correct)}`;
    place.report({ done: trainer.stepsDone * batch, total, note });
    if (performance.now() - saved > place.saveEvery) save();
  }
  await trainer.close();
  const test = firstOfSet(sets.test, testImages);
  const { history, parameters } = trainer.state;
  const { loss, correct } = await evaluateVit(plan, parameters, test);
  return { history, images: test.count, accuracy: correct / test.count, loss: loss / test.count };
}

/** The plan of a run with another attention. */
export function withAttention({ config: { plan } }: TrainingRun, attention: unknown): Plan {
  return { ...plan, attention: attentionChoice(attention) };
}
