/** Many keys as one Gaussian: the closed form of their softmax attention from moments of the second order. */
import { multiplyRows } from '../../kernels/cluster.js';
import { GramSum } from '../../kernels/gram-sum.js';
import { BLOCK_ROWS } from '../../kernels/kernels.js';
import { kernels } from '../../kernels/load.js';
import type { Floats } from '../../keys.js';
import { halfScale, largestOf } from '../selectors/points.js';
import { weigh } from './weigh.js';

/** Weighted moments of some keys and their values: what takes their place, d^2 + d dv + d + dv + 1 numbers. */
export interface Moments {
  /** The logarithm of the sum of their weights, or of their count. */
  readonly logWeight: number;
  /** What part of that each of the n keys is, 0 for the others. */
  readonly shares: Float64Array;
  /** mu [d] and the mean value [dv]. */
  readonly key: Float64Array;
  readonly value: Float64Array;
  /** C [d, d] and X [d, dv]: covariances of the keys, and of keys and values. */
  readonly keys: Float64Array;
  readonly cross: Float64Array;
}

/** The moments of the rows with the given indices, weighing exp(logWeights) if given. O(rows d (d + dv)). */
export function momentsOf(
  k: Floats,
  v: Floats,
  { d, dv }: { d: number; dv: number },
  rows: readonly number[],
  logWeights?: Floats,
): Moments {
  const members = new Int32Array(k.length / d).fill(-1);
  for (const j of rows) members[j] = 0;
  const { shares, logSums } = weigh(members, 1, logWeights);
  const width = d + dv;
  const mean = new Float64Array(width);
  for (const j of rows) {
    for (let a = 0; a < d; a++) mean[a] += k[j * d + a] * shares[j];
    for (let c = 0; c < dv; c++) mean[d + c] += v[j * dv + c] * shares[j];
  }
  const kernel = kernels().blocks({ d: width });
  const sums = new GramSum(width);
  const block = new Float64Array(Math.min(rows.length, BLOCK_ROWS) * width);
  for (let start = 0; start < rows.length; start += BLOCK_ROWS) {
    const end = Math.min(start + BLOCK_ROWS, rows.length);
    for (let i = start, at = 0; i < end; i++) {
      const j = rows[i];
      const root = Math.sqrt(shares[j]);
      for (let a = 0; a < d; a++) block[at++] = root * (k[j * d + a] - mean[a]);
      for (let c = 0; c < dv; c++) block[at++] = root * (v[j * dv + c] - mean[d + c]);
    }
    const sum = sums.room();
    kernel.gram(block.subarray(0, (end - start) * width), sum);
    sums.add(sum);
  }
  const covariances = sums.total();
  const keys = new Float64Array(d * d);
  const cross = new Float64Array(d * dv);
  for (let a = 0; a < d; a++) {
    keys.set(covariances.subarray(a * width, a * width + d), a * d);
    cross.set(covariances.subarray(a * width + d, (a + 1) * width), a * dv);
  }
  return { logWeight: logSums[0], shares, key: mean.slice(0, d), value: mean.slice(d), keys, cross };
}

/** Queries whose products with the covariances are in memory at a time. */
const BLOCK = 512;

/** Entries of queries between these have products in float32 that neither overflow nor vanish. */
const LEAST_SINGLE = 1e-15;
const MOST_SINGLE = 1e15;

/** What a query q gets from the keys. */
export interface GaussianTerm {
  /** log r + s <q,mu> + s^2 q^T C q / 2. */
  readonly logWeight: number;
  /** [dv]: v + s X^T q. */
  readonly value: Float64Array;
  /** [d]: C q. */
  readonly product: Float64Array;
}

/** Visits the terms of queries [m, d], one after the other; arrays are valid until the next one. O(d (d + dv)) a query. */
export function eachGaussianTerm(
  moments: Moments,
  q: Floats,
  scale: number,
  visit: (i: number, term: GaussianTerm) => void,
): void {
  const { key, value: mean } = moments;
  const [d, dv] = [key.length, mean.length];
  const width = d + dv;
  const m = q.length / d;
  const { matrix, unit } = covariances(moments);
  const single = Float32Array.from(matrix);
  const product = new Float64Array(d);
  const value = new Float64Array(dv);
  for (let start = 0; start < m; start += BLOCK) {
    const rows = q.subarray(start * d, Math.min(start + BLOCK, m) * d);
    const largest = largestOf(rows);
    const narrow = rows instanceof Float32Array && largest > LEAST_SINGLE && largest < MOST_SINGLE;
    const length = (rows.length / d) * width;
    const out = narrow ? new Float32Array(length) : new Float64Array(length);
    multiplyRows({ rows, matrix: narrow ? single : matrix, d, out });
    for (let row = 0, at = 0; at < length; row += d, at += width) {
      let linear = 0;
      let square = 0;
      for (let a = 0; a < d; a++) {
        product[a] = out[at + a] / unit;
        linear += rows[row + a] * key[a];
        square += rows[row + a] * product[a];
      }
      for (let c = 0; c < dv; c++) value[c] = mean[c] + (scale * out[at + d + c]) / unit;
      const logWeight = moments.logWeight + scale * linear + (scale * scale * square) / 2;
      visit(start + row / d, { logWeight, value, product });
    }
  }
}

/** C and X side by side, [d, d + dv], times a power of two that brings the largest entry near 1. */
function covariances({ key, value, keys, cross }: Moments): { matrix: Float64Array; unit: number } {
  const [d, dv] = [key.length, value.length];
  const matrix = new Float64Array(d * (d + dv));
  for (let a = 0; a < d; a++) {
    matrix.set(keys.subarray(a * d, (a + 1) * d), a * (d + dv));
    matrix.set(cross.subarray(a * dv, (a + 1) * dv), a * (d + dv) + d);
  }
  const half = halfScale(matrix);
  return { matrix: matrix.map((x) => x * half * half), unit: half * half };
}

/**
 * Adds the closed form to attention over pairs: outputs [m, dv] and log sums [m] of queries [m, d] become those with one term more.
 * O(d (d + dv)) a query.
 */
export function addMoments(
  moments: Moments,
  q: Floats,
  scale: number,
  out: Floats,
  logSums: Float64Array,
): void {
  const dv = moments.value.length;
  eachGaussianTerm(moments, q, scale, (i, { logWeight, value }) => {
    const share = 1 / (1 + Math.exp(logSums[i] - logWeight));
    for (let c = 0, at = i * dv; c < dv; c++, at++) out[at] += share * (value[c] - out[at]);
    logSums[i] = Math.max(logWeight, logSums[i]) + Math.log1p(Math.exp(-Math.abs(logWeight - logSums[i])));
  });
}
