/** Symmetric tensor powers of keys, whose leverage scores bound the sensitivities of |x|^p for even p (docs/algorithms.md, section 3). */
import type { KeyMatrix } from '../keys.js';

/** Products below this may have lost digits. */
const SMALLEST = 1e-290;

/** Dimension of the symmetric tensors of an order over d coordinates: C(d + order - 1, order). */
export function tensorDimension(d: number, order: number): number {
  let dimension = 1;
  for (let i = 1; i <= order; i++) dimension = (dimension * (d + i - 1)) / i;
  return Math.round(dimension);
}

/** Relative rounding of an entry of a tensor, in units of u: the products, the coefficient and its own rounding. */
export function tensorRounding(order: number): number {
  return order === 1 ? 0 : order + 4;
}

/**
 * Rows phi(k) with <phi(k), phi(q)> = <k, q>^order: every product k_{i1} ... k_{ir}, i1 <= ... <= ir, times the square root of the number
 * of its orders. The matrix itself for order 1. A product that leaves the range of float64 is NaN, so that nothing is concluded from it.
 */
export function tensorPower(matrix: KeyMatrix, order: number): KeyMatrix {
  if (order === 1) return matrix;
  const { n, d } = matrix;
  const { factors, coefficients } = monomials(d, order);
  const width = coefficients.length;
  return {
    n,
    d: width,
    rows(start, end) {
      const rows = matrix.rows(start, end);
      const out = new Float64Array((end - start) * width);
      for (let j = 0; j < end - start; j++)
        for (let t = 0; t < width; t++) {
          let product = coefficients[t];
          let zero = false;
          for (let i = t * order; i < (t + 1) * order; i++) {
            const factor = rows[j * d + factors[i]];
            product *= factor;
            zero ||= factor === 0;
          }
          out[j * width + t] = zero ? 0 : Math.abs(product) >= SMALLEST ? product : Number.NaN;
        }
      return out;
    },
  };
}

/** The factors of every monomial, ascending, `order` a monomial; and the square roots of the multinomial coefficients. */
function monomials(d: number, order: number): { factors: Int32Array; coefficients: Float64Array } {
  const width = tensorDimension(d, order);
  const factors = new Int32Array(width * order);
  const coefficients = new Float64Array(width);
  const current = new Int32Array(order);
  for (let t = 0; t < width; t++) {
    factors.set(current, t * order);
    coefficients[t] = Math.sqrt(arrangements(current));
    let i = order - 1;
    while (i >= 0 && current[i] === d - 1) i--;
    if (i >= 0) current.fill(current[i] + 1, i);
  }
  return { factors, coefficients };
}

/** The number of distinct orders of an ascending list: n!/(m1! m2! ...). */
function arrangements(list: Int32Array): number {
  let count = 1;
  let run = 0;
  for (let i = 0; i < list.length; i++) {
    run = i > 0 && list[i] === list[i - 1] ? run + 1 : 1;
    count = (count * (i + 1)) / run;
  }
  return count;
}
