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

  it('are taken for what they are, but for the coat', async () => {
    const model = fileURLToPath(
      new URL('../../experiments/results/paper/long-softmax.safetensors', import.meta.url),
    );
    const { stdout } = await place.run(['classify', model, ...names.map(fileOf), '--top', '1', '--json']);
    const taken = JSON.parse(stdout).map(({ classes }: { classes: { name: string }[] }) => classes[0].name);
    expect(taken).toEqual([
      'T-shirt/top',
      'Trouser',
      'Pullover',
      'Dress',
      'Shirt',
      'Sandal',
      'Shirt',
      'Sneaker',
      'Bag',
      'Ankle boot',
    ]);
  });
});
