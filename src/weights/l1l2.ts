/** The L1-L2 weight: quadratic near zero, linear far out. */
import { checkScale, type WeightFunction } from './weight.js';

/**
 * f(x) = 2 (sqrt(1 + t^2/2) - 1) with t = |x|/scale; written so that small t lose no digits. Between |x| and |x|^2 in growth.
 *
 * @throws RangeError unless the scale is a positive number.
 *
 * @example
 * ```ts
 * import { l1l2 } from 'levattention';
 *
 * l1l2(1).value(4); // => 4
 * ```
 */
export function l1l2(scale: number): WeightFunction {
  checkScale('l1l2', scale);
  return {
    name: `l1l2:${scale}`,
    growth: 2,
    lowerGrowth: 1,
    value(x) {
      const t = Math.abs(x) / scale;
      return (t * t) / (Math.sqrt(1 + (t * t) / 2) + 1);
    },
  };
}
