/** Rows times a matrix in WASM against float64. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { randomStream } from '../random.js';
import { referenceProducts } from './reference-products.js';
import { wasmProducts } from './wasm-products.js';

const normals = (size: number, seed: number) => new Float32Array(size).map(randomStream(seed).normal);

it('agrees with float64 for any shape', () => {
  const shapes = fc.record({
    seed: fc.nat(),
    n: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(511, 512, 513, 1100)),
    d: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(64, 130)),
    width: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(64, 130)),
  });
  fc.assert(
    fc.property(shapes, ({ seed, n, d, width }) => {
      const rows = normals(n * d, seed);
      const matrix = normals(d * width, seed + 1);
      const out = new Float32Array(n * width).fill(Number.NaN);
      wasmProducts({ rows, matrix, d, out });
      const expected = new Float64Array(n * width);
      referenceProducts({ rows, matrix, d, out: expected });
      const errors = expected.map((x, at) => Math.abs(out[at] - x) / Math.sqrt(d));
      expect(errors.every((error) => error < 1e-5)).toBe(true);
    }),
    { numRuns: 40 },
  );
});

it('multiplies by the definition, in float64 where an array is', () => {
  const rows = Float64Array.of(1, 2, 3, 2 ** -40, 1, 0);
  const matrix = Float64Array.of(1, 10, 1, 1, 0, -1);
  for (const multiply of [wasmProducts, referenceProducts]) {
    const out = new Float64Array(4);
    multiply({ rows, matrix, d: 3, out });
    expect([...out]).toEqual([3, 9, 1 + 2 ** -40, 1 + 10 * 2 ** -40]);
  }
});
