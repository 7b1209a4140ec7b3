import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { BLOCK_ROWS } from '../kernels/kernels.js';
import { randomStream } from '../random.js';
import { RowDigest } from './row-digest.js';

const d = 3;
const n = 5 * BLOCK_ROWS + 77;
const random = randomStream(1);
const numbers = Float64Array.from({ length: n * d }, () => random.uniform());

test.each([
  ['float32', Float32Array],
  ['float64', Float64Array],
])('does not depend on how rows of %s are cut', (_, type) => {
  const rows = type.from(numbers);
  let expected = '';
  for (let i = 0; i < 5; i++) {
    const block = rows.slice(i * BLOCK_ROWS * d, (i + 1) * BLOCK_ROWS * d);
    expected = createHash('sha256').update(expected).update(block).digest('hex');
  }
  for (let round = 0; round < 20; round++) {
    let digest = new RowDigest(d);
    for (let start = 0; start < n; ) {
      const end = Math.min(n, start + 1 + Math.floor(random.uniform() * (round < 10 ? 40 : 3 * BLOCK_ROWS)));
      digest.add(rows.subarray(start * d, end * d));
      // Another process goes on.
      if (random.uniform() < 0.1) {
        const later = new RowDigest(d, digest.blocks);
        later.add(rows.subarray((end - (end % BLOCK_ROWS)) * d, end * d));
        digest = later;
      }
      start = end;
    }
    expect(digest.blocks).toBe(expected);
    expect(Buffer.from(digest.rest)).toEqual(Buffer.from(rows.slice(5 * BLOCK_ROWS * d).buffer));
  }
});

test('tells one bit, and the order of blocks', () => {
  const of = (rows: Float64Array) => {
    const digest = new RowDigest(d);
    digest.add(rows);
    return digest.blocks;
  };
  const whole = of(numbers);
  const changed = numbers.slice();
  changed[7] = -changed[7];
  expect(of(changed)).not.toBe(whole);
  const turned = numbers.slice();
  turned.copyWithin(0, BLOCK_ROWS * d, 2 * BLOCK_ROWS * d);
  turned.set(numbers.subarray(0, BLOCK_ROWS * d), BLOCK_ROWS * d);
  expect(of(turned)).not.toBe(whole);
});
