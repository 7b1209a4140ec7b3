/** Attention in plain TypeScript and float64: oracle of the WASM one, and what takes over where that does not reach. */
import type { AttendCall } from './kernels.js';

/** out_i = sum_j w_ij v_j / sum_j w_ij over the visible keys j. */
export function referenceAttend({ q, k, v, out, m, n, d, dv, scale, power, limits }: AttendCall): void {
  const weights = new Float64Array(n);
  const row = new Float64Array(dv);
  for (let i = 0; i < m; i++) {
    const visible = limits ? limits[i] : n;
    let largest = power === undefined ? Number.NEGATIVE_INFINITY : 0;
    for (let j = 0; j < visible; j++) {
      let dot = 0;
      for (let c = 0; c < d; c++) dot += q[i * d + c] * k[j * d + c];
      weights[j] = power === undefined ? dot * scale : Math.abs(dot);
      largest = Math.max(largest, weights[j]);
    }
    let total = 0;
    row.fill(0);
    for (let j = 0; j < visible; j++) {
      // Power weights are taken relative to the largest, so that they neither overflow nor all underflow.
      const w =
        power === undefined
          ? Math.exp(weights[j] - largest)
          : largest === 0
            ? 0
            : (weights[j] / largest) ** power;
      total += w;
      for (let c = 0; c < dv; c++) row[c] += w * v[j * dv + c];
    }
    for (let c = 0; c < dv; c++) out[i * dv + c] = total === 0 ? 0 : row[c] / total;
  }
}
