/** Whose images a model of `levattention train` is of: recorded with it, judged by, and gone on with. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeSafetensors } from '../../src/io/index.js';
import { loadVit, writeCheckpoint } from '../../src/vit/checkpoint.js';
import { namedTensors } from '../../src/vit/names.js';
import { BarsPlace, config } from './bars.js';

const place = new BarsPlace();
afterAll(() => place.remove());

const dataOf = async (name: string) => (await loadVit(readFileSync(place.path(name)))).plan.data;
const resumed = (name: string, ...more: string[]) =>
  place.run(['train', 'config.json', '-o', name, '--resume', ...more]);

beforeAll(async () => {
  place.writeBars('other', 12, 7);
  place.writeBars('copy', 12, 7);
  const args = ['train', 'config.json', '--data', 'other'];
  await place.printed(...args, '-o', 'other.safetensors', '--weights', 'weights.safetensors');
});

test('--data is what the model tells, and what it is judged on', async () => {
  for (const name of ['other.safetensors', 'weights.safetensors']) {
    expect(await dataOf(name)).toBe('other');
    expect(JSON.parse(await place.printed('eval', name, '--json')).images).toBe(12);
  }
});

test('--data stands for that of a configuration that names none', async () => {
  place.writeJson('bare.json', { ...config, data: undefined });
  await place.printed('train', 'bare.json', '--data', 'other', '-o', 'bare.safetensors');
  expect(readFileSync(place.path('bare.safetensors'))).toEqual(readFileSync(place.path('other.safetensors')));
});

test('a run does not go on with other images, by whatever path', async () => {
  const before = readFileSync(place.path('other.safetensors'));
  place.writeBars('fewer', 11, 7);
  for (const [more, now] of [
    [[], '.'],
    [['--data', 'fewer'], 'fewer'],
  ] as const)
    expect(await resumed('other.safetensors', ...more)).toEqual({
      code: 1,
      stdout: '',
      stderr: `levattention train: other.safetensors: is the checkpoint of a run on other images, those of 'other', not of '${now}'\n`,
    });
  // A folder whose files have been exchanged.
  place.writeBars('changing', 12, 7);
  await place.printed('train', 'config.json', '--data', 'changing', '-o', 'changing.safetensors');
  place.writeBars('changing', 12, 9);
  expect((await resumed('changing.safetensors', '--data', 'changing')).stderr).toContain(
    "those of 'changing' as they were",
  );
  expect(readFileSync(place.path('other.safetensors')).equals(before)).toBe(true);
});

test('the same images by another path are gone on with', async () => {
  const args = ['train', 'config.json', '--data', 'other', '-o', 'moved.safetensors'];
  await place.printed(...args);
  expect((await resumed('moved.safetensors', '--data', 'copy')).code).toBe(0);
  expect(await dataOf('moved.safetensors')).toBe('copy');
});

test('a checkpoint that does not tell its images is gone on with, and judged', async () => {
  const { plan, state } = await loadVit(readFileSync(place.path('other.safetensors')));
  place.write('silent.safetensors', writeCheckpoint(plan, state!));
  expect(JSON.parse(await place.printed('eval', 'silent.safetensors', '--json')).images).toBe(12);
  expect((await resumed('silent.safetensors', '--data', 'other')).code).toBe(0);
  expect(readFileSync(place.path('silent.safetensors'))).toEqual(
    readFileSync(place.path('other.safetensors')),
  );
});

test('weights that do not tell their data are judged on those that are named, whatever their folder is called', async () => {
  place.writeBars('none', 12, 7);
  const { plan, parameters } = await loadVit(readFileSync(place.path('other.safetensors')));
  place.write('foreign.safetensors', writeSafetensors(namedTensors(plan.model, parameters, 'timm')));
  const args = ['eval', 'foreign.safetensors', '--heads', '2', '--json'];
  expect((await place.run(args)).stderr).toBe(
    'levattention eval: foreign.safetensors: does not tell its data: name them with --data\n',
  );
  expect(JSON.parse(await place.printed(...args, '--data', 'none')).images).toBe(12);
  await place.printed('train', 'config.json', '--data', 'none', '-o', 'none.safetensors');
  expect(JSON.parse(await place.printed('eval', 'none.safetensors', '--json')).images).toBe(12);
});
