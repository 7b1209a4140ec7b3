import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { inflateSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { readPng } from '../../src/io/png.js';
import { Workplace } from '../../test/cli/cli.js';
import { pngOf } from './draw.js';
import { drawings } from './shapes.js';

const fileOf = (name: string) => fileURLToPath(new URL(`${name}.png`, import.meta.url));
const names = Object.keys(drawings);
const pictureOf = (bytes: Uint8Array, name: string) => readPng(bytes, (packed) => inflateSync(packed), name);

describe('the pictures of clothes', () => {
  const place = new Workplace();
  afterAll(() => place.remove());

  it.each(names)('%s is what draw.ts draws', (name) => {
    expect(pictureOf(readFileSync(fileOf(name)), name)).toEqual(pictureOf(pngOf(drawings[name]), name));
  });

  const model = (name: string) =>
    fileURLToPath(new URL(`../../experiments/results/paper/${name}.safetensors`, import.meta.url));
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8').split('\n');
  it.each([
    ['all 197 keys', 'long-softmax'],
    ['32 by leverage, the rest dropped', 'long-softmax', '--keys', '32'],
    ['32 pairs, the rest as clusters', 'long-softmax', '--keys', '32', '--tail', 'clusters'],
    ['trained with 32 by leverage', 'long-leverage32'],
  ])('are taken for what the README says: %s', async (row, name, ...options) => {
    const args = ['classify', model(name), ...names.map(fileOf), '--top', '1', '--json', ...options];
    const { stdout } = await place.run(args);
    const cells = JSON.parse(stdout).map(({ classes }: { classes: { name: string }[] }, i: number) => {
      const taken = classes[0].name.toLowerCase().replace('/top', '');
      return taken === names[i].replace('-boot', ' boot') ? taken : `**${taken}**`;
    });
    expect(readme.map((line) => line.toLowerCase())).toContain(`| ${[row, ...cells].join(' | ')} |`);
  });

  it('are what the demo ends with', () => {
    const demo = fileURLToPath(new URL('../../scripts/demo.mjs', import.meta.url));
    const { status, stdout, stderr } = spawnSync(process.execPath, [demo, '-o', place.path('report.html')], {
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
    for (const name of names)
      expect(stdout).toMatch(new RegExp(`^examples/clothes/${name}\\.png +\\S.* \\d+\\.\\d %$`, 'm'));
    expect(place.files()).toContain('report.html');
  });
});
