/** Gradients of attention with a Gaussian closed form beside its pairs (gaussian.ts), in float64. */
import type { Floats } from '../../keys.js';
import { eachGaussianTerm, type Moments } from './gaussian.js';

/** What the pairs are handed on, and what queries and moments have of their own. */
export interface MomentsGradients {
  /** Of the outputs [m, dv] and log sums [m] of the attention over the pairs alone; the former of the type of the outputs. */
  readonly dOut: Floats;
  readonly dLogSums: Float64Array;
  /** [m, d]. */
  readonly dQ: Float64Array;
  readonly dMoments: Omit<Moments, 'shares'>;
}

/**
 * The gradients of `addMoments`. With share a_i of the term with log-weight g_i and value t_i beside the output o_i of the pairs,
 * out_i = o_i + a_i (t_i - o_i), so that dg_i = a_i (1 - a_i) <dOut_i, t_i - o_i>, and the log sum of the pairs has -dg_i.
 * O(m d (d + dv)).
 *
 * @param q - [m, d]
 * @param out - [m, dv] and `logSums` [m]: attention over the pairs alone
 * @param dOut - [m, dv]: gradients of the outputs with the closed form
 */
export function momentsGradients(
  moments: Moments,
  q: Floats,
  scale: number,
  out: Floats,
  logSums: Float64Array,
  dOut: Floats,
): MomentsGradients {
  const { key, value, cross } = moments;
  const [d, dv] = [key.length, value.length];
  const toPairs = out.slice();
  const dLogSums = new Float64Array(logSums.length);
  const dQ = new Float64Array(q.length);
  let sumOfLogWeights = 0;
  const sums = {
    key: new Float64Array(d),
    value: new Float64Array(dv),
    keys: new Float64Array(d * d),
    cross: new Float64Array(d * dv),
  };
  eachGaussianTerm(moments, q, scale, (i, { logWeight, value: term, product }) => {
    const share = 1 / (1 + Math.exp(logSums[i] - logWeight));
    let dShare = 0;
    for (let c = 0; c < dv; c++) {
      const gradient = dOut[i * dv + c];
      toPairs[i * dv + c] = (1 - share) * gradient;
      dShare += gradient * (term[c] - out[i * dv + c]);
      sums.value[c] += share * gradient;
    }
    const dLogWeight = share * (1 - share) * dShare;
    dLogSums[i] = -dLogWeight;
    sumOfLogWeights += dLogWeight;
    for (let a = 0; a < d; a++) {
      const x = scale * q[i * d + a];
      sums.key[a] += dLogWeight * x;
      for (let b = 0; b < d; b++) sums.keys[a * d + b] += (dLogWeight / 2) * x * scale * q[i * d + b];
      let viaValue = 0;
      for (let c = 0; c < dv; c++) {
        const gradient = share * dOut[i * dv + c];
        sums.cross[a * dv + c] += x * gradient;
        viaValue += cross[a * dv + c] * gradient;
      }
      dQ[i * d + a] = scale * (dLogWeight * (key[a] + scale * product[a]) + viaValue);
    }
  });
  return { dOut: toPairs, dLogSums, dQ, dMoments: { ...sums, logWeight: sumOfLogWeights } };
}

/**
 * Adds the gradients of moments to those of the keys [n, d] and values [n, dv] with the given indices, which they are of, and to those of their
 * log-weights [n], if wanted. With the share a_j of key j, x_j = k_j - mu and y_j its value less the mean, the moments mu, C and X move with
 * its log-weight by a_j x_j, a_j (x_j x_j^T - C) and a_j (x_j y_j^T - X), and the log-weight of all by a_j.
 */
export function scatterMoments(
  { shares, key, value, keys, cross }: Moments,
  gradients: MomentsGradients['dMoments'],
  k: Floats,
  v: Floats,
  rows: readonly number[],
  dK: Float64Array,
  dV: Float64Array,
  dLogWeights?: Float64Array,
): void {
  const [d, dv] = [key.length, value.length];
  const mean = product(gradients.keys, keys) + product(gradients.cross, cross);
  for (const j of rows) {
    const share = shares[j];
    let ofWeight = gradients.logWeight - mean;
    for (let a = 0; a < d; a++) {
      const x = k[j * d + a] - key[a];
      let square = 0;
      for (let b = 0; b < d; b++) square += gradients.keys[a * d + b] * (k[j * d + b] - key[b]);
      let viaValue = 0;
      for (let c = 0; c < dv; c++) {
        viaValue += gradients.cross[a * dv + c] * (v[j * dv + c] - value[c]);
        dV[j * dv + c] += gradients.cross[a * dv + c] * x * share;
      }
      dK[j * d + a] += (gradients.key[a] + 2 * square + viaValue) * share;
      ofWeight += x * (gradients.key[a] + square + viaValue);
    }
    for (let c = 0; c < dv; c++) {
      dV[j * dv + c] += gradients.value[c] * share;
      ofWeight += gradients.value[c] * (v[j * dv + c] - value[c]);
    }
    if (dLogWeights) dLogWeights[j] += share * ofWeight;
  }
}

function product(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
