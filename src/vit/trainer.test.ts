/** Steps of the training loop: shortened gradients, what is not trained, and steps whose numbers are none. */
import { expect, test } from 'vitest';
import { normOf } from './adamw.js';
import type { ImageSet } from './images.js';
import { initialParameters, parameterParts } from './parameters.js';
import { type Plan, trainingPlan } from './plan.js';
import { fillNormal } from './testing.js';
import { initialState, Trainer, type TrainingState } from './trainer.js';

const set: ImageSet = {
  count: 12,
  channels: 1,
  height: 4,
  width: 6,
  pixels: Uint8Array.from({ length: 12 * 24 }, (_, i) => (i * 67) % 256),
  labels: Uint8Array.from({ length: 12 }, (_, i) => i % 3),
};

const model = { image: [4, 6], patch: 2, width: 8, depth: 1, heads: 2, hidden: 16, classes: 3 };
const training = { images: 32, batch: 8, chunk: 4, rate: 1e-2, warmup: 0, shift: 0, evaluations: 1 };

/** Runs so many steps; gives the gradient of the last one too. */
async function stepped(
  plan: Plan,
  steps: number,
  from = initialState(plan),
  images = set,
): Promise<TrainingState & { readonly gradient: Float32Array }> {
  const trainer = new Trainer(plan, { train: images, test: images }, from);
  for (let i = 0; i < steps; i++) await trainer.step();
  return { ...trainer.state, gradient: trainer.total };
}

test('gradients longer than clip are shortened to it, others are left', async () => {
  const planOf = (clip: number) => trainingPlan({ data: 'x', model, training: { ...training, clip } });
  const state = initialState(planOf(1));
  fillNormal(state.parameters, 3, 0.3);
  const { gradient } = await stepped(planOf(1e9), 1, state);
  const norm = normOf(gradient);
  for (const [clip, factor] of [
    [2 * norm, 1],
    [norm / 4, 1 / 4],
    [norm / 1000, 1 / 1000],
  ]) {
    // The first moment after one step is (1 - beta1) of the gradient that was taken.
    const { first } = await stepped(planOf(clip), 1, state);
    expect(normOf(first)).toBeCloseTo(0.1 * Math.min(norm, clip), 6);
    gradient.forEach((value, i) => {
      expect(Math.abs(first[i] - 0.1 * factor * value)).toBeLessThan(1e-6 * factor * norm);
    });
  }
});

test('sincos2d positions stay as they are, all else is trained', async () => {
  const plan = trainingPlan({ data: 'x', model: { ...model, positions: 'sincos2d' }, training });
  const before = initialParameters(plan.model, 0);
  const { parameters, first, second } = await stepped(plan, 4);
  for (const { name, start, end } of parameterParts(plan.model)) {
    const moved = parameters.subarray(start, end).some((value, i) => value !== before[start + i]);
    const isFixed = name === 'pos_embed';
    expect([name, moved]).toEqual([name, !isFixed]);
    if (isFixed) for (const moment of [first, second]) expect(normOf(moment.subarray(start, end))).toBe(0);
  }
});

test('parameters that are no longer finite are refused', async () => {
  // Black images: these weights are multiplied by zero, and their decay makes them 99 times as large.
  const black = { ...set, pixels: new Uint8Array(set.pixels.length) };
  const wild = { ...training, rate: 10, decay: 10, mean: 0 };
  const plan = trainingPlan({ data: 'x', model, training: wild });
  const state = initialState(plan);
  const { start, end } = parameterParts(plan.model).find(({ name }) => name === 'patch_embed.proj.weight')!;
  state.parameters.fill(1e38, start, end);
  await expect(stepped(plan, 1, state, black)).rejects.toThrow(
    'train: the parameters must be finite, got norm Infinity at step 0; lower the rate or lengthen the warm-up',
  );
});
