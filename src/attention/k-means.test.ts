/** k-means against what clusters must be whatever the points are, and against many careful iterations. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { useKernels } from '../kernels/load.js';
import { referenceKernels } from '../kernels/reference.js';
import { randomStream } from '../random.js';
import { run } from '../steps.js';
import { kMeans } from './k-means.js';
import { rowsOf } from './rows.js';

const normals = (size: number, seed: number) => new Float32Array(size).map(randomStream(seed).normal);
const sum = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0);
const cluster = (points: Float32Array, d: number, wanted: number, seed = 1, iterations?: number) =>
  run(kMeans({ rows: points, d }, wanted, randomStream(seed), iterations));
const inertia = (points: Float32Array, d: number, wanted: number, seed = 1, iterations?: number) =>
  sum(cluster(points, d, wanted, seed, iterations).distances);

describe('k-means', () => {
  it('gives each point one of at most `wanted` centres that all have points, for any points', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 60 }),
        fc.constantFrom('generic', 'few distinct', 'equal', 'zero', 'line', 'outlier', 'tiny'),
        (n, d, wanted, kind) => {
          const points = normals(n * d, n + d).map((x, at) => {
            const i = Math.floor(at / d);
            if (kind === 'few distinct') return (i % 3) + (at % d);
            if (kind === 'equal') return 0.3;
            if (kind === 'zero') return 0;
            if (kind === 'line') return i + 1;
            if (kind === 'outlier') return i === n - 1 ? 1 : x * 1e-20;
            return kind === 'tiny' ? x * 1e-30 : x;
          });
          const clusters = cluster(points, d, wanted);
          const { centres, nearest } = clusters;
          const count = centres.length / d;
          expect(new Set(nearest)).toEqual(new Set(Array.from({ length: count }, (_, j) => j)));
          expect(count).toBeLessThanOrEqual(Math.min(n, wanted));
          expect(centres.every(Number.isFinite)).toBe(true);
          expect(cluster(points, d, wanted)).toEqual(clusters);
          if (kind === 'few distinct' && wanted >= 3) expect(count).toBe(Math.min(3, n));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('finds well-separated clusters exactly, also those that a sample does not meet', () => {
    const n = 4000;
    const points = normals(n * 2, 5).map((x, at) => {
      const i = Math.floor(at / 2);
      return 0.01 * x + (i === 77 ? 50 : i % 4 === 0 ? 5 : -5);
    });
    const { nearest } = cluster(points, 2, 3);
    const groups = new Set(nearest);
    expect(groups.size).toBe(3);
    const split = [...nearest.keys()].filter((i) => i !== 77 && i % 4 !== 0);
    expect(new Set(split.map((i) => nearest[i])).size).toBe(1);
  });

  it('is within 10 % of twenty iterations over all points', () => {
    for (const [n, d, wanted] of [
      [3000, 8, 40],
      [2000, 32, 16],
    ]) {
      const points = normals(n * d, n).map((x, at) => x / (1 + (at % d)));
      expect(inertia(points, d, wanted) / inertia(points, d, wanted, 2, 20)).toBeLessThan(1.1);
    }
  });

  it('spends centres in proportion to squared distance: a heavy tail is covered', () => {
    const points = normals(2000 * 4, 9).map((x) => x ** 5);
    const uniform = cluster(points.slice(0, 4 * 30), 4, 30);
    const { centres } = uniform;
    const nearestTo = (at: number) =>
      Math.min(
        ...Array.from({ length: 30 }, (_, j) =>
          sum([0, 1, 2, 3].map((c) => (points[at + c] - centres[j * 4 + c]) ** 2)),
        ),
      );
    const random = sum(Array.from({ length: 2000 }, (_, i) => nearestTo(i * 4)));
    expect(inertia(points, 4, 30)).toBeLessThan(random / 4);
  });

  it.each([
    { n: 60, wanted: 20 },
    { n: 6000, wanted: 12 },
  ])('counts a point of weight w as w points: $n of them', ({ n, wanted }) => {
    const d = 3;
    const rows = normals(n * d, 2);
    // One side weighs more.
    const weights = Float64Array.from({ length: n }, (_, i) => (rows[i * d] > 0.5 ? 4 : 1));
    const copies = [...weights.keys()].flatMap((i) => new Array<number>(weights[i]).fill(i));
    const weighted = (seed: number) => run(kMeans({ rows, d, weights }, wanted, randomStream(seed)));
    const copied = (seed: number) =>
      run(kMeans({ rows: rowsOf(rows, d, copies), d }, wanted, randomStream(seed)));
    if (n === 60) {
      const [one, all] = [weighted(1), copied(1)];
      expect(copies.map((i) => one.nearest[i])).toEqual([...all.nearest]);
      expect(one.sums.every((x, at) => Math.abs(x - all.sums[at]) < 1e-9)).toBe(true);
    }
    const [one, all, without] = [weighted, copied, (seed: number) => cluster(rows, d, wanted, seed)].map(
      (make) =>
        [1, 2, 3, 4, 5].reduce((total, seed) => {
          const { nearest, centres } = make(seed);
          const square = (i: number, at: number) =>
            [0, 1, 2].reduce((s, c) => s + (rows[i * d + c] - centres[nearest[at] * d + c]) ** 2, 0);
          const own = nearest.length === n;
          return total + copies.reduce((s, i, at) => s + square(i, own ? i : at), 0);
        }, 0),
    );
    expect(Math.abs(one / all - 1)).toBeLessThan(0.03);
    expect(without / all).toBeGreaterThan(1.05);
  });

  it('reports progress on many points, and differs by seed alone', () => {
    const points = normals(40000 * 16, 3);
    const steps = [...kMeans({ rows: points, d: 16 }, 256, randomStream(1))];
    expect(steps.length).toBeGreaterThan(1);
    for (const { done, total } of steps) expect(done).toBeLessThanOrEqual(total);
    const small = points.subarray(0, 500 * 16);
    expect(cluster(small, 16, 9, 4)).toEqual(cluster(small, 16, 9, 4));
    expect(cluster(small, 16, 9, 4)).not.toEqual(cluster(small, 16, 9, 5));
  });

  it('does as well on the reference kernels', () => {
    const points = normals(600 * 6, 8);
    const wasm = inertia(points, 6, 20);
    const before = useKernels(referenceKernels);
    try {
      expect(Math.abs(inertia(points, 6, 20) / wasm - 1)).toBeLessThan(0.05);
    } finally {
      useKernels(before);
    }
  });
});
