import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FaultyEnd, type FaultyMember, faultyZip } from './faulty-zip.test-data.js';
import { fixture } from './fixtures.test-data.js';
import { FormatError, openTensor, openTensors, readTensor, writeNpy, writeNpz } from './index.js';

const x = Float64Array.of(0, -1.5, 2 ** -24, 65504, Number.POSITIVE_INFINITY, -0);
const data = writeNpy({ data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] });
const zeros = writeNpy({ data: new Float32Array(1 << 16), shape: [1 << 10, 1 << 6] });

function deflated(data: Uint8Array) {
  return { data, packed: deflateRawSync(data), method: 8 };
}

describe('files of NumPy', () => {
  it('reads stored members', async () => {
    const file = await openTensors(fixture('npz stored'));
    expect([file.format, file.names]).toEqual(['npz', ['k', 'ids']]);
    expect((await file.open('k')).read()).toEqual({ data: x, shape: [2, 3] });
    expect((await file.open('ids')).dtype).toBe('<i8');
    const ids = await file.open('ids');
    expect(() => ids.read()).toThrow('npz#ids: cannot read numbers of type "<i8", only floating-point ones');
  });

  it('reads deflated members', async () => {
    const file = await openTensors(fixture('npz deflated'));
    expect((await file.open('k')).read()).toEqual({ data: x, shape: [2, 3] });
    expect((await file.open('q')).read()).toEqual({ data: new Float32Array(200), shape: [50, 4] });
  });
});

it('writes what it reads, for any names and several types', async () => {
  const unit = fc.constantFrom('a', '1', '"', '#', '/', '\n', ' ', 'é', '\u{1f600}', '__proto__', '\0');
  const names = fc.string({ unit, maxLength: 8 }).filter((name) => name !== '__proto__');
  const arrays = fc.dictionary(names, fc.array(fc.float({ noNaN: true }), { maxLength: 6 }), { maxKeys: 5 });
  await fc.assert(
    fc.asyncProperty(arrays, fc.constantFrom('F32', 'F64', undefined), async (numbers, dtype) => {
      const entries = Object.entries(numbers).map(
        ([name, list]) => [name, { data: Float32Array.from(list), shape: [1, list.length] }] as const,
      );
      const file = await openTensors(writeNpz(Object.fromEntries(entries), { dtype }));
      expect(file.names).toEqual(entries.map(([name]) => name));
      for (const [name, { data, shape }] of entries) {
        const expected = dtype === 'F64' ? Float64Array.from(data) : data;
        expect((await file.open(name)).read()).toEqual({ data: expected, shape });
      }
    }),
    { numRuns: 50 },
  );
});

it('refuses to write names that no reader should take', () => {
  const array = { data: new Float32Array(1), shape: [1, 1] };
  expect(() => writeNpz({ ['__proto__']: array })).toThrow('writeNpz: the name "__proto__" is not allowed');
  expect(() => writeNpz({ '\ud800': array })).toThrow('is not Unicode text');
  expect(() => writeNpz({ k: { data: new Float32Array(1), shape: [2] } })).toThrow(
    'writeNpz: k: shape [2] needs 2 numbers, data has 1',
  );
  expect(() => writeNpz({ ['k'.repeat(70000)]: array })).toThrow(
    'writeNpz: a name of 70004 bytes is too long',
  );
  const many = Object.fromEntries(Array.from({ length: 65535 }, (_, i) => [`${i}`, array]));
  expect(() => writeNpz(many)).toThrow('writeNpz: 65535 arrays are more than');
});

describe('reads archives', () => {
  const members: readonly FaultyMember[] = [
    { name: 'folder/', data: new Uint8Array(0) },
    { name: 'read me.txt', data: Uint8Array.of(1) },
    { name: 'folder/k.npy', data },
    { name: 'é.npy', ...deflated(data) },
    { name: 'zeros.npy', ...deflated(zeros) },
  ];

  it.each<[string, FaultyEnd]>([
    ['plain', {}],
    ['with a comment', { comment: `PK\x05\x06${'\0'.repeat(18)}is not the end` }],
    ['with a zip64 end', { zip64: true }],
  ])('%s', async (_, end) => {
    for (const zip64 of [false, true]) {
      const file = await openTensors(
        faultyZip(
          members.map((member) => ({ ...member, zip64 })),
          end,
        ),
      );
      expect(file.names).toEqual(['folder/k', 'é', 'zeros']);
      for (const name of ['folder/k', 'é'])
        expect((await file.open(name)).read().data).toEqual(Float32Array.of(1, 2, 3, 4));
      expect((await file.open('zeros')).matrix().rows(1000, 1024)).toEqual(new Float32Array(24 * 64));
    }
  });

  it('that are empty', async () => {
    const file = await openTensors(faultyZip([]));
    expect(file.names).toEqual([]);
    await expect(file.open()).rejects.toThrow('npz: the file holds no tensor');
  });

  it('block by block where members are stored', async () => {
    const bytes = writeNpz({
      k: { data: Float32Array.from({ length: 6400 }, (_, i) => i), shape: [100, 64] },
    });
    let most = 0;
    const source = {
      byteLength: bytes.length,
      name: 'k.npz',
      slice(start: number, end: number) {
        most = Math.max(most, end - start);
        return bytes.subarray(start, end);
      },
    };
    const matrix = (await openTensor(source)).matrix();
    most = 0;
    expect(matrix.rows(99, 100)[63]).toBe(6399);
    expect(most).toBe(256);
  });
});

describe('refuses archives', () => {
  it.each<[string, FaultyEnd]>([
    ['the file ends without a zip directory', { comment: 'x'.repeat(65536) }],
    ['the zip directory is damaged at entry 2 of 2', { entries: 2 }],
    ['the zip directory has 51 bytes after its 0 entries', { entries: 0 }],
    ['the zip directory is damaged at entry 1 of 1', { directoryStart: 0 }],
    ['lies outside the file', { directoryStart: 0xfffffff0 }],
    ['lies outside the file', { directorySize: 0xfffffff0 }],
    ['the zip directory is damaged at entry 1 of 1', { directorySize: 10 }],
    ['the zip directory ends within entry 1 of 1', { directorySize: 46 }],
    ['the zip archive is split over several files', { disk: 1 }],
    ['the zip archive is split over several files', { disk: 1, zip64: true }],
    ['the zip64 record at byte 1000000 lies outside the file', { zip64: true, recordPlace: 1e6 }],
    ['there is no zip64 record at byte 3', { zip64: true, recordPlace: 3 }],
    ['the zip directory has the size or place', { zip64: true, directorySize: 2 ** 64 - 2048 }],
    ['lies outside the file', { zip64: true, directoryStart: 2 ** 53 - 1 }],
  ])('whose end is wrong: %s', async (message, end) => {
    await expect(openTensors(faultyZip([{ name: 'k.npy', data: new Uint8Array(0) }], end))).rejects.toThrow(
      expect.objectContaining({ name: 'FormatError', message: expect.stringContaining(message) }),
    );
  });

  it.each<[string, Partial<FaultyMember>]>([
    ['does not fit before the zip directory', { packedSize: 10000 }],
    ['does not fit before the zip directory', { start: 10000 }],
    ['the zip directory has the size or place', { zip64: true, start: 2 ** 60 }],
    ['the zip directory lacks a 64-bit size or place', { zip64: true, extra: new Uint8Array(0) }],
    [
      'the zip directory lacks a 64-bit size or place',
      { zip64: true, extra: Uint8Array.of(1, 0, 2, 0, 9, 9) },
    ],
    [
      'the zip directory lacks a 64-bit size or place',
      { zip64: true, extra: Uint8Array.of(1, 0, 255, 255, 9, 9) },
    ],
    ['a name that is not UTF-8', { nameBytes: Uint8Array.of(0xff, 0x2e) }],
    ['the name "__proto__" is not allowed', { name: '__proto__.npy' }],
  ])('whose directory is wrong: %s', async (message, fault) => {
    await expect(openTensors(faultyZip([{ name: 'k.npy', data, ...fault }]))).rejects.toThrow(message);
  });

  it('whose directory would fill the memory', async () => {
    const end = faultyZip([], { directorySize: 2 ** 31 });
    const source = {
      byteLength: 2 ** 31 + end.length,
      name: 'k.npz',
      slice: (from: number, to: number) =>
        Uint8Array.from({ length: to - from }, (_, i) => end[from + i - 2 ** 31] ?? 0),
    };
    await expect(openTensors(source)).rejects.toThrow(
      'npz: k.npz: the zip directory has 2147483648 bytes, the most is 67108864',
    );
  });

  it('with a name twice', async () => {
    const member = { name: 'k.npy', data };
    await expect(openTensors(faultyZip([member, member]))).rejects.toThrow(
      'npz: the zip directory has "k.npy" twice',
    );
  });

  it.each<[string, Partial<FaultyMember>]>([
    ['the member is encrypted', { flags: 1 }],
    ['the member is encrypted', { flags: 0x40 }],
    ['the member is encrypted', { flags: 0x2000 }],
    ['zip method 12 is neither stored nor deflated', { method: 12 }],
    ['there is no zip member at byte 1', { start: 1 }],
    [`the member's own header, called "q.npy", is not what the directory says`, { ownName: 'q.npy' }],
    [`the member's own header, called "k.npy", is not`, { ownMethod: 8 }],
    ['a stored member of 5 bytes takes 144 bytes', { size: 5 }],
    ['the CRC-32 is wrong: the member is damaged', { crc: 1 }],
    ['the CRC-32 is wrong: the member is damaged', { ...deflated(data), crc: 1 }],
    ['the deflated data are damaged', { method: 8, packed: Uint8Array.of(0xff, 1, 2, 3, 4, 5, 6) }],
    ['the deflated data are damaged', { method: 8, packed: new Uint8Array(0), size: 0 }],
    [
      'the member inflates to more than the 143 bytes that the directory says',
      { ...deflated(data), size: 143 },
    ],
    ['the member inflates to 144 bytes, the directory says 145', { ...deflated(data), size: 145 }],
    [
      'deflated bytes cannot give the 1073741824 bytes that the directory says',
      { ...deflated(data), size: 2 ** 30 },
    ],
    ['3000000000 bytes are too many to inflate', { ...deflated(data), size: 3e9 }],
    ['does not begin as an .npy file does', { data: new TextEncoder().encode('not an array') }],
  ])('whose member is wrong: %s', async (message, fault) => {
    const file = await openTensors(faultyZip([{ name: 'k.npy', data, ...fault }]));
    const error = await file.open().catch((error: unknown) => error);
    expect(error).toBeInstanceOf(FormatError);
    expect((error as FormatError).message).toMatch(/^npz#k: .*$/);
    expect((error as FormatError).message).toContain(message);
  });

  it('that are bombs, before they fill the memory', async () => {
    const bomb = { name: 'k.npy', ...deflated(new Uint8Array(1 << 24)), size: 1000 };
    await expect(readTensor(faultyZip([bomb]))).rejects.toThrow(
      'npz#k: the member inflates to more than the 1000 bytes that the directory says',
    );
  });
});
