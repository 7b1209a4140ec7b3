/** The dense layers in plain TypeScript and float64: oracle of the WASM ones, and for checks of gradients by differences. */
import type { Dense, MatmulCall, NormBackwardCall, NormCall } from './dense.js';

/** Sums are float64; arrays are of the given type. */
export function referenceDense(type: 'float32' | 'float64' = 'float64'): Dense {
  return {
    floats: (length) => (type === 'float32' ? new Float32Array(length) : new Float64Array(length)),
    matmul,
    layerNorm,
    layerNormBackward,
    gelu(x, y) {
      for (let i = 0; i < x.length; i++) y[i] = x[i] * normalCdf(x[i]);
    },
    geluBackward(x, dy, dx) {
      for (let i = 0; i < x.length; i++) dx[i] = dy[i] * (normalCdf(x[i]) + x[i] * normalDensity(x[i]));
    },
    addRow(row, y) {
      for (let i = 0; i < y.length; i++) y[i] += row[i % row.length];
    },
    addRowSums(x, sums) {
      for (let i = 0; i < x.length; i++) sums[i % sums.length] += x[i];
    },
    copyRows(from, strideFrom, to, strideTo, rows, d) {
      for (let i = 0; i < rows; i++)
        for (let c = 0; c < d; c++) to[i * strideTo + c] = from[i * strideFrom + c];
    },
  };
}

function matmul({
  a,
  b,
  c,
  m,
  n,
  depth,
  transposedA,
  transposedB,
  accumulate,
  ...strides
}: MatmulCall): void {
  const strideA = strides.strideA ?? (transposedA ? m : depth);
  const strideC = strides.strideC ?? n;
  const strideB = transposedB ? depth : n;
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let l = 0; l < depth; l++)
        sum +=
          a[transposedA ? l * strideA + i : i * strideA + l] *
          b[transposedB ? j * strideB + l : l * strideB + j];
      c[i * strideC + j] = accumulate ? c[i * strideC + j] + sum : sum;
    }
}

function layerNorm({ x, rows, d, scale, shift, epsilon, y, stats }: NormCall): void {
  for (let at = 0; at < rows * d; at += d) {
    let mean = 0;
    for (let c = 0; c < d; c++) mean += x[at + c] / d;
    let variance = 0;
    for (let c = 0; c < d; c++) variance += (x[at + c] - mean) ** 2 / d;
    const inverse = 1 / Math.sqrt(variance + epsilon);
    for (let c = 0; c < d; c++) y[at + c] = (x[at + c] - mean) * inverse * scale[c] + shift[c];
    stats.set([mean, inverse], (2 * at) / d);
  }
}

function layerNormBackward({ x, rows, d, scale, stats, dy, dx, dScale, dShift }: NormBackwardCall): void {
  const hat = new Float64Array(d);
  for (let row = 0; row < rows; row++) {
    const at = row * d;
    const inverse = stats[2 * row + 1];
    let mean = 0;
    let along = 0;
    for (let c = 0; c < d; c++) {
      hat[c] = (x[at + c] - stats[2 * row]) * inverse;
      dScale[c] += dy[at + c] * hat[c];
      dShift[c] += dy[at + c];
      mean += (dy[at + c] * scale[c]) / d;
      along += (dy[at + c] * scale[c] * hat[c]) / d;
    }
    for (let c = 0; c < d; c++) dx[at + c] += (dy[at + c] * scale[c] - mean - hat[c] * along) * inverse;
  }
}

function normalDensity(x: number): number {
  return Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);
}

/** By the series of positive terms phi(x) (x + x^3/3 + x^5/15 + ...): to a few units of float64. */
function normalCdf(x: number): number {
  if (Math.abs(x) > 9) return x > 0 ? 1 : 0;
  let term = x;
  let sum = x;
  for (let odd = 3; Math.abs(term) > 1e-17 * Math.abs(sum); odd += 2) {
    term *= (x * x) / odd;
    sum += term;
  }
  return 0.5 + normalDensity(x) * sum;
}
