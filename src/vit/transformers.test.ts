/** A vision transformer of Hugging Face's transformers: the same logits and gradients from its file (fixtures/make-vit-fixture.py). */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readTensor } from '../io/index.js';
import { loadVit, writeWeights } from './checkpoint.js';
import { crossEntropy } from './loss.js';
import { namedTensors } from './names.js';
import { attentionOperator } from './operators.js';
import { Vit } from './vit.js';

const file = readFileSync(new URL('fixtures/transformers-vit.safetensors', import.meta.url));

/** The numbers of a tensor of the fixture. */
const numbers = async (name: string) => Array.from((await readTensor(file, name)).data);

test('logits and gradients agree within 1e-4', async () => {
  const { plan, parameters } = await loadVit(file, { heads: 2 });
  expect(plan.model).toMatchObject({
    image: [6, 6],
    channels: 3,
    patch: 2,
    width: 16,
    depth: 2,
    hidden: 24,
    classes: 5,
    epsilon: 1e-12,
  });
  const vit = new Vit(plan.model, attentionOperator('softmax', 0), 3);
  vit.parameters.set(parameters);
  const logits = vit.forward(Float32Array.from(await numbers('images')), [0, 1, 2]);
  const expected = await numbers('logits');
  expected.forEach((value, i) => {
    expect(Math.abs(logits[i] - value)).toBeLessThan(1e-4);
  });
  const dLogits = logits.slice();
  crossEntropy(logits, [4, 0, 2], 0.1, dLogits, 1 / 3);
  vit.backward(dLogits);
  const gradients = namedTensors(plan.model, Float32Array.from(vit.gradients), 'huggingface', 'gradient.');
  const checked = [
    'vit.embeddings.cls_token',
    'vit.embeddings.position_embeddings',
    'vit.embeddings.patch_embeddings.projection.weight',
    'vit.encoder.layer.0.attention.attention.key.weight',
    'vit.encoder.layer.0.layernorm_before.weight',
    'vit.encoder.layer.1.intermediate.dense.weight',
    'classifier.bias',
  ];
  for (const name of checked) {
    const theirs = await numbers(`gradient.${name}`);
    const { data } = gradients[`gradient.${name}`];
    const off = theirs.reduce((most, value, i) => Math.max(most, Math.abs(value - Number(data[i]))), 0);
    expect([name, off < 1e-4, theirs.length]).toEqual([name, true, data.length]);
    expect([name, theirs.some((value) => Math.abs(value) > 1e-3)]).toEqual([name, true]);
  }
});

test('what is written has the tensors that were read', async () => {
  const { plan, parameters } = await loadVit(file, { heads: 2 });
  const written = writeWeights(plan, parameters, 'huggingface');
  for (const name of Object.keys(namedTensors(plan.model, parameters, 'huggingface')))
    expect(await readTensor(written, name)).toEqual(await readTensor(file, name));
});
