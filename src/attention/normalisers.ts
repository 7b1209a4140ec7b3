/** What the scores of a query are divided by: sum_l f(<q,k_l>), over all keys (docs/algorithms.md, section 5). */
import type { KeyMatrix } from '../keys.js';
import { accurateDot } from '../scores/accurate-dot.js';
import { eachBlock, gramOf } from '../scores/gram.js';
import { hasDigits } from '../scores/screening.js';
import type { Steps } from '../steps.js';
import type { WeightFunction } from '../weights/weight.js';

/** sum_l f(<q_i,k_l> / units_i) of each of the queries, rows one after the other; NaN where a weight overflows. */
export type Normaliser = (queries: Float64Array, units: Float64Array) => Steps<Float64Array>;

/** Below this part of its terms' sizes the quadratic form has lost too many digits, and the sum is taken key by key. */
const CANCELLATION = 1e-4;

/** The sums over all keys: O(d^2) a query for f(x) = x^2 and n >= d unless the form cancels, O(n d) otherwise. */
export function* exactNormaliser(keys: KeyMatrix, f: WeightFunction): Steps<Normaliser> {
  const { n, d } = keys;
  const gram = f.power === 2 && n >= d ? withDigits(yield* gramOf(keys, { d }), d) : undefined;
  return function* (queries, units) {
    const sums = new Float64Array(units.length);
    const plain: number[] = [];
    for (let i = 0; i < sums.length; i++) {
      const form = gram ? quadraticForm(queries.subarray(i * d, (i + 1) * d), gram, units[i]) : undefined;
      if (form === undefined) plain.push(i);
      else sums[i] = form;
    }
    if (plain.length === 0) return sums;
    yield* eachBlock(n, 'normalisers', (start, end) => {
      const rows = keys.rows(start, end);
      for (const i of plain)
        for (let l = 0; l < end - start; l++)
          sums[i] += f.value(accurateDot(queries, i * d, rows, l * d, d) / units[i]);
    });
    return sums;
  };
}

/** Rows of the keys, one after the other, in float64. */
export function gather(keys: KeyMatrix, indices: readonly number[]): Float64Array {
  const out = new Float64Array(indices.length * keys.d);
  indices.forEach((j, t) => {
    out.set(keys.rows(j, j + 1), t * keys.d);
  });
  return out;
}

/** A Gram whose entries have neither overflowed nor underflowed, or undefined. */
function withDigits(gram: Float64Array, d: number): Float64Array | undefined {
  for (let c = 0; c < d; c++) if (!hasDigits(gram[c * d + c])) return undefined;
  return gram;
}

/** (q/unit)^T G (q/unit), or undefined where it cancels or overflows. */
function quadraticForm(q: Float64Array, gram: Float64Array, unit: number): number | undefined {
  const d = q.length;
  let sum = 0;
  let sizes = 0;
  for (let a = 0; a < d; a++) {
    let row = 0;
    let rowSizes = 0;
    for (let b = 0; b < d; b++) {
      const term = gram[a * d + b] * (q[b] / unit);
      row += term;
      rowSizes += Math.abs(term);
    }
    sum += (q[a] / unit) * row;
    sizes += Math.abs(q[a] / unit) * rowSizes;
  }
  return sum > CANCELLATION * sizes && sizes < Number.POSITIVE_INFINITY ? sum : undefined;
}
