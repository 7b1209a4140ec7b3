/** Damaged Parquet files: every byte of small ones is changed, cut off and zeroed; what comes is rows or one line, in little memory. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test, vi } from 'vitest';

/** The largest array that was asked for; the readers are loaded after this, so that theirs are counted. */
const arrays = vi.hoisted(() => {
  const largest = { bytes: 0 };
  for (const name of [
    'Uint8Array',
    'Uint32Array',
    'Float32Array',
    'Float64Array',
    'ArrayBuffer',
    'Array',
  ] as const) {
    const watched = new Proxy(globalThis[name], {
      construct(target, args, self) {
        const [length] = args;
        if (typeof length === 'number')
          largest.bytes = Math.max(
            largest.bytes,
            length * ((target as { BYTES_PER_ELEMENT?: number }).BYTES_PER_ELEMENT ?? 1),
          );
        return Reflect.construct(target, args, self);
      },
    });
    Object.assign(globalThis, { [name]: watched });
  }
  return largest;
});

import { openParquet } from '../../src/cli/parquet/open.js';
import { FormatError } from '../../src/io/index.js';
import { randomStream } from '../../src/random.js';

/** No more than a piece of rows and some pages of a small file. */
const MOST_BYTES = 2 ** 23;

const file = (name: string) =>
  new Uint8Array(readFileSync(fileURLToPath(new URL(`files/${name}.parquet`, import.meta.url))));

/** Whether the file can be read; anything but rows of 4 numbers or one line fails the test. */
async function reads(bytes: Uint8Array): Promise<boolean> {
  arrays.bytes = 0;
  const whole = await rowsOrLine(bytes);
  if (arrays.bytes > MOST_BYTES) throw new Error(`an array of ${arrays.bytes} bytes was made`);
  return whole;
}

async function rowsOrLine(bytes: Uint8Array): Promise<boolean> {
  try {
    const source = await openParquet({
      name: 'damaged.parquet',
      byteLength: bytes.length,
      identity: () => undefined,
      read: async (start, end) => {
        expect(start >= 0 && start <= end && end <= bytes.length).toBe(true);
        return bytes.slice(start, end);
      },
    });
    let rows = 0;
    for await (const { start, keys } of source.rows()) {
      if (start !== rows || keys.data.length !== keys.shape[0] * source.d)
        throw new Error('rows are missing');
      rows += keys.shape[0];
    }
    if (rows !== source.n) throw new Error(`${rows} rows of ${source.n}`);
    return true;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    expect(error.message).toMatch(/^parquet: damaged\.parquet: [^\n]{5,400}$/);
    return false;
  }
}

/** What a test says of the copy that went wrong. */
async function survives(bytes: Uint8Array, what: string): Promise<boolean> {
  try {
    return await reads(bytes);
  } catch (error) {
    throw new Error(`${what}: ${error instanceof Error ? error.stack : error}`);
  }
}

const files = [
  'list-none',
  'list-snappy',
  'list-gzip',
  'list-zstd',
  'list-lz4',
  'list-brotli',
  'list-lz4-plain-v2',
  'list-zstd-plain-v2',
  'list-split',
  'list-many-pages-v2',
  'list-checksums',
  'columns',
];

test.each(files)('%s with every byte changed', async (name) => {
  const whole = file(name);
  let [changed, refused] = [0, 0];
  // Of larger files every second byte or third.
  for (let at = 0; at < whole.length; at += Math.ceil(whole.length / 2000))
    for (const value of [255, whole[at] ^ 1, whole[at] ^ 128]) {
      const bytes = whole.slice();
      bytes[at] = value;
      changed++;
      if (!(await survives(bytes, `byte ${at} is ${value}`))) refused++;
    }
  // The numbers and the statistics of a file are guarded by nothing.
  expect(refused).toBeGreaterThan(changed / 4);
});

test.each(files)('%s cut off, and with pieces of zeros, ones and other places', async (name) => {
  const whole = file(name);
  for (let length = 0; length < whole.length; length += 3)
    expect(await survives(whole.slice(0, length), `${length} bytes`)).toBe(false);
  for (let at = 0; at < whole.length; at += 5)
    for (const [length, value] of [
      [4, 0],
      [4, 255],
      [64, 127],
    ])
      await survives(whole.slice().fill(value, at, at + length), `${length} bytes of ${value} from ${at} on`);
  const random = randomStream(5);
  const place = () => Math.floor(random.uniform() * whole.length);
  for (let i = 0; i < 400; i++) {
    const bytes = whole.slice();
    for (let k = 0; k <= i % 5; k++) {
      const [from, to] = [place(), place()];
      bytes.copyWithin(to, from, from + 1 + (i % 24));
    }
    await survives(bytes, `shuffle ${i}`);
  }
});

test('a checksum finds every change of a page', async () => {
  const whole = file('list-checksums');
  // The last byte before the footer is one of the packed numbers of the last page.
  const bytes = whole.slice();
  bytes[whole.length - 9 - new DataView(whole.buffer).getUint32(whole.length - 8, true)] ^= 1;
  await expect(reads(bytes)).resolves.toBe(false);
});
