/** Models of others on the command line, with what config.json beside them tells. */
import { mkdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeSafetensors } from '../../src/io/index.js';
import { namedTensors } from '../../src/vit/names.js';
import { parameterCount } from '../../src/vit/parameters.js';
import { trainingPlan } from '../../src/vit/plan.js';
import { fillNormal } from '../../src/vit/testing.js';
import { BarsPlace, config } from './bars.js';

const place = new BarsPlace();
afterAll(() => place.remove());

const { model } = trainingPlan(config);
const parameters = fillNormal(new Float32Array(parameterCount(model)), 3, 0.3) as Float32Array;
const tensors = namedTensors(model, parameters, 'huggingface');

beforeAll(() => {
  mkdirSync(place.path('theirs'));
  place.write('theirs/model.safetensors', writeSafetensors(tensors));
});

/** What eval makes of the model with this beside it. */
function judged(beside: string, ...more: string[]) {
  place.write('theirs/config.json', beside);
  return place.run(['eval', 'theirs/model.safetensors', '--data', '.', '--json', ...more]);
}

test('the epsilon of config.json is used, whoever tells the heads', async () => {
  const loss = async (beside: object, ...more: string[]) => {
    const { code, stdout, stderr } = await judged(JSON.stringify(beside), ...more);
    expect([code, stderr]).toEqual([0, '']);
    return JSON.parse(stdout).loss;
  };
  const told = await loss({ num_attention_heads: 2, layer_norm_eps: 0.5, hidden_act: 'gelu' });
  expect(await loss({ layer_norm_eps: 0.5 }, '--heads', '2')).toBe(told);
  expect(await loss({ num_attention_heads: 2, layer_norm_eps: 0.5 }, '--heads', '2')).toBe(told);
  expect(await loss({ model_type: 'vit_msn', num_attention_heads: 2, layer_norm_eps: 0.5 })).toBe(told);
  const plain = await loss({ num_attention_heads: 2, hidden_act: null });
  expect(plain).not.toBe(told);
  // What lies there for another model does not count.
  const other = { model_type: 'llama', num_attention_heads: 8, layer_norm_eps: 0.5, hidden_act: 'silu' };
  expect(await loss(other, '--heads', '2')).toBe(await loss({}, '--heads', '2'));
});

test('what another model is told by is refused in one line', async () => {
  place.write(
    'theirs/scaled.safetensors',
    writeSafetensors({
      ...tensors,
      'vit.encoder.layer.1.layer_scale1.lambda1': { data: new Float32Array(16), shape: [16] },
    }),
  );
  const heads = '"num_attention_heads": 2';
  const cases: [string, string, ...string[]][] = [
    ['{}', 'theirs/model.safetensors: the number of heads must be given, the tensors do not tell it'],
    ['{', 'theirs/config.json: no JSON: '],
    [`{${heads}}`, 'theirs/model.safetensors: heads are 2, --heads says 4', '--heads', '4'],
    [`{${heads}, "hidden_act": "relu"}`, `theirs/config.json: hidden_act must be 'gelu', got "relu"`],
    ['{"hidden_act": "gelu_new"}', `hidden_act must be 'gelu', got "gelu_new"`, '--heads', '2'],
    ['{"global_pool": "avg"}', `global_pool must be 'token', got "avg"`, '--heads', '2'],
  ];
  for (const [beside, message, ...more] of cases) {
    const { code, stdout, stderr } = await judged(beside, ...more);
    expect([beside, code, stdout]).toEqual([beside, 1, '']);
    expect(stderr).toMatch(/^levattention eval: [^\n]*\n$/);
    expect(stderr).toContain(message);
  }
  place.write('theirs/config.json', '{}');
  expect(await place.run(['eval', 'theirs/scaled.safetensors', '--data', '.', '--heads', '2'])).toEqual({
    code: 1,
    stdout: '',
    stderr:
      'levattention eval: theirs/scaled.safetensors: the model must have no tensor ' +
      'vit.encoder.layer.1.layer_scale1.lambda1, which a plain vision transformer does not have\n',
  });
});

test('a model of our own needs no config.json, whatever lies beside it', async () => {
  place.writeJson('short.json', { ...config, training: { ...config.training, images: 16, evaluations: 1 } });
  await place.printed('train', 'short.json', '-o', 'theirs/own.safetensors');
  for (const beside of ['{', '{"num_attention_heads": 8, "hidden_act": "relu"}']) {
    place.write('theirs/config.json', beside);
    expect(await place.printed('eval', 'theirs/own.safetensors')).toMatch(/^softmax: accuracy/);
  }
});
