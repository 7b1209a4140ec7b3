/** Plans that find room in memory, and those that do not. */
import { expect, test } from 'vitest';
import { initialParameters } from './parameters.js';
import { trainingPlan } from './plan.js';
import { checkRoom, chunkForLooks } from './room.js';
import { evaluateVit } from './trainer.js';

/** ViT-L/16 at 224 pixels: 304 million parameters. */
const large = { image: [224, 224], channels: 3, patch: 16, width: 1024, depth: 24, heads: 16, classes: 1000 };
const planOf = (model: object, training: object = {}) => trainingPlan({ data: 'x', model, training });

test('a training that does not fit is refused by what must be smaller', () => {
  const check = (model: object, training: object) => () => checkRoom(planOf(model, training), 'train');
  expect(check({}, { batch: 1024, chunk: 64 })).not.toThrow();
  expect(check(large, { chunk: 1 })).toThrow(
    /^train: batch \/ chunk must be smaller: the gradients of 128 pieces take 145\.\d GiB of 8\.0 GiB$/,
  );
  expect(check(large, { batch: 4, chunk: 4 })).not.toThrow();
  expect(check(large, { batch: 8, chunk: 8 })).toThrow(
    /^train: chunk must be smaller: the model, its gradients and 8 images at a time take \d\.\d GiB of 4\.0 GiB$/,
  );
  const square = { image: [2032, 2032], patch: 16, width: 1024, heads: 16, depth: 16 };
  expect(check(square, { batch: 1, chunk: 1 })).toThrow(/^train: the model must be smaller: /);
});

test('looks at a large model are at as few images as find room, at a small one as the plan says', () => {
  expect(chunkForLooks(planOf({}))).toBe(8);
  expect(chunkForLooks(planOf({}, { chunk: 100 }))).toBe(100);
  expect(chunkForLooks(planOf(large, { chunk: 64 }))).toBe(8);
});

test('a model is judged that has no room for as many images as the plan says', async () => {
  const model = { image: [64, 64], patch: 1, width: 4, heads: 1, hidden: 16_384, depth: 1, classes: 3 };
  const plan = planOf(model, { chunk: 64 });
  const pixels = new Uint8Array(64 * 64).fill(7);
  const set = { count: 1, channels: 1, height: 64, width: 64, pixels, labels: new Uint8Array(1) };
  const { loss } = await evaluateVit(plan, initialParameters(plan.model, 1), set);
  // First values guess nothing.
  expect(loss).toBeCloseTo(Math.log(3), 6);
});
