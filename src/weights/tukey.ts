/** Tukey's biweight: quadratic near zero, constant beyond the scale. */
import { checkScale, type WeightFunction } from './weight.js';

/**
 * f(x) = (1 - (1 - t^2)^3)/6 for t <= 1 and 1/6 beyond, with t = |x|/scale; written so that small t lose no digits.
 *
 * @throws RangeError unless the scale is a positive number.
 *
 * @example
 * ```ts
 * import { tukey } from 'levattention';
 *
 * tukey(2).value(-5) * 6; // => 1
 * ```
 */
export function tukey(scale: number): WeightFunction {
  checkScale('tukey', scale);
  return {
    name: `tukey:${scale}`,
    growth: 2,
    value(x) {
      const t = Math.abs(x) / scale;
      return t >= 1 ? 1 / 6 : (t * t * (3 - 3 * t * t + t ** 4)) / 6;
    },
  };
}
