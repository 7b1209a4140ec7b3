import { describe, expect, it } from 'vitest';
import { fixture } from './fixtures.test-data.js';
import {
  openTensor,
  openTensors,
  parseReference,
  readTensor,
  writeNpy,
  writeNpz,
  writeSafetensors,
} from './index.js';

const one = { data: Float32Array.of(1, 2), shape: [1, 2] };
const two = { data: Float64Array.of(3, 4), shape: [2, 1] };

describe('parseReference', () => {
  it.each([
    ['keys.npy', 'keys.npy', undefined],
    ['a/b.safetensors#layer.0.k', 'a/b.safetensors', 'layer.0.k'],
    ['a.npz#x#y', 'a.npz', 'x#y'],
    ['a.npz#', 'a.npz', ''],
    ['a.NPZ#k', 'a.NPZ', 'k'],
    ['run#3/keys.npy', 'run#3/keys.npy', undefined],
    ['run#3/keys.npz#k', 'run#3/keys.npz', 'k'],
    ['a.npz#b.npy', 'a.npz', 'b.npy'],
    ['a.npz.bak#k', 'a.npz.bak', 'k'],
    ['tensors#k', 'tensors', 'k'],
    ['tensors#k#l', 'tensors', 'k#l'],
    ['tensors', 'tensors', undefined],
    ['', '', undefined],
    ['a.npz#line\nline', 'a.npz', 'line\nline'],
  ])('%s', (reference, file, name) => {
    expect(parseReference(reference)).toEqual(name === undefined ? { file } : { file, name });
  });
});

describe('openTensor', () => {
  const npz = writeNpz({ one, two });

  it('tells the format by the first bytes', async () => {
    const formats = [writeNpy(one), npz, writeNpz({}), writeSafetensors({ one }), fixture('npz deflated')];
    const found = await Promise.all(formats.map(async (bytes) => (await openTensors(bytes)).format));
    expect(found).toEqual(['npy', 'npz', 'npz', 'safetensors', 'npz']);
  });

  it('takes bytes, buffers and sources', async () => {
    const bytes = writeNpy(one);
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    const source = { byteLength: bytes.length, slice: bytes.slice.bind(bytes) };
    for (const file of [bytes, bytes.buffer, Buffer.from(bytes), shifted.subarray(1), source])
      expect(await readTensor(file)).toEqual(one);
  });

  it('opens the only tensor, or the one that is named', async () => {
    expect(await readTensor(writeNpz({ one }))).toEqual(one);
    expect(await readTensor(writeSafetensors({ two }))).toEqual(two);
    for (const bytes of [npz, writeSafetensors({ one, two })])
      expect(await readTensor(bytes, 'two')).toEqual(two);
    const named = await openTensor(npz, 'two');
    expect([named.name, named.dtype, named.shape]).toEqual(['two', '<f8', [2, 1]]);
  });

  it('lists the names where it is not clear which is meant', async () => {
    const file = (name: string, bytes: Uint8Array) => ({
      byteLength: bytes.length,
      name,
      slice: (start: number, end: number) => bytes.subarray(start, end),
    });
    await expect(openTensor(file('a.npz', npz))).rejects.toThrow(
      'npz: a.npz: choose one of 2 tensors with #NAME: "one", "two"',
    );
    await expect(openTensor(file('a.npz', npz), 'three')).rejects.toThrow(
      'npz: a.npz: there is no tensor "three", only "one", "two"',
    );
    await expect(openTensor(file('a.npy', writeNpy(one)), 'k')).rejects.toThrow(
      'npy: a.npy: the file is one array without a name, there is no "k"',
    );
    await expect(openTensor(writeSafetensors({}))).rejects.toThrow('safetensors: the file holds no tensor');
    const many = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`k${i}`, one]));
    await expect(openTensor(writeSafetensors(many))).rejects.toThrow(
      'choose one of 10 tensors with #NAME: "k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7" and 2 more',
    );
  });

  it('keeps what files are called from breaking or forging a line', async () => {
    const evil = 'a\n\u001b[31m\u202e\u2028"';
    await expect(openTensor(writeNpz({ [evil]: one, b: one }))).rejects.toThrow(
      'npz: choose one of 2 tensors with #NAME: "a\\u{a}\\u{1b}[31m\\u{202e}\\u{2028}"", "b"',
    );
    await expect(openTensor(writeSafetensors({ [`\n${'k'.repeat(1000)}`]: one, b: one }))).rejects.toThrow(
      `"\\u{a}${'k'.repeat(199)}...", "b"`,
    );
  });

  it.each([
    [new Uint8Array(0)],
    [new TextEncoder().encode('a picture of a cat')],
    [Uint8Array.of(0x50, 0x4b, 1, 2)],
  ])('refuses other files', async (bytes) => {
    await expect(openTensors(bytes)).rejects.toThrow('openTensors: not an .npy, .npz or .safetensors file');
  });

  it.each([
    [undefined],
    [null],
    ['keys.npy'],
    [{}],
    [{ byteLength: 3 }],
    [new Float32Array(3)],
  ])('refuses %j instead of bytes', async (file) => {
    await expect(openTensors(file as never)).rejects.toThrow(
      new TypeError('openTensors: needs a Uint8Array, an ArrayBuffer or a ByteSource'),
    );
  });

  it('reports a source that does not give what it is asked for', async () => {
    const source = { byteLength: 1000, name: 'a.npy', slice: () => new Uint8Array(3) };
    await expect(openTensors(source)).rejects.toThrow(
      'openTensors: a.npy: asked for bytes 0 to 9, the source gave 3 bytes',
    );
  });

  it('passes on what a source throws', async () => {
    const bytes = fixture('npz deflated');
    const source = {
      byteLength: bytes.length,
      slice(start: number, end: number) {
        if (start > 30 && start < 60) throw new Error('the disk is gone');
        return bytes.subarray(start, end);
      },
    };
    await expect(readTensor(source, 'k')).rejects.toThrow('the disk is gone');
  });
});
