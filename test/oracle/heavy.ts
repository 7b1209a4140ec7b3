/** Every attention score by its definition: A_ij = f(<q_i, k_j>) / sum_l f(<q_i, k_l>), scalar products in exact arithmetic. */
import { ratio, toInteger } from './exact.js';
import type { Matrix } from './matrix.js';
import type { Weight } from './weights.js';

/** sum_c x_c y_c, rounded once. */
export function exactDot(x: ArrayLike<number>, y: ArrayLike<number>): number {
  const terms = Array.from({ length: x.length }, (_, c) => {
    const [a, b] = [toInteger(x[c]), toInteger(y[c])];
    return { mantissa: a.mantissa * b.mantissa, exponent: a.exponent + b.exponent };
  }).filter(({ mantissa }) => mantissa !== 0n);
  if (terms.length === 0) return 0;
  const lowest = Math.min(...terms.map(({ exponent }) => exponent));
  const sum = terms.reduce((a, { mantissa, exponent }) => a + (mantissa << BigInt(exponent - lowest)), 0n);
  return lowest < 0 ? ratio(sum, 1n << BigInt(-lowest)) : ratio(sum << BigInt(lowest), 1n);
}

/**
 * [m, n] each: the scores, and how far below and above they may come out when each product is off by 1e-12 of itself and
 * 1e-29 of its terms, as sums in twice the precision are. Zeros where all f(<q_i, k_l>) vanish; `noise` [m] tells queries whose
 * products are all within 1e-12 of their terms.
 */
export function attentionScores(
  queries: Matrix,
  keys: Matrix,
  f: Weight,
): { scores: Float64Array; lower: Float64Array; upper: Float64Array; noise: boolean[] } {
  const { n, d } = keys;
  const size = queries.n * n;
  const [scores, lower, upper] = [new Float64Array(size), new Float64Array(size), new Float64Array(size)];
  const noise = new Array<boolean>(queries.n).fill(true);
  for (let i = 0; i < queries.n; i++) {
    const query = queries.data.subarray(i * d, (i + 1) * d);
    const values = Array.from({ length: n }, (_, j) => {
      const key = keys.data.subarray(j * d, (j + 1) * d);
      const product = Math.abs(exactDot(query, key));
      let size = 0;
      for (let c = 0; c < d; c++) size += Math.abs(query[c] * key[c]);
      if (product > 1e-12 * size) noise[i] = false;
      const error = 1e-12 * product + 1e-29 * size;
      return {
        least: f.value(Math.max(0, product - error)),
        value: f.value(product),
        most: f.value(product + error),
      };
    });
    const sum = (of: (v: (typeof values)[number]) => number): number => values.reduce((a, v) => a + of(v), 0);
    const [least, total, most] = [sum((v) => v.least), sum((v) => v.value), sum((v) => v.most)];
    values.forEach((v, j) => {
      const at = i * n + j;
      if (total > 0) scores[at] = v.value / total;
      if (v.least > 0) lower[at] = v.least / (most - v.most + v.least);
      if (v.most > 0) upper[at] = v.most / (Math.max(0, least - v.least) + v.most);
    });
  }
  return { scores, lower, upper, noise };
}
