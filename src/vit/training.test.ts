/** Training: AdamW, rates and draws by themselves; a tiny run whose loss falls; a run that stopped and went on. */
import { expect, test } from 'vitest';
import { openTensors, writeSafetensors } from '../io/index.js';
import { randomStream } from '../random.js';
import { adamwStep, rateAt } from './adamw.js';
import { loadVit, writeCheckpoint, writeWeights } from './checkpoint.js';
import { type ImageSet, prepareImage } from './images.js';
import { namedTensors } from './names.js';
import { changesOf, ImageOrder } from './order.js';
import { looksOf, stepsOf, trainingPlan } from './plan.js';
import { evaluateVit, initialState, Trainer, type TrainingState } from './trainer.js';

/** Images of 6 x 6 with a bright bar, whose place is the label; noise elsewhere. */
function bars(count: number, seed: number): ImageSet {
  const random = randomStream(seed);
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 3);
  const pixels = Uint8Array.from({ length: count * 36 }, (_, at) => {
    const row = Math.floor(at / 6) % 6;
    const bright = Math.floor(row / 2) === labels[Math.floor(at / 36)];
    return Math.floor(random.uniform() * 100) + (bright ? 120 : 0);
  });
  return { count, channels: 1, height: 6, width: 6, pixels, labels };
}

const sets = { train: bars(60, 1), test: bars(30, 2) };

const plan = trainingPlan({
  data: 'bars',
  model: { image: [6, 6], patch: 2, width: 16, depth: 1, heads: 2, hidden: 32, classes: 3 },
  training: { images: 640, batch: 16, chunk: 5, rate: 1e-2, warmup: 3, shift: 0, evaluations: 2, seed: 4 },
});

/** Runs to the end, or for so many steps. */
async function train(
  state: TrainingState,
  steps = Number.POSITIVE_INFINITY,
  of = plan,
): Promise<TrainingState> {
  const trainer = new Trainer(of, sets, state);
  for (let i = 0; i < steps && !trainer.done; i++) {
    await trainer.step();
    if (trainer.evaluationDue) await trainer.evaluate();
  }
  await trainer.close();
  return trainer.state;
}

test('the loss falls, and the test images are told apart', async () => {
  const { history, step } = await train(initialState(plan));
  expect(step).toBe(40);
  expect(history.map(({ step }) => step)).toEqual([20, 40]);
  expect(history[1].testLoss).toBeLessThan(0.6 * Math.log(3));
  expect(history[1].testAccuracy).toBeGreaterThan(0.9);
  expect(history[1].trainLoss).toBeLessThan(history[0].trainLoss);
});

test('so does that of a model that sees selected keys only', async () => {
  const few = trainingPlan({ ...plan, attention: { keys: 5, select: 'leverage' } });
  const { history } = await train(initialState(few), undefined, few);
  expect(history[1].testAccuracy).toBeGreaterThan(0.9);
});

test('a run that stops at any step and goes on from its checkpoint ends with the same bytes', async () => {
  const whole = writeCheckpoint(plan, await train(initialState(plan)));
  for (const stop of [1, 7, 20]) {
    const checkpoint = writeCheckpoint(plan, await train(initialState(plan), stop));
    const { plan: same, state } = await loadVit(checkpoint);
    expect(same).toEqual(plan);
    expect(writeCheckpoint(plan, await train(state!))).toEqual(whole);
  }
});

test('weights come back under either naming, and judge as they did', async () => {
  const state = await train(initialState(plan), 5);
  const score = await evaluateVit(plan, state.parameters, sets.test);
  for (const naming of ['huggingface', 'timm'] as const) {
    // What is written here tells its plan; of another's file the tensors alone are left.
    const own = await loadVit(writeWeights(plan, state.parameters, naming));
    expect([own.plan, own.parameters, own.state]).toEqual([plan, state.parameters, undefined]);
    const bytes = writeSafetensors(namedTensors(plan.model, state.parameters, naming));
    const loaded = await loadVit(bytes, { heads: 2, epsilon: plan.model.epsilon });
    expect(loaded.plan.model).toEqual(plan.model);
    expect(loaded.parameters).toEqual(state.parameters);
    // In other chunks, so that the sum of losses is another one in its last bits.
    const again = await evaluateVit(loaded.plan, loaded.parameters, sets.test);
    expect(again.correct).toBe(score.correct);
    expect(again.loss).toBeCloseTo(score.loss, 10);
    await expect(loadVit(bytes)).rejects.toThrow('loadVit: the number of heads must be given');
  }
  const names = (await openTensors(writeWeights(plan, state.parameters, 'huggingface'))).names;
  expect(names).toContain('vit.encoder.layer.0.attention.attention.query.weight');
  expect(names).toContain('vit.embeddings.patch_embeddings.projection.bias');
});

test('damaged checkpoints are refused in one line', async () => {
  const bytes = writeCheckpoint(plan, initialState(plan));
  await expect(loadVit(bytes.subarray(0, bytes.length - 4))).rejects.toThrow(/^[^\n]*$/);
  const text = new TextDecoder('latin1').decode(bytes);
  const broken = (from: string, to: string) => {
    const at = text.indexOf(from);
    const copy = bytes.slice();
    copy.set(new TextEncoder().encode(to), at);
    return loadVit(copy);
  };
  await expect(broken('"classifier.bias', '"klassifier.bias')).rejects.toThrow(
    'loadVit: the file must hold the tensor classifier.bias',
  );
  await expect(broken('\\"step\\":0', '\\"step\\":x')).rejects.toThrow('those of a checkpoint');
  await expect(broken('\\"history\\":[]', '\\"history\\":{}')).rejects.toThrow('those of a checkpoint');
  for (const about of ['5', '[]', '{"state":{}}', '{"plan":{"data":"x"},"state":null}', '{"images":5}'])
    await expect(loadVit(writeSafetensors({}, { metadata: { levattention: about } }))).rejects.toThrow(
      /^loadVit: [^\n]*$/,
    );
  await expect(broken('\\"patch\\":2', '\\"patch\\":4')).rejects.toThrow('image must be a multiple of patch');
  const state = initialState(plan);
  state.parameters[3] = Number.NaN;
  await expect(loadVit(writeCheckpoint(plan, state))).rejects.toThrow(/must be finite, got NaN at 3/);
});

test('the state of no run of its plan is refused in one line', async () => {
  const state = await train(initialState(plan), 20);
  const steps = stepsOf(plan);
  const [look] = looksOf(plan);
  const evaluation = {
    step: look,
    images: look * plan.training.batch,
    trainLoss: 1,
    trainAccuracy: 0.5,
    testLoss: 1,
    testAccuracy: 0.5,
  };
  const refused = (changed: Partial<TrainingState>, rule: string) =>
    expect(loadVit(writeCheckpoint(plan, { ...state, ...changed }))).rejects.toThrow(`loadVit: ${rule}`);
  await refused({ step: 99 }, `the step must be at most ${steps}, got 99`);
  const rule = (step: number) => `the looks at the test images must be those of the first ${step} steps`;
  await refused({ step: look + 1, history: [] }, rule(look + 1));
  await refused({ step: look - 1, history: [evaluation] }, rule(look - 1));
  await refused({ step: look, history: [{ ...evaluation, trainLoss: 'boo' as never }] }, rule(look));
  await refused({ step: look, history: [{ ...evaluation, step: look - 1 }] }, rule(look));
  const second = state.second.slice();
  second[7] = -1;
  await refused({ second }, 'second moments must not be negative, got -1 at 7');
  for (const history of [[], [evaluation]])
    expect((await loadVit(writeCheckpoint(plan, { ...state, step: look, history }))).state?.history).toEqual(
      history,
    );
});

test('AdamW makes the steps of its formula', () => {
  const parts = [
    { name: 'w', shape: [2], start: 0, end: 2, decays: true, trained: true },
    { name: 'b', shape: [1], start: 2, end: 3, decays: false, trained: true },
    { name: 'p', shape: [1], start: 3, end: 4, decays: false, trained: false },
  ];
  const p = Float32Array.of(1, -2, 3, 4);
  const moments = { first: new Float32Array(4), second: new Float32Array(4) };
  const options = { rate: 0.1, beta1: 0.9, beta2: 0.99, decay: 0.5 };
  // The first step is the sign of the gradient times the rate, whatever its size; decay takes 5 % of weights.
  adamwStep(p, Float32Array.of(1e-3, -5, 2, 1), 2, moments, 1, options, parts);
  [0.95 - 0.1, -1.9 + 0.1, 2.9, 4].forEach((value, i) => {
    expect(p[i]).toBeCloseTo(value, 4);
  });
  // Second: m = 0.9 * 0.1 g + 0.1 g', v alike.
  adamwStep(p, Float32Array.of(0, 0, 1, 1), 2, moments, 2, options, parts);
  const m = (0.9 * 0.1 * 4 + 0.1 * 2) / (1 - 0.81);
  const v = (0.99 * 0.01 * 16 + 0.01 * 4) / (1 - 0.9801);
  expect(p[2]).toBeCloseTo(2.9 - (0.1 * m) / Math.sqrt(v), 4);
});

test('the rate rises in a line and falls along a cosine', () => {
  const rates = [0, 1, 2, 3, 4, 7, 10, 11].map((step) => rateAt(step, 1, 4, 11));
  const expected = [
    0.25,
    0.5,
    0.75,
    1,
    1,
    (1 + Math.cos((3 * Math.PI) / 7)) / 2,
    (1 + Math.cos((6 * Math.PI) / 7)) / 2,
    0,
  ];
  rates.forEach((rate, i) => {
    expect(rate).toBeCloseTo(expected[i], 12);
  });
  expect(rateAt(0, 1, 0, 5)).toBe(1);
});

test('each pass sees every image once, in another order; a step alone sees what it sees in the run', () => {
  const recipe = { ...plan.training, batch: 16, chunk: 5 };
  const order = new ImageOrder(recipe, 20);
  const all = Array.from({ length: 5 }, (_, step) =>
    [0, 1, 2, 3].flatMap((piece) => order.piece(step, piece)),
  ).flat();
  expect(all.map(({ number }) => number)).toEqual(Array.from({ length: 80 }, (_, i) => i));
  const indices = all.map(({ index }) => index);
  for (let pass = 0; pass < 4; pass++)
    expect(indices.slice(pass * 20, pass * 20 + 20).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 20 }, (_, i) => i),
    );
  expect(indices.slice(0, 20)).not.toEqual(indices.slice(20, 40));
  expect(new ImageOrder(recipe, 20).piece(3, 1)).toEqual(all.slice(53, 58));
});

test('images are moved, mirrored, enlarged and normalised', () => {
  const set: ImageSet = {
    count: 2,
    channels: 1,
    height: 2,
    width: 2,
    pixels: Uint8Array.of(9, 9, 9, 9, 0, 51, 102, 255),
    labels: Uint8Array.of(0, 1),
  };
  const normal = { mean: 0, std: 1 };
  const of = (size: number) => ({ ...plan.model, image: [size, size] as const });
  const plain = new Float32Array(4);
  prepareImage(set, 1, of(2), normal, plain);
  expect(plain).toEqual(Float32Array.of(0, 0.2, 0.4, 1));
  prepareImage(set, 1, of(2), { mean: 0.5, std: 0.25 }, plain);
  expect(plain).toEqual(Float32Array.of(-2, -1.2, -0.4, 2));
  const colours = new Float32Array(8);
  const both = { ...set, count: 1, channels: 2 };
  prepareImage(both, 0, of(2), { mean: [0, 0.5], std: [1, 0.25] }, colours);
  const nine = Math.fround(9 / 255);
  expect(colours).toEqual(Float32Array.of(nine, nine, nine, nine, -2, -1.2, -0.4, 2));
  const large = new Float32Array(16);
  prepareImage(set, 1, of(4), normal, large);
  // Corners stay; between centres it is a quarter and three quarters of the way.
  expect([0, 1, 2, 3].map((i) => large[i])).toEqual([0, 0.05, 0.15, 0.2].map(Math.fround));
  // Where it shrinks, as pillow 13 has it: Image.fromarray(a, mode='F').resize((width, height), Image.BILINEAR).
  const wide: ImageSet = {
    ...set,
    count: 1,
    height: 5,
    width: 7,
    pixels: Uint8Array.from({ length: 35 }, (_, at) => {
      const [i, j] = [Math.floor(at / 7), at % 7];
      return (7 * i * i + 31 * j + 5 * i * j) % 256;
    }),
  };
  for (const [image, expected] of [
    [
      [2, 3],
      [42.94805145, 119.40641785, 167.31169128, 107.51947784, 142.43315125, 120.14286041],
    ],
    [
      [7, 2],
      [
        49.02325439, 136.97674561, 57.54152679, 153.60133362, 72.1893692, 163.0730896, 92.83721161,
        155.58139038, 123.48505402, 141.07972717, 134.61793518, 119.82059479, 133.11627197, 99.20930481,
      ],
    ],
  ] as const) {
    const out = new Float32Array(expected.length);
    prepareImage(wide, 0, { ...plan.model, image }, normal, out);
    expected.forEach((value, i) => {
      expect(255 * out[i]).toBeCloseTo(value, 3);
    });
  }
  const seen = new Set<string>();
  for (let number = 0; number < 200; number++) {
    const random = changesOf(plan.training, number);
    prepareImage(set, 1, of(2), normal, plain, { augmentation: { shift: 1, flip: true }, random });
    seen.add(plain.join());
  }
  // Nine places, mirrored or not; two of them coincide where one pixel is left.
  expect(seen.size).toBeGreaterThan(12);
  expect(seen).toContain(Float32Array.of(0.2, 0, 1, 0.4).join());
  expect(seen).toContain(Float32Array.of(0, 0, 0, Math.fround(0.2)).join());
});

test('plans that cannot be meant are refused in one line', () => {
  const cases: [unknown, string][] = [
    [null, 'trainingPlan: must be an object, got null'],
    [{}, "trainingPlan: data must be 'fashion-mnist' or a folder, got undefined"],
    [{ data: 'x', modell: {} }, 'trainingPlan: must have no other names than data, model'],
    [
      { data: 'x', model: { width: 30 } },
      'trainingPlan: model: width must be a multiple of heads = 4, got 30',
    ],
    [{ data: 'x', model: { heads: 32 } }, 'model: width / heads must be a multiple of 4, got 2'],
    [{ data: 'x', model: { image: 28 } }, 'model: image must be [height, width], got 28'],
    [{ data: 'x', model: { depth: 0 } }, 'model: depth must be a whole number from 1 to 256, got 0'],
    [{ data: 'x', training: { rate: '1e-3' } }, 'training: rate must be a number in (0, 10], got "1e-3"'],
    [{ data: 'x', training: { beta2: 1 } }, 'beta1 and beta2 must be below 1'],
    [
      { data: 'x', model: { epsilon: 1e-300 } },
      'trainingPlan: model: epsilon must be in [1e-30, 1), got 1e-300',
    ],
    [
      { data: 'x', training: { std: 1e-300 } },
      'trainingPlan: training: std must be a number in [0.000001, 1000], or a list with one for each channel, got 1e-300',
    ],
    [{ data: 'x', training: { mean: [0.5, 0.5] } }, 'got [0.5,0.5]'],
    [{ data: 'x', attention: 'linear' }, "attention: must be 'softmax' or"],
    [{ data: 'x', attention: { keys: 0 } }, 'attention: keys must be a whole number'],
    [{ data: 'x', attention: { keys: 8, select: 'best' } }, 'the selector must be one of'],
  ];
  for (const [given, message] of cases) expect(() => trainingPlan(given)).toThrow(message);
  const labels = { ...sets, train: { ...sets.train, labels: new Uint8Array(60).fill(3) } };
  expect(() => new Trainer(plan, labels, initialState(plan))).toThrow(
    'train: the training labels must be below classes = 3, got 3 at 0',
  );
});
