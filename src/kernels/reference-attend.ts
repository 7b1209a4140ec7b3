/** Attention in plain TypeScript and float64: oracle of the WASM one, and what takes over where that does not reach. */
import type { Floats } from '../keys.js';
import type { AttendBackwardCall, AttendCall } from './kernels.js';
import { type Offsets, offsetsOf } from './offsets.js';

/** out_i = sum_j w_ij v_j / sum_j w_ij over the visible keys j. */
export function referenceAttend(call: AttendCall): void {
  const { v, out, m, n, dv, logSums } = call;
  const offsets = offsetsOf(call);
  const weights = new Float64Array(n);
  const row = new Float64Array(dv);
  for (let i = 0; i < m; i++) {
    const { visible, total, logTotal } = weigh(call, offsets, i, weights);
    row.fill(0);
    for (let j = 0; j < visible; j++) for (let c = 0; c < dv; c++) row[c] += weights[j] * v[j * dv + c];
    for (let c = 0; c < dv; c++) out[i * dv + c] = total === 0 ? 0 : row[c] / total;
    if (logSums) logSums[i] = logTotal;
  }
}

/** The gradients of {@link referenceAttend}; weights are formed anew. */
export function referenceBackward(call: AttendBackwardCall): void {
  const { q, k, v, m, n, d, dv, scale, power, dOut, dLogSums, dQ, dK, dV, dLogWeights } = call;
  const offsets = offsetsOf(call);
  const weights = new Float64Array(n);
  const gradients = new Float64Array(n);
  const row = new Float64Array(d);
  for (let i = 0; i < m; i++) {
    const { visible, total } = weigh(call, offsets, i, weights);
    if (total === 0) {
      dQ.fill(0, i * d, (i + 1) * d);
      continue;
    }
    let mean = 0;
    for (let j = 0; j < visible; j++) {
      weights[j] /= total;
      let dot = 0;
      for (let c = 0; c < dv; c++) {
        dot += dOut[i * dv + c] * v[j * dv + c];
        dV[j * dv + c] += weights[j] * dOut[i * dv + c];
      }
      gradients[j] = dot;
      mean += weights[j] * dot;
    }
    const shift = dLogSums ? dLogSums[i] : 0;
    row.fill(0);
    for (let j = 0; j < visible; j++) {
      const gradient = weights[j] * (gradients[j] - mean + shift);
      if (dLogWeights) dLogWeights[j] += gradient;
      const slope = gradient * (power === undefined ? scale : power * inverseDot(q, i, k, j, d));
      for (let c = 0; c < d; c++) {
        row[c] += slope * k[j * d + c];
        dK[j * d + c] += slope * q[i * d + c];
      }
    }
    dQ.set(row, i * d);
  }
}

/** 1 / <q_i,k_j>, and zero of zero. */
function inverseDot(q: Floats, i: number, k: Floats, j: number, d: number): number {
  let dot = 0;
  for (let c = 0; c < d; c++) dot += q[i * d + c] * k[j * d + c];
  return dot === 0 ? 0 : 1 / dot;
}

/** Writes the weights of query i relative to the largest; returns how many keys it may see, the sum of these, and log sum_j w_ij. */
function weigh(
  { q, k, n, d, scale, power, limits }: Omit<AttendCall, 'logSums'>,
  offsets: Offsets | undefined,
  i: number,
  weights: Float64Array,
) {
  const visible = limits ? limits[i] : n;
  const shift = offsets ? offsets.shifts[i] : 0;
  const logarithmic = power === undefined || offsets !== undefined;
  if (offsets) offsets.fill(i, 0, visible, 1, weights, 0, 1);
  else weights.fill(0);
  let largest = logarithmic ? Number.NEGATIVE_INFINITY : 0;
  for (let j = 0; j < visible; j++) {
    let dot = 0;
    for (let c = 0; c < d; c++) dot += q[i * d + c] * k[j * d + c];
    if (power === undefined) weights[j] += dot * scale;
    // Without offsets, power weights are ratios, which are more accurate than logarithms.
    else if (logarithmic) weights[j] += power * Math.log(Math.abs(dot));
    else weights[j] = Math.abs(dot);
    largest = Math.max(largest, weights[j]);
  }
  let total = 0;
  const none = largest === (logarithmic ? Number.NEGATIVE_INFINITY : 0);
  for (let j = 0; j < visible; j++) {
    weights[j] = none ? 0 : logarithmic ? Math.exp(weights[j] - largest) : (weights[j] / largest) ** power!;
    total += weights[j];
  }
  const logLargest = logarithmic ? largest : power * Math.log(largest);
  return { visible, total, logTotal: shift + logLargest + Math.log(total) };
}
