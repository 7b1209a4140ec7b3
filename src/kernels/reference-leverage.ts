/** Leverage scores of small matrices in plain TypeScript: oracle of the WASM kernel, fallback where there is no SIMD. */
import type { Floats } from '../keys.js';
import type { LeverageKernel } from './kernels.js';
import { referenceKernels } from './reference.js';
import { cholesky, inverseLower } from './triangular.js';

/** Matrices one after the other. */
export function referenceLeverage(): LeverageKernel {
  let x: Float64Array;
  let gram: Float64Array;
  let factor: Float64Array;
  let width: number;
  return {
    gram(rows: Floats, d: number, centred: boolean) {
      width = d + Number(centred);
      const n = rows.length / d;
      x = new Float64Array(n * width).fill(1);
      for (let i = 0; i < n; i++) x.set(rows.subarray(i * d, (i + 1) * d), i * width);
      gram = new Float64Array(width * width);
      referenceKernels.blocks({ d: width }).gram(x, gram);
      return Float64Array.from({ length: width }, (_, c) => gram[c * width + c]);
    },
    factor(scale, roots, floor) {
      const scaled = gram.map((entry, at) => entry * scale[Math.floor(at / width)] * scale[at % width]);
      const l = cholesky(scaled, width, floor);
      if (!l) return Number.NaN;
      const inverse = inverseLower(l, width);
      factor = inverse.map((entry, at) => entry * scale[at % width]);
      let growth = 0;
      for (let a = 0; a < width; a++) {
        let sum = 0;
        for (let b = 0; b <= a; b++) sum += Math.abs(inverse[a * width + b]) * roots[b];
        growth += sum * sum;
      }
      return Math.sqrt(growth);
    },
    scores() {
      const out = new Float64Array(x.length / width);
      referenceKernels.blocks({ d: width, factor }).scores(x, out);
      return out;
    },
  };
}
