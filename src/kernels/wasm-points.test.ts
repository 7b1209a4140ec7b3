/** Points in WASM against float64. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { randomStream } from '../random.js';
import type { PointColumns } from './kernels.js';
import { referenceDistances, referencePoints, referenceSpread, referenceSums } from './reference-points.js';
import { wasmDistances, wasmPoints, wasmSpread, wasmSums } from './wasm-points.js';

const normals = (size: number, seed: number) => new Float32Array(size).map(randomStream(seed).normal);

const shapes = fc.record({
  seed: fc.nat(),
  n: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(511, 512, 513, 1100)),
  d: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(64, 130)),
  dv: fc.integer({ min: 1, max: 20 }),
  size: fc.constantFrom(1e-20, 1, 1e20),
  shift: fc.constantFrom(0, 100),
});

it('finds the spread of rows as in float64, for any shape, size and mean', () => {
  fc.assert(
    fc.property(shapes, fc.boolean(), ({ seed, n, d, size, shift }, weighs) => {
      const rows = normals(n * d, seed).map((x) => size * (x + shift));
      const shares = weighs ? new Float64Array(n).map((_, i) => (2 * (i + 1)) / n / (n + 1)) : undefined;
      const found = wasmSpread(rows, d, shares);
      const expected = referenceSpread(rows, d, shares);
      expect(Math.abs(found.deviation - expected.deviation) / size).toBeLessThan(1e-9);
      expect(found.mean.every((x, c) => Math.abs(x - expected.mean[c]) < 1e-9 * size)).toBe(true);
    }),
    { numRuns: 60 },
  );
});

it('adds rows up in groups as in float64, but for those of no group', () => {
  fc.assert(
    fc.property(shapes, fc.integer({ min: 1, max: 9 }), ({ seed, n, d, size }, groups) => {
      const random = randomStream(seed, 1);
      const rows = normals(n * d, seed).map((x) => size * x);
      const members = new Int32Array(n).map(() => Math.floor((groups + 1) * random.uniform()) - 1);
      const weights = new Float64Array(n).map(random.normal);
      const call = { rows, d, members, weights, groups };
      const [found, expected] = [wasmSums(call), referenceSums(call)];
      expect(found.length).toBe(groups * d);
      expect(found.every((x, at) => Math.abs(x - expected[at]) < 1e-10 * size)).toBe(true);
    }),
    { numRuns: 60 },
  );
});

it('adds up by the definition', () => {
  const rows = Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const call = {
    rows,
    d: 2,
    members: Int32Array.of(1, -1, 0, 1),
    weights: Float64Array.of(1, 9, 2, -1),
    groups: 2,
  };
  for (const sums of [
    wasmSums(call),
    referenceSums(call),
    wasmSums({ ...call, rows: Float32Array.from(rows) }),
  ])
    expect([...sums]).toEqual([10, 12, 1 - 7, 2 - 8]);
});

it('measures distances over the first columns as in float64, zero where there is no centre', () => {
  fc.assert(
    fc.property(shapes, fc.integer({ min: 1, max: 9 }), ({ seed, n, d, dv, shift }, count) => {
      const random = randomStream(seed, 1);
      const width = d + dv;
      const points = normals(n * width, seed).map((x) => x + shift);
      const centres = normals(count * width, seed + 1).map((x) => x + shift);
      const members = new Int32Array(n).map(() => Math.floor((count + 1) * random.uniform()) - 1);
      const call = { points, width, d, centres, members };
      const expected = Array.from(members, (centre, i) => {
        let square = 0;
        for (let c = 0; c < d && centre >= 0; c++)
          square += (points[i * width + c] - centres[centre * width + c]) ** 2;
        return square;
      });
      for (const distances of [wasmDistances(call), referenceDistances(call)])
        expect(expected.every((x, i) => Math.abs(distances[i] - x) <= 1e-5 * x)).toBe(true);
    }),
    { numRuns: 60 },
  );
});

it('takes shares for parts of all rows', () => {
  const rows = Float64Array.of(1, 5, 3, 5);
  for (const given of [rows, new Float32Array(rows)])
    for (const spread of [wasmSpread, referenceSpread]) {
      const { mean, deviation } = spread(given, 2, Float64Array.of(0.75, 0.25));
      expect([...mean, deviation ** 2].map((x) => x.toFixed(9))).toEqual([
        '1.500000000',
        '5.000000000',
        '0.750000000',
      ]);
    }
});

it('makes points as in float64, with and without a matrix', () => {
  fc.assert(
    fc.property(shapes, fc.boolean(), ({ seed, n, d, dv, size, shift }, multiplied) => {
      const [k, v] = [normals(n * d, seed), normals(n * dv, seed + 1)].map((rows) =>
        rows.map((x) => size * (x + shift)),
      );
      const groups: PointColumns[] = [
        {
          rows: k,
          d,
          ...wasmSpread(k, d),
          factor: 1 / size,
          matrix: multiplied ? normals(d * d, seed + 2) : undefined,
        },
        { rows: v, d: dv, ...wasmSpread(v, dv), factor: 2 / size },
      ];
      const found = new Float32Array(n * (d + dv));
      const expected = new Float32Array(n * (d + dv));
      wasmPoints(groups, found);
      referencePoints(groups, expected);
      const allowed = 2e-6 * (1 + shift) * (multiplied ? Math.sqrt(d) : 1);
      expect(found.every((x, at) => Math.abs(x - expected[at]) < allowed * 4)).toBe(true);
    }),
    { numRuns: 60 },
  );
});

it('knows what it finds from the definition, also where float32 ends', () => {
  for (const size of [1, 1e-300, 1e300]) {
    const rows = Float64Array.of(1, 5, 3, 5).map((x) => x * size);
    for (const spread of [wasmSpread, referenceSpread]) {
      const { mean, deviation } = spread(rows, 2);
      expect([mean[0] / size, mean[1] / size, deviation / size].map((x) => x.toFixed(9))).toEqual([
        '2.000000000',
        '5.000000000',
        '1.000000000',
      ]);
      for (const make of [wasmPoints, referencePoints]) {
        const out = new Float32Array(4);
        make([{ rows, d: 2, mean, factor: 1 / deviation }], out);
        expect([...out]).toEqual([-1, 0, 1, 0]);
      }
    }
  }
});
