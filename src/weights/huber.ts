/** Huber's weight: quadratic up to the scale, linear beyond. */
import { checkScale, type WeightFunction } from './weight.js';

/**
 * f(x) = t^2/2 for t <= 1 and t - 1/2 beyond, with t = |x|/scale. Between |x| and |x|^2 in growth.
 *
 * @throws RangeError unless the scale is a positive number.
 *
 * @example
 * ```ts
 * import { huber } from 'levattention';
 *
 * huber(1).value(3); // => 2.5
 * ```
 */
export function huber(scale: number): WeightFunction {
  checkScale('huber', scale);
  return {
    name: `huber:${scale}`,
    growth: 2,
    lowerGrowth: 1,
    value(x) {
      const t = Math.abs(x) / scale;
      return t <= 1 ? (t * t) / 2 : t - 0.5;
    },
  };
}
