/** Trains one model to the end of its plan, from its last checkpoint where there is one, and keeps the weights of every look at the test images. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadVit, writeCheckpoint, writeWeights } from '../../src/vit/checkpoint.js';
import { firstOfSet } from '../../src/vit/images.js';
import { type AttentionChoice, attentionChoice } from '../../src/vit/operators.js';
import { looksOf, type Plan, stepsOf, trainingPlan } from '../../src/vit/plan.js';
import { type Evaluation, evaluateVit, initialState, Trainer } from '../../src/vit/trainer.js';
import { writeWhole } from '../cache.js';
import { setsOf } from './data.js';
import type { Place } from './place.js';
import type { Run } from './run.js';
import type { Geometry, Settings } from './settings.js';

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
  /** Whether the checkpoint of its end stays beside the results. */
  readonly keeps: boolean;
}

/** What a training run is told besides the settings. */
export interface Wanted {
  readonly geometry: Geometry;
  readonly attention: unknown;
  readonly seed: number;
  readonly keeps?: boolean;
}

/** The run of a name. */
export function trainingRun(
  name: string,
  { data, model, recipe }: Settings,
  { geometry, attention, seed, keeps = false }: Wanted,
): TrainingRun {
  const { image, images, looks, lookImages, testImages } = geometry;
  const plan = trainingPlan({
    data,
    model: { ...model, image },
    attention,
    training: { ...recipe, images, seed, evaluations: looks },
  });
  const run: TrainingRun = {
    name,
    config: { plan, lookImages, testImages },
    tokens: geometry.tokens,
    keeps,
    models: [],
    trains: true,
    seconds: secondsOf(geometry, plan.attention),
    async work(place) {
      const trained = await train(run, place);
      if (keeps) writeWhole(keptFile(run, place), readFileSync(place.path(run, CHECKPOINT)));
      return trained;
    },
  };
  return run;
}

const CHECKPOINT = 'checkpoint.safetensors';

/** Looking costs a third of learning. */
function secondsOf(geometry: Geometry, attention: AttentionChoice): number {
  const { images, looks, lookImages, testImages, milliseconds } = geometry;
  const kind = attention === 'softmax' ? 'softmax' : attention.tail === 'drop' ? 'selected' : 'clusters';
  return ((images + (looks * lookImages + (testImages ?? 10_000)) / 3) * milliseconds[kind]) / 1000;
}

async function train(run: TrainingRun, place: Place): Promise<Trained> {
  const { plan, lookImages, testImages } = run.config;
  const path = place.path(run, CHECKPOINT);
  const state = existsSync(path) ? (await loadVit(readFileSync(path))).state! : initialState(plan);
  const sets = setsOf(plan.data);
  const trainer = new Trainer(plan, { ...sets, test: firstOfSet(sets.test, lookImages) }, state);
  const { batch } = plan.training;
  const total = stepsOf(plan) * batch;
  let saved = performance.now();
  const save = () => {
    writeWhole(path, writeCheckpoint(plan, trainer.state));
    saved = performance.now();
  };
  while (!trainer.done || trainer.evaluationDue) {
    if (trainer.evaluationDue) {
      const { step } = await trainer.evaluate();
      const { parameters } = trainer.state;
      writeWhole(place.path(run, lookFile(step)), writeWeights(plan, parameters, 'huggingface'));
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

const lookFile = (step: number) => `step-${String(step).padStart(6, '0')}.safetensors`;

/** The checkpoint of runs that keep theirs. */
const keptFile = ({ name }: Run, { results }: Place) => join(results, `${name}.safetensors`);

/** The parameters after a look, the last one unless another is named. */
export async function weightsOf(
  run: TrainingRun,
  place: Place,
  step = looksOf(run.config.plan).at(-1)!,
): Promise<Float32Array> {
  const { heads, epsilon } = run.config.plan.model;
  const cached = place.path(run, lookFile(step));
  const path = existsSync(cached) ? cached : keptFile(run, place);
  return (await loadVit(readFileSync(path), { heads, epsilon })).parameters;
}

/** Whether the weights that others read are there: those of all looks, or the last ones of a run that keeps them. */
export function hasWeights(run: TrainingRun, place: Place): boolean {
  return (
    looksOf(run.config.plan).every((step) => existsSync(place.path(run, lookFile(step)))) ||
    (run.keeps && existsSync(keptFile(run, place)))
  );
}

/** The plan of a run with another attention. */
export function withAttention({ config: { plan } }: TrainingRun, attention: unknown): Plan {
  return { ...plan, attention: attentionChoice(attention) };
}
