import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixture } from './fixtures.test-data.js';
import { openTensors, readTensor, writeSafetensors } from './index.js';

const x = [0, -1.5, 2 ** -24, 65504, Number.POSITIVE_INFINITY, -0];

/** A file with this header and so many bytes of data. */
function file(header: string | Uint8Array, dataBytes = 0, headerLength?: number | bigint): Uint8Array {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength ?? text.length), true);
  bytes.set(text, 8);
  return bytes;
}

describe('a file of the safetensors library', () => {
  it('is read exactly', async () => {
    const tensors = await openTensors(fixture('safetensors'));
    expect(tensors.format).toBe('safetensors');
    expect([...tensors.names].sort()).toEqual(['double', 'half', 'ids', 'single']);
    expect([...tensors.metadata]).toEqual([['made', 'by safetensors']]);
    expect((await tensors.open('double')).read()).toEqual({ data: Float64Array.from(x), shape: [2, 3] });
    for (const name of ['half', 'single'])
      expect((await tensors.open(name)).read()).toEqual({ data: Float32Array.from(x), shape: [2, 3] });
    expect((await tensors.open('half')).matrix().rows(1, 2)).toEqual(Float32Array.from(x.slice(3)));
    const ids = await tensors.open('ids');
    expect([ids.dtype, ids.shape]).toEqual(['I64', [3]]);
    expect(() => ids.read()).toThrow(
      'safetensors#ids: cannot read numbers of type "I64", only floating-point ones',
    );
  });

  it('is written with the same bytes', () => {
    const tensors = {
      ids: { data: BigInt64Array.of(0n, 1n, 2n), shape: [3] },
      double: { data: Float64Array.from(x), shape: [2, 3] },
      single: { data: Float32Array.from(x), dims: [2, 3] },
    };
    const ours = writeSafetensors(tensors, { metadata: { made: 'by safetensors' } });
    const header = new TextDecoder().decode(
      ours.subarray(8, 8 + Number(new DataView(ours.buffer).getBigUint64(0, true))),
    );
    expect(header.trimEnd()).toBe(
      '{"__metadata__":{"made":"by safetensors"},' +
        '"double":{"dtype":"F64","shape":[2,3],"data_offsets":[0,48]},' +
        '"ids":{"dtype":"I64","shape":[3],"data_offsets":[48,72]},' +
        '"single":{"dtype":"F32","shape":[2,3],"data_offsets":[72,96]}}',
    );
    expect(header.length % 8).toBe(0);
  });
});

it('writes what it reads, for any names, types and metadata', async () => {
  const unit = fc.constantFrom('a', '1', '"', '\\', '\n', ' ', 'é', '\u{1f600}', '__metadata__', '\0');
  const names = fc.string({ unit, maxLength: 8 }).filter((name) => name !== '__metadata__');
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(names, fc.array(fc.integer({ min: -128, max: 128 }), { maxLength: 6 }), { maxKeys: 5 }),
      fc.constantFrom('F16', 'BF16', 'F32', 'F64', undefined),
      fc.dictionary(names, fc.string({ unit }), { maxKeys: 3 }),
      async (numbers, dtype, metadata) => {
        const entries = Object.entries(numbers).map(
          ([name, list]) => [name, { data: Float32Array.from(list), shape: [list.length] }] as const,
        );
        const read = await openTensors(writeSafetensors(Object.fromEntries(entries), { dtype, metadata }));
        expect([...read.names].sort()).toEqual(Object.keys(numbers).sort());
        expect(Object.fromEntries(read.metadata)).toEqual({ ...metadata });
        for (const [name, { data, shape }] of entries) {
          const tensor = await read.open(name);
          expect(tensor.dtype).toBe(dtype ?? 'F32');
          expect(tensor.read()).toEqual({ data: dtype === 'F64' ? Float64Array.from(data) : data, shape });
        }
      },
    ),
    { numRuns: 100 },
  );
});

it('aligns tensors of several types', async () => {
  const bytes = writeSafetensors({
    a: { data: Float32Array.of(1), shape: [1, 1] },
    b: { data: Float64Array.of(2), shape: [1, 1] },
  });
  const tensors = await openTensors(bytes);
  for (const name of ['a', 'b']) expect((await tensors.open(name)).read().data.buffer).toBe(bytes.buffer);
});

it('reads tensors that are not aligned', async () => {
  const header =
    '{"a":{"dtype":"F16","shape":[1,1],"data_offsets":[0,2]},"b":{"dtype":"F64","shape":[1,1],"data_offsets":[2,10]}}';
  for (const pad of ['', ' ', '  ', '   ']) {
    const bytes = file(header + pad, 10);
    new DataView(bytes.buffer).setUint16(bytes.length - 10, 0x3c00, true);
    new DataView(bytes.buffer).setFloat64(bytes.length - 8, Math.PI, true);
    expect((await readTensor(bytes, 'a')).data).toEqual(Float32Array.of(1));
    expect((await readTensor(bytes, 'b')).data).toEqual(Float64Array.of(Math.PI));
  }
});

it.each([
  [{ ['__proto__']: [1] }, {}, 'writeSafetensors: the name "__proto__" is not allowed'],
  [{ __metadata__: [1] }, {}, 'writeSafetensors: the name __metadata__ is not allowed'],
  [{ k: [1] }, { metadata: { constructor: 'x' } }, 'writeSafetensors: the name "constructor" is not allowed'],
  [{ k: [1] }, { metadata: { layer: 3 } }, 'writeSafetensors: metadata "layer" must be a string'],
  [{ k: [2] }, {}, 'writeSafetensors: k: shape [2] needs 2 numbers, data has 1'],
])('refuses to write %j %j', (shapes, options, message) => {
  const tensors = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, { data: new Float32Array(1), shape }]),
  );
  expect(() => writeSafetensors(tensors, options as never)).toThrow(message);
});

describe('headers', () => {
  const entry = (shape = '[2,1]', offsets = '[0,8]', dtype = '"F32"'): string =>
    `{"dtype":${dtype},"shape":${shape},"data_offsets":${offsets}}`;

  it.each([
    ['{}', 0, []],
    [`{"k":${entry()}}   `, 8, ['k']],
    [`{ "k" : {\n"shape":[ 2 , 1 ],"data_offsets":[0,8],\t"dtype":"F32"} }`, 8, ['k']],
    [`{"b":${entry('[2,1]', '[8,16]')},"a":${entry()}}`, 16, ['b', 'a']],
    [`{"none":${entry('[0,5]', '[8,8]')},"a":${entry()}}`, 8, ['none', 'a']],
    [`{"a":${entry()},"none":${entry('[0,5]', '[0,0]')}}`, 8, ['a', 'none']],
    [`{"__metadata__":{},"a\\u0062\\"":${entry()}}`, 8, ['ab"']],
    [`{"later":${entry('[3]', '[0,3]', '"F8_E5M2"')}}`, 3, ['later']],
  ])('takes %s', async (header, dataBytes, names) => {
    expect((await openTensors(file(header, dataBytes))).names).toEqual(names);
  });

  it.each([
    ['{', 0, `the header needs a text in quotes at character 2, got the end`],
    ['{}x', 0, 'the header needs to end at character 3, got "x"'],
    ['{,}', 0, 'needs a text in quotes'],
    [`{"k":${entry()},}`, 8, 'needs a text in quotes'],
    [`{'k':${entry()}}`, 8, 'needs a text in quotes'],
    [`{"k" ${entry()}}`, 8, `needs ':'`],
    [`{"k":[]}`, 0, `needs '{'`],
    [`{"k":null}`, 0, `needs '{'`],
    [`{"k":{}}`, 0, 'safetensors#k: the header needs dtype, shape and data_offsets, got none'],
    [`{"k":{"dtype":"F32","shape":[]}}`, 0, 'needs dtype, shape and data_offsets, got dtype, shape'],
    [`{"k":${entry().replace('}', ',"x":1}')}}`, 8, 'safetensors#k: the header has the unknown key "x"'],
    [`{"k":${entry().replace('}', ',"__proto__":1}')}}`, 8, 'the header has the unknown key "__proto__"'],
    [`{"k":${entry().replace('}', ',"shape":[2,1]}')}}`, 8, 'safetensors#k: the header has "shape" twice'],
    [`{"k":${entry()},"k":${entry()}}`, 8, 'the header has "k" twice'],
    [`{"k":${entry()},"\\u006b":${entry()}}`, 8, 'the header has "k" twice'],
    [`{"__proto__":${entry()}}`, 8, 'the name "__proto__" is not allowed'],
    [`{"constructor":${entry()}}`, 8, 'the name "constructor" is not allowed'],
    [`{"prototype":${entry()}}`, 8, 'the name "prototype" is not allowed'],
    [`{"\\ud800":${entry()}}`, 8, 'is not Unicode text'],
    [`{"\\q":${entry()}}`, 8, 'needs another text than'],
    [`{"a\nb":${entry()}}`, 8, 'needs another text than "a\\u{a}b"'],
    [`{"k":${entry('[2,1]', '[0,8]', '32')}}`, 8, 'needs a text in quotes'],
    [`{"k":${entry('[2,1}')}}`, 8, `needs ']'`],
    [`{"k":${entry('2')}}`, 8, `needs '['`],
    [`{"k":${entry('[-2,-1]')}}`, 8, 'needs a whole number'],
    [`{"k":${entry('[2.0,1]')}}`, 8, 'needs a whole number'],
    [`{"k":${entry('[2e0,1]')}}`, 8, 'needs a whole number'],
    [`{"k":${entry('["2",1]')}}`, 8, 'needs a whole number'],
    [`{"k":${entry('[[2],1]')}}`, 8, 'needs a whole number'],
    [`{"k":${entry('[2,1,]')}}`, 8, 'needs a whole number'],
    [`{"k":${entry('[9007199254740993,0]', '[0,0]')}}`, 0, 'is too large'],
    [`{"k":${entry('[4294967296,4294967296]')}}`, 8, 'is too large'],
    [`{"k":${entry(`[${'9'.repeat(999)}]`)}}`, 8, 'the shape [Infinity] is too large'],
    [`{"k":${entry(`[${Array(65).fill(1)}]`)}}`, 8, 'the shape has 65 indices, the most is 64'],
    [`{"k":${entry('[3,1]')}}`, 8, 'shape [3,1] of F32 does not take the 8 bytes of data_offsets [0,8]'],
    [`{"k":${entry('[2,1]', '[-8,0]')}}`, 8, 'needs a whole number'],
    [`{"k":${entry('[2,1]', '[8,0]')}}`, 8, 'data_offsets must be [begin, end] with begin <= end, got [8,0]'],
    [`{"k":${entry('[2,1]', '[0]')}}`, 8, 'data_offsets must be [begin, end] with begin <= end, got [0]'],
    [`{"k":${entry('[2,1]', '[0,8,8]')}}`, 8, 'data_offsets must be [begin, end]'],
    [`{"k":${entry('[2,1]', '[0,1e400]')}}`, 8, 'needs a whole number'],
    [`{"k":${entry('[2,1]', `[0,${'9'.repeat(20)}]`)}}`, 8, 'data_offsets must be [begin, end]'],
    [
      `{"k":${entry('[2,1]', '[8,16]')}}`,
      16,
      'tensor "k" begins at byte 8 of the data, the one before it ends at 0',
    ],
    [
      `{"k":${entry()},"q":${entry()}}`,
      8,
      'tensor "q" begins at byte 0 of the data, the one before it ends at 8',
    ],
    [`{"k":${entry()},"q":${entry('[2,1]', '[4,12]')}}`, 12, 'begins at byte 4'],
    [`{"k":${entry()},"q":${entry('[2,1]', '[16,24]')}}`, 24, 'begins at byte 16'],
    [`{"k":${entry()}}`, 7, 'the tensors take 8 bytes, the file has 7 after the header'],
    [`{"k":${entry()}}`, 9, 'the tensors take 8 bytes, the file has 9 after the header'],
    [`{"__metadata__":[]}`, 0, `needs '{'`],
    [`{"__metadata__":{"a":1}}`, 0, 'needs a text in quotes'],
    [`{"__metadata__":{"a":{}}}`, 0, 'needs a text in quotes'],
    [`{"__metadata__":{"a":"","a":""}}`, 0, '__metadata__ has "a" twice'],
    [`{"__metadata__":{"__proto__":""}}`, 0, 'the name "__proto__" is not allowed'],
    [`{"__metadata__":{},"__metadata__":{}}`, 0, 'the header has __metadata__ twice'],
  ])('refuses %s', async (header, dataBytes, message) => {
    await expect(openTensors(file(header, dataBytes))).rejects.toThrow(
      expect.objectContaining({ name: 'FormatError', message: expect.stringContaining(message) }),
    );
  });

  it.each([
    [new Uint8Array(7), 'the file has 7 bytes, fewer than the length of a header takes'],
    [file('{}', 0, 3), 'header length 3 exceeds the file (10 bytes)'],
    [file('{}', 0, 100_000_001), 'header length 100000001 is above 100000000'],
    [file('{}', 0, 2n ** 64n - 1n), 'header length 18446744073709551615 is above 100000000'],
    [file('', 2), `the header does not begin with '{'`],
    [file(' {}'), `the header does not begin with '{'`],
    [file('\ufeff{}'), `the header does not begin with '{'`],
    [file(Uint8Array.of(0x7b, 0xff, 0x7d)), 'the header is not UTF-8'],
  ])('refuses file %#', async (bytes, message) => {
    const source = { byteLength: bytes.length, name: 'a.safetensors', slice: bytes.subarray.bind(bytes) };
    await expect(openTensors(source)).rejects.toThrow(`safetensors: a.safetensors: ${message}`);
  });
});
