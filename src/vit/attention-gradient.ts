/** The gradients of softmax attention of one head over some of its keys. */
import type { Floats } from '../keys.js';

/** Adds to dq, dk, dv [n, d] those of out_i = sum_j w_ij v_j over the keys `kept`, w = softmax(q k^T / sqrt(d)), given `out` and that of it. */
export function attentionGradient(
  [q, k, v, out, dOut]: readonly Floats[],
  [dq, dk, dv]: readonly Floats[],
  kept: readonly number[],
  n: number,
  d: number,
): void {
  const scale = 1 / Math.sqrt(d);
  const weights = new Float64Array(kept.length);
  for (let i = 0; i < n; i++) {
    const row = i * d;
    let most = Number.NEGATIVE_INFINITY;
    for (let s = 0; s < kept.length; s++) {
      let dot = 0;
      for (let c = 0; c < d; c++) dot += q[row + c] * k[kept[s] * d + c];
      weights[s] = scale * dot;
      most = Math.max(most, weights[s]);
    }
    let sum = 0;
    for (let s = 0; s < kept.length; s++) sum += weights[s] = Math.exp(weights[s] - most);
    let mean = 0;
    for (let c = 0; c < d; c++) mean += dOut[row + c] * out[row + c];
    for (let s = 0; s < kept.length; s++) {
      const key = kept[s] * d;
      const weight = weights[s] / sum;
      let slope = -mean;
      for (let c = 0; c < d; c++) slope += dOut[row + c] * v[key + c];
      slope *= scale * weight;
      for (let c = 0; c < d; c++) {
        dq[row + c] += slope * k[key + c];
        dk[key + c] += slope * q[row + c];
        dv[key + c] += weight * dOut[row + c];
      }
    }
  }
}
