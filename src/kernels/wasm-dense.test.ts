/** The dense layers on WASM against plain float64, at sizes around every edge of the blocks. */
import { expect, test } from 'vitest';
import type { Floats } from '../keys.js';
import { randomStream } from '../random.js';
import type { Dense } from './dense.js';
import { referenceDense } from './reference-dense.js';
import { wasmDense } from './wasm-dense.js';

const reference = referenceDense();

/** Both kernels with the same random arrays of these lengths. */
function both(lengths: readonly number[], seed = 1): { kernels: Dense; arrays: Floats[] }[] {
  const { kernels, held } = wasmDense((floats) => lengths.map((length) => floats(length)));
  const random = randomStream(seed);
  for (const array of held) for (let i = 0; i < array.length; i++) array[i] = random.normal();
  return [
    { kernels, arrays: held },
    { kernels: reference, arrays: held.map((array) => Float64Array.from(array)) },
  ];
}

/** The largest difference of two arrays. */
function difference(a: Floats, b: Floats): number {
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i] - b[i]));
  return most;
}

const sizes = [
  [1, 1, 1],
  [3, 7, 5],
  [4, 8, 256],
  [5, 9, 257],
  [130, 20, 16],
  [7, 515, 3],
  [131, 521, 300],
];

for (const [m, n, depth] of sizes)
  for (const transposedA of [false, true])
    for (const transposedB of [false, true])
      test(`a product ${m} x ${depth} x ${n}${transposedA ? ', A^T' : ''}${transposedB ? ', B^T' : ''}`, () => {
        for (const accumulate of [false, true]) {
          const results = both([m * depth, depth * n, m * n]).map(({ kernels, arrays: [a, b, c] }) => {
            kernels.matmul({ a, b, c, m, n, depth, transposedA, transposedB, accumulate });
            return c;
          });
          expect(difference(results[0], results[1])).toBeLessThan(2e-6 * depth + 1e-6);
        }
      });

test('a product reads and writes rows with gaps, and leaves the gaps alone', () => {
  const call = { m: 6, n: 10, depth: 12, strideA: 15, strideC: 13 };
  const [single, double] = both([6 * 15, 12 * 10, 6 * 13]).map(({ kernels, arrays: [a, b, c] }) => {
    const before = Array.from(c);
    kernels.matmul({ a, b, c, ...call });
    for (let i = 0; i < 6; i++)
      expect(Array.from(c.subarray(i * 13 + 10, i * 13 + 13))).toEqual(
        before.slice(i * 13 + 10, i * 13 + 13),
      );
    return c;
  });
  expect(difference(single, double)).toBeLessThan(2e-5);
});

test('GELU and its slope, from the far left to the far right', () => {
  const [single, double] = both([4003, 4003, 4003]).map(({ kernels, arrays: [x, dy, y] }) => {
    for (let i = 0; i < x.length; i++) x[i] = Math.fround((i - 2000) / 100);
    x[0] = -1e6;
    x[4002] = 1e6;
    kernels.gelu(x, y);
    const forward = y.slice();
    kernels.geluBackward(x, dy, y);
    return { forward, y, dy };
  });
  for (let i = 0; i < 4003; i++) {
    expect(Math.abs(single.forward[i] - double.forward[i])).toBeLessThan(
      1e-6 * Math.max(1, Math.abs(double.forward[i])),
    );
    expect(Math.abs(single.y[i] - double.y[i])).toBeLessThan(2e-6 * Math.max(1, Math.abs(double.dy[i])));
  }
});

test('layer norm and its gradients', () => {
  const [rows, d] = [11, 36];
  const lengths = [rows * d, d, d, rows * d, rows * 2, rows * d, rows * d, d, d];
  const [single, double] = both(lengths).map(({ kernels, arrays }) => {
    const [x, scale, shift, y, stats, dy, dx, dScale, dShift] = arrays;
    for (let i = 0; i < x.length; i++) x[i] = Math.fround(x[i] * 3 + 100);
    kernels.layerNorm({ x, rows, d, scale, shift, epsilon: 1e-6, y, stats });
    kernels.layerNormBackward({ x, rows, d, scale, stats, dy, dx, dScale, dShift });
    return arrays;
  });
  for (let i = 3; i < lengths.length; i++) expect(difference(single[i], double[i])).toBeLessThan(1e-4);
});

test('biases, sums of rows and copies of rows', () => {
  const [single, double] = both([24 * 12, 12, 12, 24 * 12]).map(({ kernels, arrays: [x, row, sums, to] }) => {
    kernels.addRow(row, x);
    kernels.addRowSums(x, sums);
    kernels.copyRows(x.subarray(4), 24, to, 12, 12, 8);
    return [x, sums, to];
  });
  for (const i of [0, 1, 2]) expect(difference(single[i], double[i])).toBeLessThan(1e-5);
});

test('arrays of others are refused, and a layout that grows', () => {
  const { kernels, held } = wasmDense((floats) => floats(8));
  expect(() => kernels.gelu(new Float32Array(8), held)).toThrow(/must be those of these kernels/);
  let calls = 0;
  expect(() => wasmDense((floats) => floats(calls++ === 0 ? 8 : 800))).toThrow(/it was/);
});
