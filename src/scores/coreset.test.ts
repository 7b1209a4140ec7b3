import { describe, expect, it } from 'vitest';
import type { KeyMatrix } from '../keys.js';
import { randomStream } from '../random.js';
import { type LpCoreset, lpCoreset, lpCoresetAsync } from './coreset.js';
import { heavyTailed, tensorOf } from './testing.js';

/** sum of weights |<k,y>|^p over the rows of a sample, or over all. */
function sumOf(
  keys: { data: ArrayLike<number>; shape: readonly number[] },
  y: number[],
  p: number,
  sample?: LpCoreset,
) {
  const indices = sample?.indices ?? Array.from({ length: keys.shape[0] }, (_, j) => j);
  return indices.reduce((sum, j, t) => {
    const product = y.reduce((dot, entry, c) => dot + entry * keys.data[j * y.length + c], 0);
    return sum + (sample ? sample.weights[t] : 1) * Math.abs(product) ** p;
  }, 0);
}

describe('lpCoreset', () => {
  const keys = heavyTailed(400, 3, 1);

  it.each([0.5, 1, 2, 3, 20])('keeps every row where as many are asked for, p = %d', (p) => {
    for (const rows of [400, 401, 1e9]) {
      const sample = lpCoreset(keys, { p, rows });
      expect(sample).toMatchObject({
        guarantee: 'exact',
        eta: 0,
        delta: 0,
        rows: 400,
        n: 400,
        d: 3,
        p,
        seed: 0,
      });
      expect(sample.indices).toEqual(Array.from({ length: 400 }, (_, j) => j));
      expect(sample.weights.every((weight) => weight === 1)).toBe(true);
      expect(sumOf(keys, [1, 2, 3], p, sample)).toBe(sumOf(keys, [1, 2, 3], p));
    }
    // Large powers are decided by few rows: 103 of these are enough then.
    if (p < 20)
      expect(lpCoreset(keys, { p, eta: 1e-3 })).toMatchObject({ guarantee: 'exact', eta: 0, rows: 400 });
  });

  it.each([0.5, 1, 1.5, 2, 4])('is unbiased over seeds, p = %d', (p) => {
    const y = [1, -0.5, 0.3];
    const seeds = 200;
    const values = Array.from({ length: seeds }, (_, seed) => {
      const sample = lpCoreset(keys, { p, rows: 40, seed });
      expect(sample.guarantee).toBe('none');
      return { sum: sumOf(keys, y, p, sample), count: sample.indices.length };
    });
    const mean = values.reduce((total, { sum }) => total + sum, 0) / seeds;
    const deviation = Math.sqrt(values.reduce((total, { sum }) => total + (sum - mean) ** 2, 0) / seeds);
    expect(Math.abs(mean - sumOf(keys, y, p))).toBeLessThan((4 * deviation) / Math.sqrt(seeds));
    const count = values.reduce((total, value) => total + value.count, 0) / seeds;
    expect(Math.abs(count - 40)).toBeLessThan(4 * Math.sqrt(40 / seeds));
  });

  it('expects as many rows as are asked for, and weights that are inverse probabilities', () => {
    const { rows, indices, weights, eta, delta } = lpCoreset(keys, { p: 1, rows: 60, seed: 3 });
    expect(rows).toBeCloseTo(60, 8);
    expect({ eta, delta }).toEqual({ eta: null, delta: null });
    expect(indices).toEqual(indices.toSorted((a, b) => a - b));
    for (const weight of weights) expect(weight).toBeGreaterThanOrEqual(1);
  });

  it('draws by the seed and the row alone, whatever the blocks, the precision and the way to run', async () => {
    const single = { data: Float32Array.from(heavyTailed(3000, 3, 2).data), shape: [3000, 3] } as const;
    const double = { data: Float64Array.from(single.data), shape: single.shape };
    const blockwise: KeyMatrix = { n: 3000, d: 3, rows: (a, b) => single.data.slice(a * 3, b * 3) };
    for (const options of [
      { p: 1.5, rows: 100, seed: 7 },
      { p: 2, eta: 0.5, seed: 7 },
    ]) {
      const sample = lpCoreset(single, options);
      expect(lpCoreset(blockwise, options)).toEqual(sample);
      expect(await lpCoresetAsync(single, options)).toEqual(sample);
      expect(lpCoreset(double, options).indices).toEqual(sample.indices);
      expect(lpCoreset(single, { ...options, seed: 8 }).indices).not.toEqual(sample.indices);
    }
  });

  it('gives each head draws of its own', () => {
    const twice = Float64Array.from([...keys.data, ...keys.data]);
    const { heads } = lpCoreset({ data: twice, shape: [1, 2, 400, 3] }, { p: 1, rows: 50 });
    expect(heads[0]).toMatchObject({ batch: 0, head: 0, ...lpCoreset(keys, { p: 1, rows: 50 }) });
    expect(heads[1].indices).not.toEqual(heads[0].indices);
  });

  it('keeps rows that are alone in a direction, however small, and no zero row', () => {
    const alone = tensorOf(500, 3, (i, c) =>
      i === 250 ? (c === 2 ? 1e-9 : 0) : i < 10 || c === 2 ? 0 : 1 + ((i * (c + 3)) % 7),
    );
    for (const p of [1, 2, 4])
      for (let seed = 0; seed < 20; seed++) {
        const { indices, weights } = lpCoreset(alone, { p, rows: 20, seed });
        const at = indices.indexOf(250);
        expect(at).toBeGreaterThanOrEqual(0);
        expect(weights[at]).toBe(1);
        expect(indices[0]).toBeGreaterThanOrEqual(10);
      }
  });

  it('keeps unresolved rows surely', () => {
    // Row 0 stands out of the rounding of a direction that no other row has.
    const keys = tensorOf(200, 2, (i, c) => (i === 0 ? (c === 0 ? 0 : 1e-17) : c === 0 ? 1 + (i % 3) : 0));
    for (let seed = 0; seed < 20; seed++)
      expect(lpCoreset(keys, { p: 1.5, rows: 5, seed }).indices[0]).toBe(0);
  });

  it('takes few rows, deficient ranks, copies, zeros and one row', () => {
    const wide = heavyTailed(3, 8, 4);
    expect(lpCoreset(wide, { p: 1, rows: 2, seed: 1 }).rows).toBeCloseTo(2, 8);
    expect(lpCoreset(wide, { p: 3, eta: 0.9 }).indices).toEqual([0, 1, 2]);
    const copies = tensorOf(1000, 3, (_, c) => c + 1);
    const sample = lpCoreset(copies, { p: 1.5, eta: 0.5, seed: 1 });
    expect(sample.indices.length).toBeLessThan(400);
    expect(Math.abs(sumOf(copies, [1, 1, 1], 1.5, sample) / sumOf(copies, [1, 1, 1], 1.5) - 1)).toBeLessThan(
      0.5,
    );
    const zeros = { data: new Float64Array(12), shape: [4, 3] } as const;
    for (const options of [
      { p: 1, rows: 2 },
      { p: 2, eta: 0.1 },
    ])
      expect(lpCoreset(zeros, options)).toMatchObject({
        indices: [],
        weights: [],
        rows: 0,
        guarantee: 'exact',
      });
    const one = { data: Float64Array.of(1, 2), shape: [1, 2] } as const;
    expect(lpCoreset(one, { p: 1, rows: 1 })).toMatchObject({
      indices: [0],
      weights: [1],
      guarantee: 'exact',
    });
  });

  it('covers an offset with centre', () => {
    const random = randomStream(5);
    const far = tensorOf(3000, 2, (_, c) => (c === 0 ? 1 : 0.1 * random.normal()));
    const shifted = tensorOf(3000, 3, (i, c) => (c < 2 ? far.data[i * 2 + c] : 1));
    const options = { p: 1, eta: 0.6, seed: 2 };
    const { indices, weights, n, d } = lpCoreset(far, { ...options, centre: true });
    expect({ n, d }).toEqual({ n: 3000, d: 2 });
    expect({ indices, weights }).toMatchObject({ indices: lpCoreset(shifted, options).indices });
  });

  it.each<[string, object | null | undefined, RegExp]>([
    ['none', undefined, /options must be an object such as \{ p: 1.5, eta: 0.2 \}, got undefined$/],
    ['null', null, /options must be an object/],
    ['no p', { rows: 3 }, /p must be a positive number, got undefined$/],
    ['p = 0', { p: 0, rows: 3 }, /p must be a positive number, got 0$/],
    ['p = NaN', { p: Number.NaN, rows: 3 }, /p must be a positive number, got NaN$/],
    ['p in words', { p: '2', rows: 3 }, /p must be a positive number, got 2$/],
    ['neither', { p: 1 }, /give exactly one of rows and eta$/],
    ['both', { p: 1, rows: 3, eta: 0.1 }, /give exactly one of rows and eta$/],
    ['no rows', { p: 1, rows: 0 }, /rows must be a positive integer, got 0$/],
    ['half a row', { p: 1, rows: 1.5 }, /rows must be a positive integer, got 1.5$/],
    ['eta 0', { p: 1, eta: 0 }, /eta must be in \(0, 1\), got 0$/],
    ['eta 1', { p: 1, eta: 1 }, /eta must be in \(0, 1\), got 1$/],
    ['eta null', { p: 1, eta: null }, /eta must be in \(0, 1\), got null$/],
    ['delta 0', { p: 1, eta: 0.1, delta: 0 }, /delta must be in \(0, 1\), got 0$/],
    ['delta of rows', { p: 1, rows: 9, delta: 0.1 }, /delta belongs to eta, which is not given, got 0.1$/],
    ['seed -1', { p: 1, rows: 9, seed: -1 }, /seed must be an integer in \[0, 2\^53\), got -1$/],
  ])('refuses options: %s', (_, options, message) => {
    expect(() => lpCoreset(keys, options as never)).toThrow(message);
  });

  it('refuses numbers that are not finite, and says in which head', () => {
    const data = Float64Array.from({ length: 12 }, (_, i) => (i === 10 ? Number.NaN : i));
    expect(() => lpCoreset({ data, shape: [6, 2] }, { p: 1, rows: 3 })).toThrow(
      /^lpCoreset: keys.*NaN.*row 5/,
    );
    expect(() => lpCoreset({ data, shape: [1, 2, 3, 2] }, { p: 1, rows: 3 })).toThrow(
      /^lpCoreset: keys of batch 0, head 1.*NaN.*row 2/,
    );
  });
});
