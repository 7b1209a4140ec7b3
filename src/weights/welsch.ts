/** Welsch's weight: quadratic near zero, bounded by 1/2. */
import { checkScale, type WeightFunction } from './weight.js';

/**
 * f(x) = (1 - exp(-t^2))/2 with t = |x|/scale.
 *
 * @throws RangeError unless the scale is a positive number.
 *
 * @example
 * ```ts
 * import { welsch } from 'levattention';
 *
 * welsch(1).value(100); // => 0.5
 * ```
 */
export function welsch(scale: number): WeightFunction {
  checkScale('welsch', scale);
  return {
    name: `welsch:${scale}`,
    growth: 2,
    value(x) {
      const t = Math.abs(x) / scale;
      return -Math.expm1(-t * t) / 2;
    },
  };
}
