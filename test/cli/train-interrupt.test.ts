/** Ctrl-C during `levattention train`, `eval` and `classify`: at once, in one line, with a checkpoint that is gone on from. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { foreignPngs } from '../../src/io/foreign-png.test-data.js';
import { BarsPlace, config } from './bars.js';
import { finished, interrupted } from './cli.js';

const place = new BarsPlace();
afterAll(() => place.remove());

/** Looks at the test images that take seconds, after the one step of a training. */
const look = { ...config, data: 'many', training: { ...config.training, images: 16, evaluations: 1 } };

beforeAll(() => {
  place.writeBars('many', 20_000, 3);
  place.writeJson('look.json', look);
});

test('an interrupt leaves a checkpoint and says so', async () => {
  place.writeJson('long.json', { ...config, training: { ...config.training, images: 1e9 } });
  const child = place.start(['train', 'long.json', '-o', 'long.safetensors']);
  const ended = finished(child);
  child.stdout!.once('data', () => child.kill('SIGINT'));
  const { code, stderr } = await ended;
  expect(code).toBe(130);
  expect(stderr).toMatch(
    /^levattention train: interrupted at step \d+ of 62500000: long.safetensors is there to go on from with --resume\n$/,
  );
  expect(place.files()).toContain('long.safetensors');
});

test('during the last look at the test images too, and the run that goes on ends with the same bytes', async () => {
  await place.printed('train', 'look.json', '-o', 'whole.safetensors', '--threads', '2');
  const whole = readFileSync(place.path('whole.safetensors'));
  for (const threads of ['1', '2']) {
    const output = `look${threads}.safetensors`;
    const args = ['train', 'look.json', '-o', output, '--threads', threads, '--save-every', '0.001'];
    const child = place.start(args);
    const ended = finished(child);
    await place.appeared(output, child);
    child.kill('SIGINT');
    const { code, stderr } = await ended;
    expect([code, stderr]).toEqual([
      130,
      `levattention train: interrupted at step 1 of 1: ${output} is there to go on from with --resume\n`,
    ]);
    await place.printed(...args, '--resume');
    expect(readFileSync(place.path(output)).equals(whole)).toBe(true);
  }
});

test('a step that takes long is left', async () => {
  const training = { ...config.training, images: 16_384, batch: 8192, chunk: 64 };
  place.writeJson('step.json', { ...config, training });
  const child = place.start(['train', 'step.json', '-o', 'step.safetensors']);
  const ended = finished(child);
  child.stdout!.once('data', () => child.kill('SIGINT'));
  const { code, stderr } = await ended;
  expect([code, stderr]).toEqual([
    130,
    'levattention train: interrupted at step 0 of 2: step.safetensors is there to go on from with --resume\n',
  ]);
});

test.each(['1', '2'])('eval on %s threads', async (threads) => {
  place.writeBars('more', 60_000, 5);
  await place.printed('train', 'config.json', '-o', `${threads}.safetensors`);
  const args = ['eval', `${threads}.safetensors`, '--data', 'more', '--threads', threads];
  expect(await interrupted(() => place.start(args))).toEqual({
    code: 130,
    stdout: '',
    stderr: 'levattention eval: interrupted, nothing was written\n',
  });
});

test('classify', async () => {
  place.write('grey.png', Buffer.from(foreignPngs[0].png, 'base64'));
  await place.printed('train', 'config.json', '-o', 'classes.safetensors');
  const pictures = new Array(60_000).fill('grey.png');
  expect(await interrupted(() => place.start(['classify', 'classes.safetensors', ...pictures]))).toEqual({
    code: 130,
    stdout: '',
    stderr: 'levattention classify: interrupted, nothing was written\n',
  });
});
