/** The kernels in plain TypeScript and float64: oracle of the WASM ones, fallback where there is no SIMD. */
import type { Floats } from '../keys.js';
import {
  type BlockKernel,
  type BlockPlan,
  FLUSH_ROWS,
  type Kernels,
  type QuadraticKernel,
  type QuadraticPlan,
  SINGLE_ROWS,
} from './kernels.js';

function blocks({ d, columnScale, transform, width = d, factor, single }: BlockPlan): BlockKernel {
  const scaled = new Float64Array(d);

  /** X. */
  function image(rows: Floats, rowScale?: Float64Array): Float64Array {
    const count = rows.length / d;
    const x = new Float64Array(count * width);
    for (let i = 0; i < count; i++) {
      if (rowScale?.[i] === 0) continue;
      for (let c = 0; c < d; c++)
        scaled[c] = rows[i * d + c] * (columnScale ? columnScale[c] : 1) * (rowScale ? rowScale[i] : 1);
      if (!transform) {
        x.set(scaled, i * width);
        continue;
      }
      for (let w = 0; w < width; w++) {
        let sum = 0;
        for (let c = 0; c < d; c++) sum += scaled[c] * transform[c * width + w];
        x[i * width + w] = sum;
      }
    }
    return x;
  }

  function gram(rows: Floats, out: Float64Array, rowScale?: Float64Array): void {
    const x = image(rows, rowScale);
    const count = rows.length / d;
    out.fill(0);
    const round = single ? Math.fround : (value: number) => value;
    const run = single ? SINGLE_ROWS : FLUSH_ROWS;
    for (let start = 0; start < count; start += FLUSH_ROWS) {
      const end = Math.min(start + FLUSH_ROWS, count);
      for (let a = 0; a < width; a++)
        for (let b = 0; b <= a; b++) {
          let sum = 0;
          for (let first = start; first < end; first += run) {
            let part = 0;
            for (let i = first; i < Math.min(first + run, end); i++)
              part = round(part + round(round(x[i * width + a]) * round(x[i * width + b])));
            sum = round(sum + part);
          }
          out[a * width + b] += sum;
        }
    }
    for (let a = 0; a < width; a++) for (let b = 0; b < a; b++) out[b * width + a] = out[a * width + b];
  }

  function scores(rows: Floats, out: Float64Array, rowScale?: Float64Array): void {
    const x = image(rows, rowScale);
    for (let i = 0; i < rows.length / d; i++) {
      let score = 0;
      for (let a = 0; a < width; a++) {
        let sum = factor ? 0 : x[i * width + a];
        if (factor) for (let b = 0; b <= a; b++) sum += factor[a * width + b] * x[i * width + b];
        score += sum * sum;
      }
      out[i] = score;
    }
  }

  return { gram, scores };
}

function quadratic({ d, scale, shift, plus, minus }: QuadraticPlan): QuadraticKernel {
  const y = new Float64Array(d);
  const squares = (form: Float32Array) => {
    let sum = 0;
    for (let start = 0; start < form.length; start += d) {
      let dot = 0;
      for (let c = 0; c < d; c++) dot += form[start + c] * y[c];
      sum += dot * dot;
    }
    return sum;
  };
  return {
    values(rows, out) {
      for (let i = 0; i < rows.length / d; i++) {
        let square = 0;
        for (let c = 0; c < d; c++) {
          y[c] = rows[i * d + c] * scale[c];
          square += y[c] * y[c];
        }
        out[i] = shift * square + squares(plus) - squares(minus);
      }
    },
  };
}

/** Plain TypeScript kernels. */
export const referenceKernels: Kernels = { name: 'reference', blocks, quadratic };
