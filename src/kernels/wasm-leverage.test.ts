/** Leverage scores of small matrices in WASM against plain TypeScript: the same operations in the same order. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { randomStream } from '../random.js';
import type { LeverageKernel } from './kernels.js';
import { referenceLeverage } from './reference-leverage.js';
import { wasmLeverage } from './wasm-leverage.js';

const shapes = fc.record({
  seed: fc.nat(),
  d: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(31, 32, 63, 64, 65, 130)),
  more: fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constantFrom(128, 785)),
  centred: fc.boolean(),
  single: fc.boolean(),
});

function draw(n: number, d: number, seed: number, single: boolean) {
  const random = randomStream(seed);
  const rows = Float64Array.from({ length: n * d }, random.normal);
  return single ? Float32Array.from(rows) : rows;
}

/** All that the three steps give. */
function stepsOf(kernel: LeverageKernel, rows: Float32Array | Float64Array, d: number, centred: boolean) {
  const diagonal = kernel.gram(rows, d, centred).slice();
  const scale = diagonal.map((x) => 2 ** -Math.round(Math.log2(x) / 2));
  const roots = diagonal.map((x, c) => Math.sqrt(x) * scale[c]);
  const growth = kernel.factor(scale, roots, 1e-14);
  return { diagonal, growth, scores: kernel.scores().slice() };
}

it('gives the same diagonal and the same scores, to the last bit', () => {
  fc.assert(
    fc.property(shapes, ({ seed, d, more, centred, single }) => {
      const rows = draw(d + more, d, seed, single);
      const found = stepsOf(wasmLeverage(), rows, d, centred);
      const expected = stepsOf(referenceLeverage(), rows, d, centred);
      expect(found.diagonal).toEqual(expected.diagonal);
      expect(found.scores).toEqual(expected.scores);
      expect(Math.abs(found.growth / expected.growth - 1)).toBeLessThan(1e-12);
    }),
    { numRuns: 60 },
  );
});

it('says where a pivot falls to the floor', () => {
  const twins = Float32Array.of(1, 1, 2, 2, 3, 3);
  for (const kernel of [wasmLeverage(), referenceLeverage()]) {
    expect([...kernel.gram(twins, 2, false)]).toEqual([14, 14]);
    expect(kernel.factor(Float64Array.of(1, 1), Float64Array.of(1, 1), 1e-15)).toBeNaN();
  }
});
