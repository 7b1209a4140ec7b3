/** For tests: a plain attention with its gradients, and gradients by differences. */
import type { Floats } from '../keys.js';
import { randomStream } from '../random.js';
import type { AttentionOperator } from './operator.js';

/** Softmax attention over all keys, written out. */
export const plainAttention: AttentionOperator = {
  name: 'plain',
  attend({ q, k, v, heads, tokens: n, headDim: d }) {
    const out = new Float64Array(q.length);
    const weights = new Float64Array(heads * n * n);
    const rows = Array.from({ length: heads * n }, (_, row) => ({ row, head: Math.floor(row / n) * n }));
    const scale = 1 / Math.sqrt(d);
    for (const { row, head } of rows) {
      const w = weights.subarray(row * n, (row + 1) * n);
      for (let j = 0; j < n; j++) w[j] = Math.exp(scale * dot(q, row, k, head + j));
      const sum = w.reduce((a, b) => a + b, 0);
      for (let j = 0; j < n; j++) {
        w[j] /= sum;
        for (let c = 0; c < d; c++) out[row * d + c] += w[j] * v[(head + j) * d + c];
      }
    }
    function dot(a: Floats, i: number, b: Floats, j: number): number {
      let sum = 0;
      for (let c = 0; c < d; c++) sum += a[i * d + c] * b[j * d + c];
      return sum;
    }
    return {
      out,
      backward(dOut) {
        const [dq, dk, dv] = [0, 1, 2].map(() => new Float64Array(q.length));
        for (const { row, head } of rows) {
          const mean = dot(dOut, row, out, row);
          for (let j = 0; j < n; j++) {
            const w = weights[row * n + j];
            const slope = scale * w * (dot(dOut, row, v, head + j) - mean);
            for (let c = 0; c < d; c++) {
              dq[row * d + c] += slope * k[(head + j) * d + c];
              dk[(head + j) * d + c] += slope * q[row * d + c];
              dv[(head + j) * d + c] += w * dOut[row * d + c];
            }
          }
        }
        return { dq, dk, dv };
      },
    };
  },
};

/** Fills an array with standard normal numbers. */
export function fillNormal(data: Floats, seed: number, factor = 1): Floats {
  const random = randomStream(seed);
  for (let i = 0; i < data.length; i++) data[i] = factor * random.normal();
  return data;
}

/** The largest difference of gradients from central differences of `loss`, over all numbers of x, relative to the largest gradient. */
export function gradientError(x: Floats, gradient: Floats, loss: () => number, step = 1e-5): number {
  let worst = 0;
  let largest = 0;
  for (let i = 0; i < x.length; i++) {
    const before = x[i];
    x[i] = before + step;
    const above = loss();
    x[i] = before - step;
    const below = loss();
    x[i] = before;
    worst = Math.max(worst, Math.abs((above - below) / (2 * step) - gradient[i]));
    largest = Math.max(largest, Math.abs(gradient[i]));
  }
  return worst / largest;
}

/** <a, b>. */
export function inner(a: Floats, b: Floats): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
