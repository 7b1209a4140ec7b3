/** Nearest centres in WASM against float64. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { randomStream } from '../random.js';
import { referenceNearest } from './reference-nearest.js';
import { wasmNearest } from './wasm-nearest.js';

const normals = (size: number, seed: number) => new Float32Array(size).map(randomStream(seed).normal);

function nearestBy(
  find: typeof wasmNearest,
  points: Float32Array,
  centres: Float32Array,
  d: number,
): Int32Array {
  const out = new Int32Array(points.length / d).fill(-1);
  find({ points, centres, d, out });
  return out;
}

function score(points: Float32Array, i: number, centres: Float32Array, j: number, d: number): number {
  let sum = 0;
  for (let c = 0; c < d; c++) sum += (points[i * d + c] - centres[j * d + c] / 2) * centres[j * d + c];
  return sum;
}

it('agrees with float64 for any shape, up to near ties', () => {
  const shapes = fc.record({
    seed: fc.nat(),
    n: fc.oneof(fc.integer({ min: 1, max: 80 }), fc.constantFrom(1023, 1024, 1025, 1100)),
    count: fc.integer({ min: 1, max: 70 }),
    d: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(63, 64, 65, 130)),
    size: fc.constantFrom(1e-15, 1, 1e15),
  });
  fc.assert(
    fc.property(shapes, ({ seed, n, count, d, size }) => {
      const points = normals(n * d, seed).map((x) => x * size);
      const centres = normals(count * d, seed + 1).map((x) => x * size);
      const found = nearestBy(wasmNearest, points, centres, d);
      nearestBy(referenceNearest, points, centres, d).forEach((j, i) => {
        if (found[i] === j) return;
        const [a, b] = [score(points, i, centres, j, d), score(points, i, centres, found[i], d)];
        expect((a - b) / size ** 2).toBeLessThan(1e-5 * d);
      });
    }),
    { numRuns: 200 },
  );
});

it('gives distances and sums of the centres that it finds, for any shape', () => {
  const shapes = fc.record({
    seed: fc.nat(),
    n: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(511, 512, 513, 1100)),
    count: fc.integer({ min: 1, max: 30 }),
    d: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(64, 130)),
  });
  fc.assert(
    fc.property(shapes, fc.boolean(), ({ seed, n, count, d }, weighs) => {
      const points = normals(n * d, seed);
      const centres = normals(count * d, seed + 1);
      const weights = weighs ? new Float64Array(normals(n, seed + 3)) : undefined;
      const before = new Float64Array(normals(count * d, seed + 2));
      for (const find of [wasmNearest, referenceNearest]) {
        const out = new Int32Array(n);
        const distances = new Float64Array(n);
        const sums = before.slice();
        find({ points, centres, d, out, distances, sums, weights });
        const expected = before.slice();
        points.forEach((x, at) => {
          const i = Math.floor(at / d);
          expected[out[i] * d + (at % d)] += weights ? weights[i] * x : x;
        });
        expect(sums.every((sum, at) => Math.abs(sum - expected[at]) < 1e-9)).toBe(true);
        const squares = Array.from(out, (j, i) => {
          let square = 0;
          for (let c = 0; c < d; c++) square += (points[i * d + c] - centres[j * d + c]) ** 2;
          return square;
        });
        expect(squares.every((square, i) => Math.abs(distances[i] / square - 1) < 1e-5)).toBe(true);
      }
    }),
    { numRuns: 40 },
  );
});

it('loses no digits of small distances between points that are far from zero', () => {
  const centres = new Float32Array(7).fill(1e4);
  const points = Float32Array.of(...centres, ...centres);
  points[8] += 0.5;
  const distances = new Float64Array(2);
  wasmNearest({ points, centres, d: 7, out: new Int32Array(2), distances });
  expect([...distances]).toEqual([0, 0.25]);
});

it('takes the lower of equal centres, in the same panel and in another', () => {
  const centres = Float32Array.of(5, 5, 1, 2, 1, 2, 9, 9, 1, 2, 5, 5);
  const points = Float32Array.of(1, 2, 5, 5, 9, 9, 1, 1);
  for (const find of [wasmNearest, referenceNearest])
    expect([...nearestBy(find, points, centres, 2)]).toEqual([1, 0, 3, 1]);
});

it('does not take what an earlier, larger call left in memory for centres', () => {
  nearestBy(wasmNearest, normals(1024 * 33, 1), normals(64 * 33, 2), 33);
  const far = new Float32Array(30).fill(-7);
  expect([...nearestBy(wasmNearest, far, Float32Array.of(0, 0, 0), 3)]).toEqual(new Array(10).fill(0));
});
