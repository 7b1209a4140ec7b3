/** The oracle itself, against formulas written out in another way. */
import { describe, expect, it } from 'vitest';
import { BLOCK_ROWS } from './kernels.js';
import { referenceKernels } from './reference.js';
import { referenceAttend } from './reference-attend.js';

describe('reference blocks', () => {
  it('gives the Gram, scaled and transformed, of small integers exactly', () => {
    const kernel = referenceKernels.blocks({
      d: 2,
      columnScale: Float64Array.of(2, 0.5),
      transform: Float64Array.of(1, 0, 1, 1, 1, 0),
      width: 3,
    });
    // Scaled rows (2, 2) and 3 (2, -1); times [[1, 0, 1], [1, 1, 0]]: (4, 2, 2) and (3, -3, 6).
    const block = [Float32Array.of(1, 4, 1, -2), Float64Array.of(1, 3)] as const;
    const gram = new Float64Array(9);
    kernel.gram(block[0], gram, block[1]);
    expect([...gram]).toEqual([25, -1, 26, -1, 13, -14, 26, -14, 40]);
    const norms = new Float64Array(2);
    kernel.scores(block[0], norms, block[1]);
    expect([...norms]).toEqual([24, 54]);
  });

  it('does not read the factor above the diagonal', () => {
    const kernel = referenceKernels.blocks({ d: 2, factor: Float64Array.of(2, Number.NaN, 1, 3) });
    const scores = new Float64Array(2);
    kernel.scores(Float64Array.of(1, 1, -1, 2), scores);
    expect([...scores]).toEqual([4 + 16, 4 + 25]);
  });

  it('keeps nothing of the block before', () => {
    const kernel = referenceKernels.blocks({ d: 1 });
    const gram = new Float64Array(1);
    kernel.gram(new Float64Array(BLOCK_ROWS).fill(1), gram);
    kernel.gram(Float64Array.of(3), gram);
    expect(gram[0]).toBe(9);
  });
});

describe('reference attention', () => {
  const call = { m: 2, n: 3, d: 1, dv: 1, k: Float64Array.of(0, 1, 2), v: Float64Array.of(1, 10, 100) };

  it('is the weighted mean of the values', () => {
    const out = new Float64Array(2);
    referenceAttend({ ...call, q: Float64Array.of(Math.log(2), 0), scale: 1, out });
    expect(out[0]).toBeCloseTo((1 + 2 * 10 + 4 * 100) / 7, 12);
    expect(out[1]).toBeCloseTo(37, 12);
    referenceAttend({ ...call, q: Float64Array.of(-5, 1e-200), scale: 1, power: 3, out });
    expect(out[0]).toBeCloseTo((10 + 8 * 100) / 9, 12);
    expect(out[1]).toBeCloseTo((10 + 8 * 100) / 9, 12);
  });

  it('gives zero rows where nothing is seen or weighs anything', () => {
    const out = new Float64Array(2).fill(7);
    referenceAttend({
      ...call,
      q: Float64Array.of(1, 1),
      scale: 1,
      limits: Uint32Array.of(0, 1),
      out,
    });
    expect([...out]).toEqual([0, 1]);
    referenceAttend({
      ...call,
      q: Float64Array.of(0, 1),
      scale: 1,
      power: 2,
      limits: Uint32Array.of(3, 1),
      out,
    });
    expect([...out]).toEqual([0, 0]);
  });
});
