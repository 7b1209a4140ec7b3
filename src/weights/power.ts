/** |x|^p, the weight of the paper: leverage scores for p = 2, Lewis weights for every other p. */
import type { WeightFunction } from './weight.js';

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
  if (!(typeof p === 'number' && p > 0 && p < Number.POSITIVE_INFINITY))
    throw new RangeError(`power: p must be a positive number, got ${String(p)}`);
  return {
    name: `power:${p}`,
    growth: p,
    lowerGrowth: p,
    power: p,
    value: p === 2 ? (x) => x * x : (x) => Math.abs(x) ** p,
  };
}
