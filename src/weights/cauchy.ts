/** Cauchy's weight: quadratic near zero, logarithmic far out. */
import { checkScale, type WeightFunction } from './weight.js';

/**
 * f(x) = log(1 + t^2)/2 with t = |x|/scale.
 *
 * @throws RangeError unless the scale is a positive number.
 *
 * @example
 * ```ts
 * import { cauchy } from 'levattention';
 *
 * cauchy(1).value(0); // => 0
 * ```
 */
export function cauchy(scale: number): WeightFunction {
  checkScale('cauchy', scale);
  return {
    name: `cauchy:${scale}`,
    growth: 2,
    value(x) {
      const t = Math.abs(x) / scale;
      return Math.log1p(t * t) / 2;
    },
  };
}
