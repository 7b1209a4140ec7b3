/** Gradients of keys, values and log-weights from those of the pairs that they are stored in (stored-pairs.ts). */
import type { Floats } from '../../keys.js';
import type { StoredPairs } from './stored-pairs.js';

/**
 * Adds the gradient of the pairs' rows [s, width] to that of the rows [n, width] which they are means of, `target`: a row has its share of its
 * pair's gradient.
 */
export function scatterMeans(
  gradient: Floats,
  width: number,
  members: Int32Array,
  shares: Float64Array,
  target: Floats,
): void {
  members.forEach((pair, j) => {
    if (pair < 0) return;
    const share = shares[j];
    for (let c = 0; c < width; c++) target[j * width + c] += gradient[pair * width + c] * share;
  });
}

/** Gradients of what a pair is: [s, d], [s, dv] and [s]. */
export interface PairGradients {
  readonly dK: Float64Array;
  readonly dV: Float64Array;
  readonly dLogWeights?: Float64Array;
}

/**
 * Adds to `target` [n] the gradients of the log-weights of keys. With share a_j of key j in its pair P, whose log-weight is the log sum of
 * weights and whose key and value are means, db_j = a_j (db_P + <dk_P, k_j - k_P> + <dv_P, v_j - v_P>), k_j with its sign. O(n (d + dv)).
 */
export function scatterLogWeights(
  { dK, dV, dLogWeights }: PairGradients,
  k: Floats,
  v: Floats,
  { keys, values, members, shares, signedShares }: StoredPairs,
  target: Float64Array,
): void {
  const [d, dv] = [k.length / members.length, v.length / members.length];
  members.forEach((pair, j) => {
    if (pair < 0) return;
    let sum = shares[j] * dLogWeights![pair];
    for (let c = 0; c < d; c++) {
      const moved = signedShares[j] * k[j * d + c] - shares[j] * keys[pair * d + c];
      sum += dK[pair * d + c] * moved;
    }
    for (let c = 0; c < dv; c++)
      sum += shares[j] * dV[pair * dv + c] * (v[j * dv + c] - values[pair * dv + c]);
    target[j] += sum;
  });
}
