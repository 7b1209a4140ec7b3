import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixture, fixtureNames } from './fixtures.test-data.js';
import { FormatError, openTensors } from './index.js';

/**
 * Reads everything there is in a file. Whatever the bytes are, this must end soon, throw nothing but a FormatError of
 * one line, and never ask for more than the file could hold.
 */
async function readAll(bytes: Uint8Array): Promise<void> {
  const refused = async (call: () => Promise<void> | void): Promise<void> => {
    try {
      await call();
    } catch (error) {
      const line = error instanceof FormatError && /^[^\p{Cc}\p{Zl}\p{Zp}]{1,2500}$/u.test(error.message);
      if (!line) throw new Error('not a FormatError of one line', { cause: error });
    }
  };
  const source = {
    byteLength: bytes.length,
    slice(start: number, end: number) {
      if (!(0 <= start && start <= end && end <= bytes.length))
        throw new Error(`read from ${start} to ${end}`);
      return bytes.subarray(start, end);
    },
  };
  await refused(async () => {
    const file = await openTensors(source);
    for (const name of file.names)
      await refused(async () => {
        const tensor = await file.open(name);
        await refused(() => expect(tensor.read().data.length * 2).toBeLessThanOrEqual(1032 * bytes.length));
        await refused(() => {
          const matrix = tensor.matrix();
          matrix.rows(matrix.n - 1, matrix.n);
        });
      });
  });
}

async function readFirst(bytes: Uint8Array): Promise<void> {
  const file = await openTensors(bytes);
  (await file.open(file.names[0])).read();
}

describe.each(fixtureNames)('%s', (name) => {
  const bytes = fixture(name);

  it('is refused in one line at every length that is not its own', async () => {
    for (let length = 0; length < bytes.length; length++) {
      const cut = bytes.slice(0, length);
      await readAll(cut);
      await expect(readFirst(cut)).rejects.toThrow(FormatError);
    }
  });

  it('may have any byte changed', async () => {
    for (let at = 0; at < bytes.length; at++)
      for (const change of [0x01, 0x80, 0xff, bytes[at]]) {
        const changed = bytes.slice();
        changed[at] ^= change;
        await readAll(changed);
      }
  });
});

it('survives several changes, cuts and repetitions at once', async () => {
  const change = fc.record({ at: fc.nat(600), length: fc.nat(9), by: fc.uint8Array({ maxLength: 9 }) });
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...fixtureNames),
      fc.array(change, { minLength: 1, maxLength: 5 }),
      (name, changes) => {
        let bytes = [...fixture(name)];
        for (const { at, length, by } of changes) bytes = bytes.toSpliced(at % bytes.length, length, ...by);
        return readAll(Uint8Array.from(bytes));
      },
    ),
    { numRuns: 3000 },
  );
});

describe('survives random headers', () => {
  const tokens = [
    ...[
      '{',
      '}',
      '[',
      ']',
      '(',
      ')',
      ':',
      ',',
      `'`,
      '"',
      '\\',
      ' ',
      '\n',
      '-',
      '.',
      '0',
      '1',
      '2',
      '3',
      'L',
      'e9',
    ],
    ...[
      'True',
      'False',
      'null',
      `'descr'`,
      `'fortran_order'`,
      `'shape'`,
      `'<f4'`,
      `'>f8'`,
      `'<f2'`,
      '(2, 3)',
      '(0,)',
    ],
    ...[
      '"dtype"',
      '"shape"',
      '"data_offsets"',
      '"__metadata__"',
      '"__proto__"',
      '"F32"',
      '"BF16"',
      '[0,8]',
      '[1,2]',
    ],
    ...[
      '9007199254740993',
      '18446744073709551616',
      '4294967296',
      '1125899906842624',
      '\u0000',
      'é',
      '\u{1f600}',
    ],
  ];
  const header = fc.array(fc.constantFrom(...tokens), { maxLength: 30 }).map((list) => list.join(''));

  it('of .npy', async () => {
    await fc.assert(
      fc.asyncProperty(header, fc.constantFrom(1, 2, 3), fc.nat(40), (text, version, dataBytes) => {
        const encoded = new TextEncoder().encode(`{${text}`);
        const bytes = new Uint8Array((version === 1 ? 10 : 12) + encoded.length + dataBytes);
        bytes.set([
          0x93,
          0x4e,
          0x55,
          0x4d,
          0x50,
          0x59,
          version,
          0,
          encoded.length & 255,
          encoded.length >>> 8,
        ]);
        bytes.set(encoded, version === 1 ? 10 : 12);
        return readAll(bytes);
      }),
      { numRuns: 3000 },
    );
  });

  it('of .safetensors', async () => {
    await fc.assert(
      fc.asyncProperty(header, fc.nat(40), (text, dataBytes) => {
        const encoded = new TextEncoder().encode(`{${text}`);
        const bytes = new Uint8Array(8 + encoded.length + dataBytes);
        bytes.set([encoded.length & 255, encoded.length >>> 8]);
        bytes.set(encoded, 8);
        return readAll(bytes);
      }),
      { numRuns: 3000 },
    );
  });
});
