/** Models of others on the command line, with what config.json beside them tells. */
import { mkdirSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeSafetensors } from '../../src/io/index.js';
import { writeWeights } from '../../src/vit/checkpoint.js';
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

test('pixels are normalised, and images sized, as the files beside a model say', async () => {
  /** The loss of a model of our own that tells a plan with these. */
  async function own(training: object, image = model.image): Promise<number> {
    const plan = trainingPlan({ ...config, model: { ...model, image }, training });
    place.write('own.safetensors', writeWeights({ ...plan }, parameters, 'huggingface'));
    return JSON.parse(await place.printed('eval', 'own.safetensors', '--json')).loss;
  }
  async function loss(beside: object, pixels?: object): Promise<number> {
    if (pixels) place.writeJson('theirs/preprocessor_config.json', pixels);
    else rmSync(place.path('theirs/preprocessor_config.json'), { force: true });
    const { code, stdout, stderr } = await judged(
      JSON.stringify({ layer_norm_eps: 1e-6, ...beside }),
      '--heads',
      '2',
    );
    expect([code, stderr]).toEqual([0, '']);
    return JSON.parse(stdout).loss;
  }
  const usual = await own({});
  const other = await own({ mean: 0.2, std: 0.3 });
  expect(other).not.toBe(usual);
  expect(await loss({})).toBeCloseTo(usual, 10);
  expect(await loss({}, { image_mean: [0.2], image_std: [0.3], rescale_factor: 1 / 255 })).toBeCloseTo(
    other,
    10,
  );
  expect(await loss({ pretrained_cfg: { mean: [0.2], std: [0.3] } })).toBeCloseTo(other, 10);
  expect(await loss({ mean: [0.2], std: [0.3] })).toBeCloseTo(other, 10);
  const wrapped = { model_type: 'timm_wrapper', pretrained_cfg: { mean: [0.2], std: 0.3 } };
  expect(await loss(wrapped)).toBeCloseTo(other, 10);
  expect(await loss({}, { do_normalize: false, image_mean: [0.2] })).toBeCloseTo(
    await own({ mean: 0, std: 1 }),
    10,
  );
  const wide = await own({}, [4, 16]);
  expect(wide).not.toBe(usual);
  expect(await loss({ image_size: [4, 16] })).toBeCloseTo(wide, 10);
  expect(await loss({ pretrained_cfg: { input_size: [1, 4, 16] } })).toBeCloseTo(wide, 10);
  expect(await loss({ image_size: 8 })).toBeCloseTo(usual, 10);
  const resized = { model_args: { img_size: [4, 16] }, pretrained_cfg: { input_size: [1, 32, 32] } };
  expect(await loss(resized)).toBeCloseTo(wide, 10);
  expect(await loss({ pretrained_cfg: { input_size: [1, 32, 32] } })).toBeCloseTo(usual, 10);

  const refused = async (beside: object, pixels: object, message: string) => {
    place.writeJson('theirs/preprocessor_config.json', pixels);
    const { code, stderr } = await judged(JSON.stringify(beside), '--heads', '2');
    expect([code, stderr]).toEqual([1, `levattention eval: theirs/${message}\n`]);
  };
  await refused({}, { do_rescale: false }, 'preprocessor_config.json: do_rescale must be true, got false');
  await refused({}, { rescale_factor: 1 }, 'preprocessor_config.json: rescale_factor must be 1/255, got 1');
  const means = 'must be a number in [0, 1] for each channel';
  await refused(
    {},
    { image_mean: [123.675] },
    `preprocessor_config.json: image_mean ${means}, got [123.675]`,
  );
  await refused({ pretrained_cfg: { mean: 'x' } }, {}, `config.json: mean ${means}, got "x"`);
  await refused({ pretrained_cfg: [] }, {}, 'config.json: pretrained_cfg must be an object, got []');
  await refused(
    {},
    { do_normalize: 0 },
    'preprocessor_config.json: do_normalize must be true or false, got 0',
  );
  await refused(
    { num_attention_heads: '2' },
    {},
    'config.json: num_attention_heads must be a whole number, got "2"',
  );
  const long = `["${'x'.repeat(95)}...`;
  await refused({ hidden_act: ['x'.repeat(1e6)] }, {}, `config.json: hidden_act must be 'gelu', got ${long}`);
  const rule = 'must be a number in [0, 1], or a list with one for each channel, got [0.4,0.5,0.6]';
  await refused({}, { image_mean: [0.4, 0.5, 0.6] }, `model.safetensors: training: mean ${rule}`);
  const positions = 'positions must be those of an image of [16,16] in patches of 2, got 17 of them';
  await refused({ image_size: 16 }, {}, `model.safetensors: ${positions}`);
  rmSync(place.path('theirs/preprocessor_config.json'));
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
    [`{"hidden_act": ${'['.repeat(1e5)}${']'.repeat(1e5)}}`, 'hidden_act must be', '--heads', '2'],
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
