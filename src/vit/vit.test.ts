/** The whole model: gradients against differences, float32 against float64, images alone and together. */
import { expect, test } from 'vitest';
import { vitShape } from './config.js';
import { crossEntropy } from './loss.js';
import { initialParameters, parameterParts } from './parameters.js';
import { fillNormal, gradientError, plainAttention } from './testing.js';
import { Vit } from './vit.js';

const shape = vitShape({
  image: [4, 6],
  channels: 1,
  patch: 2,
  width: 8,
  depth: 2,
  heads: 2,
  hidden: 16,
  classes: 3,
});

function model(type: 'float32' | 'float64', images = 3): Vit {
  const vit = new Vit(shape, plainAttention, images, { type });
  vit.parameters.set(fillNormal(vit.parameters.slice(), 5, 0.4));
  return vit;
}

const images = fillNormal(new Float64Array(3 * 24), 1);
const labels = [0, 2, 1];

test('the gradients of all parameters', () => {
  const vit = model('float64');
  const dLogits = new Float64Array(9);
  const loss = () => crossEntropy(vit.forward(images, [0, 1, 2]), labels, 0.1).loss;
  crossEntropy(vit.forward(images, [0, 1, 2]), labels, 0.1, dLogits);
  vit.backward(dLogits);
  for (const { name, start, end } of parameterParts(shape)) {
    const error = gradientError(
      vit.parameters.subarray(start, end),
      vit.gradients.subarray(start, end),
      loss,
    );
    expect([name, error < 1e-6]).toEqual([name, true]);
  }
});

test('float32 on the kernels agrees with float64', () => {
  const [single, double] = (['float32', 'float64'] as const).map((type) => {
    const vit = model(type);
    vit.parameters.set(Float32Array.from(vit.parameters));
    const logits = vit.forward(Float32Array.from(images), [0, 1, 2]).slice();
    const dLogits = logits.slice();
    crossEntropy(logits, labels, 0, dLogits);
    vit.backward(dLogits);
    return { logits, gradients: vit.gradients };
  });
  for (let i = 0; i < 9; i++) expect(Math.abs(single.logits[i] - double.logits[i])).toBeLessThan(1e-5);
  for (let i = 0; i < single.gradients.length; i++)
    expect(Math.abs(single.gradients[i] - double.gradients[i])).toBeLessThan(1e-5);
});

test('an image alone gives what it gives among others, and gradients add up', () => {
  const together = model('float32');
  const alone = model('float32');
  const all = together.forward(images, [0, 1, 2]).slice();
  together.backward(all);
  for (let i = 0; i < 3; i++) {
    const own = alone.forward(images.subarray(i * 24, (i + 1) * 24), [i]);
    expect(Array.from(own)).toEqual(Array.from(all.subarray(i * 3, (i + 1) * 3)));
    alone.backward(own.slice());
  }
  for (let i = 0; i < alone.gradients.length; i++)
    expect(alone.gradients[i]).toBeCloseTo(together.gradients[i], 4);
  expect(() => alone.forward(images, [0])).toThrow('Vit.forward: images must be 1 to 3 of 24 numbers');
});

test('first values: the same for a seed, in their ranges, the head zero', () => {
  const [first, again, other] = [1, 1, 2].map((seed) => initialParameters(shape, seed));
  expect(first).toEqual(again);
  expect(first).not.toEqual(other);
  for (const { name, start, end } of parameterParts(shape)) {
    const part = first.subarray(start, end);
    if (name.startsWith('head') || name.endsWith('bias') || name === 'cls_token')
      expect([name, part.every((value) => value === 0)]).toEqual([name, true]);
    else expect([name, part.every((value) => Math.abs(value) < 3)]).toEqual([name, true]);
  }
});

test('a model that does not learn goes forward alike, and not backward', () => {
  const learner = model('float32');
  const reader = new Vit(shape, plainAttention, 3, { learns: false });
  reader.parameters.set(learner.parameters);
  const pixels = Float32Array.from(images);
  expect(reader.forward(pixels, [0, 1, 2]).slice()).toEqual(learner.forward(pixels, [0, 1, 2]).slice());
  expect(() => reader.backward(new Float32Array(9))).toThrow(
    'Vit.backward: the model must be one that learns',
  );
});
