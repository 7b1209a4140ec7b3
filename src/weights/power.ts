/** |x|^p, the weight of the paper: leverage scores for p = 2, Lewis weights for every other p. */
import { isPositive, type WeightFunction } from './weight.js';

/**
 * f(x) = |x|^p for p > 0.
 *
 * @throws RangeError unless p is a positive number.
 *
 * @example
 * ```ts
 * import { power } from 'levattention';
 *
 * power(3).value(-2); // => 8
 * power(2).name; // => 'power:2'
 * ```
 */
export function power(p: number): WeightFunction {
  if (!isPositive(p)) throw new RangeError(`power: p must be a positive number, got ${p}`);
  return {
    name: `power:${p}`,
    growth: p,
    lowerGrowth: p,
    power: p,
    value: p === 2 ? (x) => x * x : (x) => Math.abs(x) ** p,
  };
}
