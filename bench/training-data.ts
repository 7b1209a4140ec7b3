/** The vision transformers whose training steps are timed: their first values, a batch of images, and what all engines must find in it. */
import { randomStream } from '../src/random.js';
import { tokensOf } from '../src/vit/config.js';
import { cutPatches } from '../src/vit/embedding.js';
import { type ImageSet, prepareImage } from '../src/vit/images.js';
import { type ParameterPart, parameterParts } from '../src/vit/parameters.js';
import { type Plan, trainingPlan } from '../src/vit/plan.js';
import { initialState } from '../src/vit/trainer.js';
import type { Check } from './results.js';

/** Images of so many pixels a side, in batches. */
export interface TrainingCase {
  readonly side: number;
  readonly batch: number;
}

/** n = 197 and n = 785. */
export const trainingCases: readonly TrainingCase[] = [
  { side: 28, batch: 32 },
  { side: 56, batch: 8 },
];

/** 37 tokens. */
export const quickTrainingCases: readonly TrainingCase[] = [{ side: 12, batch: 8 }];

/** Beyond what any run makes: the rate hardly moves. */
const STEPS = 1000;

/** Everything that a step needs. */
export interface TrainingData {
  readonly plan: Plan;
  readonly parts: readonly ParameterPart[];
  /** The first values, in one vector. */
  readonly parameters: Float32Array;
  /** The batch, which every step sees again: what the images show does not matter to time. */
  readonly set: ImageSet;
  /** [B, side, side] of it, as the model takes them. */
  readonly pixels: Float32Array;
  /** [B (n - 1), 4] of it. */
  readonly patches: Float32Array;
  /** [B, classes]: the smoothed labels. */
  readonly targets: Float32Array;
}

/** What the first step finds. */
export interface FirstStep {
  /** The mean over the batch. */
  readonly loss: number;
  /** Of the gradient. */
  readonly norm: number;
}

/** n. */
export function tokensOfCase({ side }: TrainingCase): number {
  return tokensOf(trainingPlan({ data: 'noise', model: { image: [side, side] } }).model);
}

/** Width 64, 4 blocks, 4 heads, MLP 256, and noise as images. */
export function trainingData({ side, batch }: TrainingCase): TrainingData {
  const training = { images: STEPS * batch, batch, chunk: Math.min(8, batch), warmup: STEPS, shift: 0 };
  const plan = trainingPlan({ data: 'noise', model: { image: [side, side] }, training });
  const { model } = plan;
  const random = randomStream(1);
  const set: ImageSet = {
    count: batch,
    channels: 1,
    height: side,
    width: side,
    pixels: Uint8Array.from({ length: batch * side * side }, () => random.uniform() * 256),
    labels: Uint8Array.from({ length: batch }, (_, i) => i % model.classes),
  };
  const parts = parameterParts(model);
  const { parameters } = initialState(plan);
  // A head of zeros would hide the rest of the gradient.
  const { start, end } = parts.find(({ name }) => name === 'head.weight')!;
  for (let i = start; i < end; i++) parameters[i] = random.normal() / Math.sqrt(model.width);
  const size = side * side;
  const pixels = new Float32Array(batch * size);
  for (let i = 0; i < batch; i++)
    prepareImage(set, i, model, plan.training, pixels.subarray(i * size, (i + 1) * size));
  const patches = new Float32Array(pixels.length);
  cutPatches(model, pixels, patches);
  const { smoothing } = plan.training;
  const targets = new Float32Array(batch * model.classes).fill(smoothing / model.classes);
  set.labels.forEach((label, i) => {
    targets[i * model.classes + label] += 1 - smoothing;
  });
  return { plan, parts, parameters, set, pixels, patches, targets };
}

/** Float32 in other orders of addition. */
const tolerance = 1e-3;

/** Whether two engines found the same. */
export function compareSteps(found: FirstStep, reference: FirstStep): Check {
  const errors = (['loss', 'norm'] as const).map((part) => Math.abs(found[part] / reference[part] - 1));
  const relative = Math.max(...errors);
  return {
    same: relative <= tolerance,
    text: `loss and gradient of the first step, within ${relative.toExponential(0)}`,
  };
}
