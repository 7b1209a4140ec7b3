/** The interface of weight functions f, and the numerical probe of what the guarantee needs of them (docs/algorithms.md, section 4). */

/**
 * A weight function f: scores are A_ij = f(<q_i,k_j>) / sum_l f(<q_i,k_l>).
 *
 * What is guaranteed for your own f (no heavy key lost) rests on these conditions, which `checkWeight` probes numerically:
 * f is even, f(0) = 0, f is non-decreasing in |x|, and f(x)/|x|^growth is non-increasing in |x|.
 *
 * @example
 * ```ts
 * import { universalSet, type WeightFunction } from 'levattention';
 *
 * // log-cosh: quadratic near zero, linear far out.
 * const logCosh: WeightFunction = {
 *   name: 'log-cosh',
 *   growth: 2,
 *   lowerGrowth: 1,
 *   value: (x) => (Math.abs(x) < 20 ? Math.log1p(2 * Math.sinh(x / 2) ** 2) : Math.abs(x) - Math.LN2),
 * };
 * const set = universalSet({ data: Float64Array.of(1, 0, 0, 1, 0, 1, 0, 1), shape: [4, 2] }, { epsilon: 0.9, f: logCosh });
 * set.indices; // => [0]
 * set.guarantee; // => 'superset'
 * ```
 */
export interface WeightFunction {
  /** How results and messages call it, e.g. 'huber:1.5'. */
  readonly name: string;
  /** p: f(x)/|x|^p is non-increasing in |x|. */
  readonly growth: number;
  /** q, if there is one: f(x)/|x|^q is non-decreasing in |x|; makes the sets far smaller. */
  readonly lowerGrowth?: number;
  /** Set where f(x) is exactly |x|^power; then Lewis weights replace peeling. */
  readonly power?: number;
  /** f(x) >= 0. */
  value(x: number): number;
}

/** Relative slack of the probe: f is computed in floating point. */
const SLACK = 1e-9;
const SMALLEST = 1e-290;

/**
 * Probes the conditions of {@link WeightFunction} on |x| from 1e-6 to 1e6, three hundred points a decade.
 * A probe can refute the conditions, not prove them.
 *
 * @throws TypeError or RangeError with the condition and the place where it fails.
 *
 * @example
 * ```ts
 * import { checkWeight, huber } from 'levattention';
 *
 * checkWeight(huber(1), 'example') === undefined; // => true
 * ```
 */
export function checkWeight(f: WeightFunction, where: string): void {
  if (f === null || typeof f !== 'object' || typeof f.value !== 'function')
    throw new TypeError(
      `${where}: f must be a weight function such as power(2) or huber(1), got ${String(f)}`,
    );
  const { name, growth: p, lowerGrowth: q } = f;
  if (typeof name !== 'string' || name === '')
    throw new TypeError(`${where}: f.name must be a non-empty string, got ${String(name)}`);
  if (!isPositive(p))
    throw new RangeError(`${where}: f.growth of ${name} must be a positive number, got ${p}`);
  if (q !== undefined && !(typeof q === 'number' && q >= 0 && q <= p))
    throw new RangeError(`${where}: f.lowerGrowth of ${name} must be in [0, growth = ${p}], got ${q}`);
  if (f.power !== undefined && f.power !== p)
    throw new RangeError(`${where}: f.power of ${name} must equal growth = ${p}, got ${f.power}`);
  const refuse = (rule: string, x: number, got: unknown) => {
    throw new RangeError(`${where}: ${name} must be ${rule}, but f(${x}) = ${String(got)}`);
  };
  const at = (x: number): number => {
    const value = f.value(x);
    if (!(typeof value === 'number' && value >= 0 && value < Number.POSITIVE_INFINITY))
      refuse('finite and non-negative', x, value);
    return value;
  };
  if (f.power !== undefined) {
    for (let i = -60; i <= 60; i++) {
      const x = 10 ** (i / 10) * (i % 2 === 0 ? 1 : -1);
      const expected = Math.abs(x) ** p;
      const told = expected > SMALLEST && expected < 1 / SMALLEST;
      // Powers round by about p log|x| units.
      const value = f.value(x);
      if (told && !(typeof value === 'number' && Math.abs(value - expected) <= SLACK * (1 + p) * expected))
        refuse(`|x|^${p}`, x, value);
    }
    if (f.value(0) !== 0) refuse('zero at zero', 0, f.value(0));
    return;
  }
  if (at(0) !== 0) refuse('zero at zero', 0, at(0));
  const perDecade = 300;
  let before = 0;
  let beforeX = 0;
  let positive = false;
  for (let i = -6 * perDecade; i <= 6 * perDecade; i++) {
    const x = 10 ** (i / perDecade);
    const value = at(x);
    if (Math.abs(value - at(-x)) > SLACK * value) refuse('even', -x, `${at(-x)}, f(${x}) = ${value}`);
    if (value < before * (1 - SLACK))
      refuse('non-decreasing in |x|', x, `${value} < f(${beforeX}) = ${before}`);
    // Below the smallest normal numbers a value has no digits to judge growth by; a jump from there is growth without bound.
    if (value > SMALLEST) {
      const ratio = value / Math.max(before, SMALLEST);
      const step = x / beforeX;
      const earlier = `${value}, f(${beforeX}) = ${before} (it must keep its digits near zero)`;
      if (beforeX > 0 && ratio > step ** p * (1 + SLACK)) refuse(`of growth at most |x|^${p}`, x, earlier);
      if (q !== undefined && before > SMALLEST && ratio < step ** q * (1 - SLACK))
        refuse(`of growth at least |x|^${q}`, x, earlier);
    }
    positive ||= value > 0;
    before = value;
    beforeX = x;
  }
  if (!positive) refuse('positive somewhere', beforeX, before);
}

/** Whether it is a finite number above zero that has an inverse, as subnormal numbers have not. */
export function isPositive(x: unknown): boolean {
  return typeof x === 'number' && x >= 2 ** -1022 && x < Number.POSITIVE_INFINITY;
}

/** Refuses a scale that is not a positive number. */
export function checkScale(name: string, scale: number): void {
  if (!isPositive(scale)) throw new RangeError(`${name}: scale must be a positive number, got ${scale}`);
}
