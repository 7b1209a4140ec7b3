import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { exactAttention } from '../../src/index.js';
import { openTensors, readTensor } from '../../src/io/index.js';
import { sharedData } from '../../test/data.js';
import { CAPTURE, capture, headsFirst } from './capture.js';
import { loadStories } from './load.js';
import { forward } from './model.js';

const file = readFileSync(CAPTURE);
const folder = sharedData('stories260K');

describe('the capture', () => {
  it('holds q, k and v of five layers for 509 tokens', async () => {
    const { names } = await openTensors(file);
    expect(names.toSorted()).toEqual(
      [0, 1, 2, 3, 4].flatMap((l) => ['k', 'q', 'v'].map((name) => `layer${l}.${name}`)),
    );
    for (const name of names) {
      const { data, shape } = await readTensor(file, name);
      expect(shape).toEqual([1, name.endsWith('q') ? 8 : 4, 509, 8]);
      expect(data).toBeInstanceOf(Float32Array);
      expect(data.every(Number.isFinite)).toBe(true);
      expect(new Set(data).size).toBeGreaterThan(data.length / 10);
    }
  });

  it('says what it is, and of which text', async () => {
    const { metadata } = await openTensors(file);
    const text = readFileSync(new URL('story.txt', import.meta.url), 'utf8').trimEnd();
    expect(metadata.get('text')).toBe(text);
    expect(metadata.get('licence')).toContain('MIT');
    expect(metadata.get('model')).toContain('karpathy/tinyllamas');
    const pieces: string[] = JSON.parse(metadata.get('tokens') ?? '[]');
    expect(pieces).toHaveLength(509);
    expect(pieces.slice(1).join('').replaceAll('<0x0A>', '\n')).toBe(` ${text}`);
  });

  it.skipIf(!folder)('is what the model computes, byte for byte', () => {
    expect(Buffer.compare(capture(folder as string), file)).toBe(0);
  });

  it.skipIf(!folder)('gives in exactAttention what the model attends to, in each layer', async () => {
    const { model, tokenizer } = loadStories(folder as string);
    const { metadata } = await openTensors(file);
    const { attention } = forward(model, tokenizer.encode(metadata.get('text') ?? ''));
    expect(attention).toHaveLength(5);
    for (const [l, { out }] of attention.entries()) {
      const [q, k, v] = await Promise.all(
        ['q', 'k', 'v'].map((name) => readTensor(file, `layer${l}.${name}`)),
      );
      const { data, shape } = exactAttention(q, k, v, { mask: 'causal' });
      const own = headsFirst(out, 8, 8);
      expect(shape).toEqual(own.shape);
      const error = own.data.reduce((worst, value, i) => Math.max(worst, Math.abs(value - data[i])), 0);
      expect(error).toBeLessThan(1e-5);
    }
  });
});

describe('headsFirst', () => {
  it('puts the rows of each head together', () => {
    // [n = 2, heads = 3, d = 2]
    const rows = Float32Array.of(0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121);
    expect(headsFirst(rows, 3, 2)).toEqual({
      data: Float32Array.of(0, 1, 100, 101, 10, 11, 110, 111, 20, 21, 120, 121),
      shape: [1, 3, 2, 2],
    });
  });
});

describe('the scripts', () => {
  const script = (name: string, ...args: string[]) =>
    spawnSync(process.execPath, ['--import', 'tsx', fileURLToPath(new URL(name, import.meta.url)), ...args], {
      encoding: 'utf8',
    });

  it.each([
    'capture.ts',
    'tell.ts',
  ])('%s asks for the folder, and says in one line what is wrong with it', (name) => {
    const usage = script(name);
    expect(usage.status).toBe(2);
    expect(usage.stderr).toMatch(/^usage: .*FOLDER.*\n$/);
    const wrong = script(name, 'no-such-folder');
    expect(wrong.status).toBe(1);
    expect(wrong.stderr).toMatch(/^Error: ENOENT.*\n$/);
    expect(Buffer.compare(readFileSync(CAPTURE), file)).toBe(0);
  });

  it.skipIf(!folder)('tell.ts tells', () => {
    const { stdout } = script('tell.ts', folder as string, 'Tim had a red boat', '3');
    expect(stdout).toMatch(/^Tim had a red boat.{200,}\n$/s);
  });
});
