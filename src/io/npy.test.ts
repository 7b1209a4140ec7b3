import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ByteSource } from './bytes.js';
import { fixture } from './fixtures.test-data.js';
import { foreignNpy } from './foreign-npy.test-data.js';
import { FormatError, openTensor, readTensor, writeNpy } from './index.js';

const x = [0, -1.5, 2 ** -24, 65504, Number.POSITIVE_INFINITY, -0];
const four = Array.from({ length: 24 }, (_, i) => i);

describe('files of NumPy', () => {
  it.each(['<f2', '>f2', '<f4', '>f4', '<f8', '>f8'] as const)('reads %s exactly', async (descr) => {
    const { data, shape } = await readTensor(fixture(`npy ${descr}`));
    expect(data).toEqual(descr.endsWith('8') ? Float64Array.from(x) : Float32Array.from(x));
    expect(Object.is(data[5], -0)).toBe(true);
    expect(shape).toEqual([2, 3]);
  });

  it.each([
    'npy version 1',
    'npy version 2',
    'npy version 3',
    'npy fortran',
  ] as const)('reads %s', async (name) => {
    const tensor = await openTensor(fixture(name));
    expect(tensor.dtype).toBe('<f4');
    expect(tensor.read()).toEqual({ data: Float32Array.from(x), shape: [2, 3] });
    expect(tensor.matrix().rows(1, 2)).toEqual(Float32Array.from(x.slice(3)));
  });

  it.each(['npy four', 'npy four fortran'] as const)('reads the heads of %s', async (name) => {
    const tensor = await openTensor(fixture(name));
    expect(tensor.read()).toEqual({ data: Float32Array.from(four), shape: [2, 2, 3, 2] });
    expect(tensor.matrix(0, 1).rows(0, 3)).toEqual(Float32Array.of(6, 7, 8, 9, 10, 11));
    expect(tensor.matrix(1, 0).rows(1, 3)).toEqual(Float32Array.of(14, 15, 16, 17));
  });

  it('reads arrays of any rank, and says which ones are no matrices', async () => {
    expect((await readTensor(fixture('npy scalar'))).data).toEqual(Float64Array.of(3.5));
    expect((await readTensor(fixture('npy one'))).data).toEqual(Float64Array.of(0, 1, 2));
    expect(await readTensor(fixture('npy empty'))).toEqual({ data: new Float64Array(0), shape: [0, 4] });
    for (const name of ['npy scalar', 'npy one', 'npy empty'] as const) {
      const tensor = await openTensor({ ...sourceOver(fixture(name)), name: 'a.npy' });
      expect(() => tensor.matrix()).toThrow(
        `npy: a.npy: needs shape [n, d] or [batch, heads, n, d] of positive sizes, got [${tensor.shape}]`,
      );
    }
  });

  it.each([
    ['|b1', false, [1, 0, 0, 0, 1, 1]],
    ['|u1', true, [1, 0, 1, 0, 0, 1]],
  ] as const)('reads the bytes of %s, Fortran order %s', async (descr, fortran, expected) => {
    // As wide as the header of the same array in float32.
    const header = Buffer.from(writeNpy({ data: new Float32Array(6), shape: [2, 3] }).subarray(0, 128));
    header.write(`'${descr}'`, header.indexOf("'<f4'"), 'latin1');
    if (fortran) header.write("'fortran_order': True ", header.indexOf("'fortran_order': False"), 'latin1');
    const tensor = await openTensor(Buffer.concat([header, Buffer.of(1, 0, 0, 0, 1, 1)]));
    expect({ ...tensor.readBytes(), data: [...tensor.readBytes().data] }).toEqual({
      data: expected,
      shape: [2, 3],
    });
    expect(() => tensor.read()).toThrow(/only floating-point ones/);
    const short = await openTensor(Buffer.concat([header, Buffer.of(1, 0)]));
    expect(() => short.readBytes()).toThrow(FormatError);
    const floats = await openTensor(fixture('npy version 1'));
    expect(() => floats.readBytes()).toThrow(
      'npy: cannot read entries of type "<f4" as truth values or bytes',
    );
  });

  it('lists integers but does not read them', async () => {
    const tensor = await openTensor(fixture('npy integers'));
    expect([tensor.dtype, tensor.shape]).toEqual(['<i8', [4]]);
    const message = 'npy: cannot read numbers of type "<i8", only floating-point ones';
    expect(() => tensor.read()).toThrow(message);
    expect(() => tensor.matrix()).toThrow(message);
  });
});

describe('writeNpy', () => {
  it.each([
    ['npy <f2', { data: Float32Array.from(x), shape: [2, 3] }, { dtype: 'F16' }],
    ['npy <f4', { data: Float32Array.from(x), shape: [2, 3] }, {}],
    ['npy <f4', { data: Float64Array.from(x), dims: [2, 3] }, { dtype: 'F32' }],
    ['npy <f8', { data: Float64Array.from(x), shape: [2, 3] }, {}],
    ['npy four', { data: Float32Array.from(four), shape: [2, 2, 3, 2] }, {}],
    ['npy scalar', { data: Float64Array.of(3.5), shape: [] }, {}],
    ['npy one', { data: Float64Array.of(0, 1, 2), shape: [3] }, {}],
    ['npy empty', { data: new Float64Array(0), shape: [0, 4] }, {}],
    ['npy growing', { data: Float32Array.of(1), shape: Array(18).fill(1) }, {}],
    ['npy integers', { data: BigInt64Array.of(0n, 1n, 2n, 3n), shape: [4] }, {}],
  ] as const)('gives the bytes of NumPy: %s', (name, array, options) => {
    expect(writeNpy(array, options)).toEqual(fixture(name));
  });

  it.each([
    [{ data: [1, 2], shape: [2] }, 'writeNpy: data must be a Float32Array, Float64Array or BigInt64Array'],
    [undefined, 'writeNpy: data must be a Float32Array, Float64Array or BigInt64Array'],
    [{ data: new Float32Array(2) }, 'writeNpy: shape must be a list of non-negative integers, got []'],
    [{ data: new Float32Array(2), shape: [-1, -2] }, 'got [-1,-2]'],
    [{ data: new Float32Array(2), shape: [0.5, 4] }, 'got [0.5,4]'],
    [{ data: new Float32Array(2), shape: [3] }, 'writeNpy: shape [3] needs 3 numbers, data has 2'],
    [{ data: new Float32Array(2), shape: [1] }, 'writeNpy: shape [1] needs 1 numbers, data has 2'],
    [{ data: new Float32Array(1), shape: Array(65).fill(1) }, 'the shape has 65 indices, the most is 64'],
  ])('refuses %j', (array, message) => {
    expect(() => writeNpy(array as never)).toThrow(message);
  });

  it('refuses types that do not fit', () => {
    const floats = { data: new Float32Array(1), shape: [1] };
    const integers = { data: new BigInt64Array(1), shape: [1] };
    expect(() => writeNpy(floats, { dtype: 'BF16' })).toThrow('writeNpy: NumPy has no type BF16');
    expect(() => writeNpy(floats, { dtype: 'f4' as never })).toThrow(
      'writeNpy: cannot write Float32Array as f4',
    );
    expect(() => writeNpy(integers, { dtype: 'F32' })).toThrow('writeNpy: cannot write BigInt64Array as F32');
  });
});

it('reads every type, byte order, index order and version, whole and in blocks', async () => {
  const sizes = fc.integer({ min: 1, max: 4 });
  const shapes = fc.oneof(fc.tuple(sizes, sizes), fc.tuple(sizes, sizes, sizes, sizes));
  const arbitrary = shapes.chain((shape) =>
    fc.record({
      shape: fc.constant([...shape]),
      // Halves are exact in every type, so that values can be compared.
      values: fc.array(
        fc.integer({ min: -2048, max: 2048 }).map((i) => i / 2),
        {
          minLength: shape.reduce((a, b) => a * b),
          maxLength: shape.reduce((a, b) => a * b),
        },
      ),
      descr: fc.constantFrom('f2', '<f2', '>f2', '=f2', '|f2', '<f4', '>f4', 'f4', '<f8', '>f8', '=f8'),
      fortran: fc.boolean(),
      version: fc.constantFrom(1, 2, 3),
      fromFile: fc.boolean(),
      block: sizes,
    }),
  );
  await fc.assert(
    fc.asyncProperty(arbitrary, async ({ fromFile, block, ...file }) => {
      const bytes = foreignNpy(file);
      const tensor = await openTensor(fromFile ? copyingSource(bytes) : bytes);
      const { shape, values } = file;
      expect(tensor.shape).toEqual(shape);
      expect([...tensor.read().data]).toEqual(values);
      const [n, d] = shape.slice(-2);
      for (let head = 0; head < values.length / (n * d); head++) {
        const matrix = tensor.matrix(
          ...(shape.length === 4 ? [Math.floor(head / shape[1]), head % shape[1]] : []),
        );
        for (let start = 0; start < n; start += block) {
          const end = Math.min(start + block, n);
          const from = (head * n + start) * d;
          expect([...matrix.rows(start, end)]).toEqual(values.slice(from, from + (end - start) * d));
        }
      }
    }),
    { numRuns: 300 },
  );
});

it('gives views where it can', async () => {
  const bytes = writeNpy({ data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] });
  const tensor = await openTensor(bytes);
  expect(tensor.matrix().rows(1, 2).buffer).toBe(bytes.buffer);
  expect(tensor.read().data.buffer).toBe(bytes.buffer);
  const buffer = (await openTensor(copyingSource(bytes))).matrix();
  expect(buffer.rows(0, 2).buffer).toBe(buffer.rows(1, 2).buffer);
});

it('leaves the bytes that it reads as they are', async () => {
  for (const name of ['npy >f2', 'npy >f4', 'npy >f8', 'npy four fortran'] as const) {
    const bytes = fixture(name);
    (await openTensor(bytes)).matrix().rows(0, 1);
    await readTensor(bytes);
    expect(bytes).toEqual(fixture(name));
  }
});

it('gathers rows in Fortran order through a small buffer', async () => {
  const [n, d] = [3000, 3];
  const values = Array.from({ length: 4 * n * d }, (_, i) => i % 2003);
  const bytes = foreignNpy({ values, shape: [2, 2, n, d], fortran: true });
  let most = 0;
  const source = copyingSource(bytes, (start, end) => (most = Math.max(most, end - start)));
  const tensor = await openTensor(source);
  most = 0;
  expect([...tensor.matrix(1, 0).rows(1000, 2000)]).toEqual(
    values.slice((2 * n + 1000) * d, (2 * n + 2000) * d),
  );
  expect(most).toBe((999 * 4 + 1) * 4);
});

describe('a file larger than memory', () => {
  const header = (shape: string, order: string): Uint8Array =>
    foreignNpy({
      values: [],
      shape: [],
      header: `{'descr':'<f4','fortran_order':${order},'shape':${shape}}`,
    });

  /** A file of 2^40 numbers, of which number i is i modulo 1009. */
  function endless(lead: Uint8Array): ByteSource {
    return {
      byteLength: lead.length + 2 ** 42,
      slice(start, end, room) {
        if (end <= lead.length) return lead.slice(start, end);
        if (end - start > 2 ** 21) return room!(end - start);
        const first = (start - lead.length) / 4;
        const numbers = Float32Array.from({ length: (end - start) / 4 }, (_, i) => (first + i) % 1009);
        return new Uint8Array(numbers.buffer);
      },
    };
  }

  it('is read block by block', async () => {
    const matrix = (await openTensor(endless(header(`(${2 ** 34}, 64)`, 'False')))).matrix();
    expect([matrix.n, matrix.d]).toEqual([2 ** 34, 64]);
    expect(matrix.rows(2 ** 34 - 1, 2 ** 34)[63]).toBe((2 ** 40 - 1) % 1009);
    const tensor = await openTensor(endless(header(`(${2 ** 10}, ${2 ** 10}, ${2 ** 14}, 64)`, 'False')));
    expect(tensor.matrix(1023, 1022).rows(5, 6)[0]).toBe(((1023 * 1024 + 1022) * 2 ** 20 + 5 * 64) % 1009);
  });

  it('is gathered block by block in Fortran order', async () => {
    const tensor = await openTensor(endless(header(`(${2 ** 34}, 64)`, 'True')));
    const rows = tensor.matrix().rows(2 ** 33, 2 ** 33 + 2);
    expect(rows.subarray(62, 66)).toEqual(
      Float32Array.from([62 * 2 ** 34, 63 * 2 ** 34, 1, 1 + 2 ** 34], (i) => (2 ** 33 + i) % 1009),
    );
    const heads = await openTensor(endless(header(`(${2 ** 10}, ${2 ** 10}, ${2 ** 14}, 64)`, 'True')));
    const entry = (i: number, c: number): number => (7 + 2 ** 10 * (9 + 2 ** 10 * (i + 2 ** 14 * c))) % 1009;
    const block = heads.matrix(7, 9).rows(3, 6);
    expect([block[2], block[64], block[3 * 64 - 1]]).toEqual([entry(3, 2), entry(4, 0), entry(5, 63)]);
  });

  it('is refused in one line where all of it is asked for', async () => {
    const tensor = await openTensor(endless(header(`(${2 ** 34}, 64)`, 'False')));
    expect(() => tensor.read()).toThrow(
      new FormatError(`npy: needs ${2 ** 42} bytes in one array, more than there is room for`),
    );
  });
});

describe('refuses headers', () => {
  const good = `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1)}`;
  const opened = (header: string, version: 1 | 2 | 3 = 1) =>
    openTensor(foreignNpy({ values: [1, 2], shape: [2, 1], version, header }));

  it.each([
    good,
    `{"shape": (2,1,), 'descr': "<f4", 'fortran_order': False, }   \n`,
  ])('but not %s', async (header) => {
    expect([...(await opened(header)).read().data]).toEqual([1, 2]);
  });

  it.each([
    ['', `npy: the header needs '{' at character 1, got the end`],
    ['x', `npy: the header needs '{' at character 1, got "x"`],
    [`${good}x`, `needs to end at character 58, got "x"`],
    [`${good}${good}`, 'needs to end'],
    [good.replace('}', ''), `needs '}' at character 57, got the end`],
    [good.replace(`, 'shape': (2, 1)`, ''), 'needs descr, fortran_order and shape, got descr, fortran_order'],
    ['{}', 'needs descr, fortran_order and shape, got none'],
    [good.replace('{', `{'descr': '<f8', `), 'the header has "descr" twice'],
    [good.replace('{', `{'order': 1, `), 'the header has the unknown key "order"'],
    [good.replace('{', `{'__proto__': 1, `), 'the header has the unknown key "__proto__"'],
    [good.replace('{', `{'constructor': 1, `), 'the header has the unknown key "constructor"'],
    [good.replace('{', `{'a\\x41': 1, `), 'the header has an escape in "a\\x41"'],
    [good.replace('False', 'false'), 'needs True or False'],
    [good.replace('False', '0'), 'needs True or False'],
    [good.replace(`'<f4'`, '4'), 'needs a text in quotes'],
    [good.replace(`'<f4'`, `[('a', '<f4')]`), 'needs a text in quotes'],
    [good.replace('(2, 1)', `'2'`), `needs '('`],
    [good.replace(`'shape'`, `'shape`), 'needs a text with a closing quote at character 42'],
    [good.replace('(2, 1)', '(2)'), `needs ','`],
    [good.replace('(2, 1)', '[2, 1]'), `needs '('`],
    [good.replace('(2, 1)', '(-2, -1)'), 'needs a whole number'],
    [good.replace('(2, 1)', '(2.0, 1)'), 'needs a whole number'],
    [good.replace('(2, 1)', '(2e0, 1)'), 'needs a whole number'],
    [good.replace('(2, 1)', '(0x2, 1)'), `needs ','`],
    [good.replace('(2, 1)', '(2 1)'), `needs ','`],
    [good.replace('(2, 1)', '(2L, 1)'), `needs ','`],
    [`\ufeff${good}`, `needs '{'`],
    [good.replace('(2, 1)', '(2,, 1)'), 'needs a whole number'],
    [good.replace('(2, 1)', '(02, 1)'), 'needs a whole number'],
    [good.replace('(2, 1)', `(${2 ** 50},)`), `needs ${2 ** 52} bytes after the header, the file has 8`],
    [good.replace('(2, 1)', `(${'9'.repeat(400)}, 1)`), 'the shape [Infinity,1] is too large'],
    [good.replace('(2, 1)', '(9007199254740993, 1)'), 'is too large'],
    [good.replace('(2, 1)', '(4294967296, 4294967296)'), 'is too large'],
    [good.replace('(2, 1)', '(0, 99999999999999999999)'), 'is too large'],
    [good.replace('(2, 1)', `(${'1,'.repeat(65)})`), 'the shape has 65 indices, the most is 64'],
    [good.replace('(2, 1)', '(3, 1)'), 'shape [3,1] of <f4 needs 12 bytes after the header, the file has 8'],
    [good.replace('(2, 1)', '(1, 1)'), 'shape [1,1] of <f4 needs 4 bytes after the header, the file has 8'],
  ])('%s', async (header, message) => {
    await expect(opened(header)).rejects.toThrow(message);
  });

  it('whose lengths, versions and encodings are wrong', async () => {
    const bytes = fixture('npy <f4');
    const changed = (at: number, ...to: number[]) => {
      const copy = bytes.slice();
      copy.set(to, at);
      return openTensor(copy);
    };
    await expect(changed(6, 4)).rejects.toThrow('npy: version 4.0 is not one of 1.0, 2.0, 3.0');
    await expect(changed(7, 1)).rejects.toThrow('npy: version 1.1 is not one of 1.0, 2.0, 3.0');
    await expect(changed(8, 0x70, 0x11)).rejects.toThrow(
      'npy: header length 4464 exceeds the file (152 bytes)',
    );
    await expect(changed(6, 2, 0, 0, 0, 0, 0xff)).rejects.toThrow(
      'npy: header length 4278190080 is above 1048576',
    );
    await expect(opened('\xff'.repeat(60), 3)).rejects.toThrow('npy: the header needs');
    const notText = foreignNpy({ values: [], shape: [], version: 3, header: 'x'.repeat(60) }).fill(0xff, 12);
    await expect(openTensor(notText)).rejects.toThrow('npy: the header is not UTF-8');
    const long = foreignNpy({ values: [], shape: [], version: 2, header: ' '.repeat(2 ** 20 + 1) });
    await expect(openTensor(long)).rejects.toThrow('npy: header length 1048577 is above 1048576');
    await expect(openTensor({ ...sourceOver(new Uint8Array(3)), name: 'b.npy' })).rejects.toThrow(
      'npy: b.npy: does not begin as an .npy file does',
    );
  });
});

it('refuses heads and rows that there are not', async () => {
  const tensor = await openTensor(fixture('npy four'));
  for (const place of [
    [2, 0],
    [0, 2],
    [-1, 0],
    [0.5, 0],
    [Number.NaN, 0],
  ] as const)
    expect(() => tensor.matrix(...place)).toThrow(
      `npy: no head (${place[0]}, ${place[1]}) in shape [2,2,3,2]`,
    );
  const matrix = tensor.matrix(1, 1);
  for (const [start, end] of [
    [0, 4],
    [-1, 1],
    [2, 1],
    [0, 1.5],
  ])
    expect(() => matrix.rows(start, end)).toThrow(`npy: no rows ${start} to ${end} in a matrix of 3 rows`);
});

function sourceOver(bytes: Uint8Array): ByteSource {
  return { byteLength: bytes.length, slice: (start, end) => bytes.subarray(start, end) };
}

/** A source that fills the room it is given, as one over a file does. */
function copyingSource(bytes: Uint8Array, onRead?: (start: number, end: number) => void): ByteSource {
  return {
    byteLength: bytes.length,
    slice(start, end, room) {
      onRead?.(start, end);
      const to = room ? room(end - start) : new Uint8Array(end - start);
      to.set(bytes.subarray(start, end));
      return to;
    },
  };
}
