/** Geman and McClure's weight: quadratic near zero, bounded by 1/2. */
import { checkScale, type WeightFunction } from './weight.js';

/**
 * f(x) = t^2/(1 + t^2)/2 with t = |x|/scale.
 *
 * @throws RangeError unless the scale is a positive number.
 *
 * @example
 * ```ts
 * import { gemanMcClure } from 'levattention';
 *
 * gemanMcClure(1).value(1); // => 0.25
 * ```
 */
export function gemanMcClure(scale: number): WeightFunction {
  checkScale('gemanMcClure', scale);
  return {
    name: `gemanMcClure:${scale}`,
    growth: 2,
    value(x) {
      const t = Math.abs(x) / scale;
      return t <= 1 ? (t * t) / (1 + t * t) / 2 : 0.5 / (1 + 1 / (t * t));
    },
  };
}
