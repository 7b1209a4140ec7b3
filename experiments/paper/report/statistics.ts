/** What figures of a few seeds, of a few thousand images, tell and what they do not. */

/** The mean, and its standard error where there are several values. */
export interface Estimate {
  readonly mean: number;
  readonly error?: number;
  readonly count: number;
}

export const meanOf = (values: readonly number[]): number =>
  values.reduce((a, b) => a + b, 0) / values.length;

/** Mean and standard error. */
export function estimate(values: readonly number[]): Estimate {
  const count = values.length;
  const mean = meanOf(values);
  return count < 2 ? { mean, count } : { mean, error: Math.sqrt(varianceOf(values) / count), count };
}

function varianceOf(values: readonly number[]): number {
  const mean = meanOf(values);
  return values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1);
}

/** A number's sign as far as it can be told; 0 where it cannot. */
export type Sign = -1 | 0 | 1;

/** By degrees of freedom from 1 on: what 95 % of draws of Student's t lie within. */
const STUDENT = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306];

/** The sign of the mean at 95 %, by Student's t: one value does not tell. */
export function signOf({ mean, error, count }: Estimate): Sign {
  return error === undefined ? 0 : beyond(mean, student(count - 1) * error);
}

/** How many standard errors a mean must be from 0 to be told from it. */
export const student = (freedom: number) =>
  freedom < 1 ? Number.POSITIVE_INFINITY : STUDENT[Math.min(freedom, STUDENT.length) - 1];

/** The sign of a difference of two values of one seed each, by how much seeds differ in groups of several. */
export function signBySpread(difference: number, groups: readonly (readonly number[])[]): Sign {
  const several = groups.filter((values) => values.length > 1);
  if (several.length === 0) return 0;
  const freedom = several.reduce((sum, values) => sum + values.length - 1, 0);
  const pooled = several.reduce((sum, values) => sum + (values.length - 1) * varianceOf(values), 0) / freedom;
  return beyond(difference, student(freedom) * Math.sqrt(2 * pooled));
}

/** The sign of the difference of two shares of the same `count` images, at 95 % or more: that the images are the same is left out. */
export function signOfShares(a: number, b: number, count: number): Sign {
  return beyond(a - b, 1.96 * Math.sqrt((a * (1 - a) + b * (1 - b)) / count));
}

const beyond = (x: number, bound: number): Sign => (x > bound ? 1 : x < -bound ? -1 : 0);

/** Of several comparisons: whether what can be told is positive throughout; undefined where nothing can be told. */
export function verdictOf(signs: readonly Sign[]): boolean | undefined {
  if (signs.includes(-1)) return false;
  return signs.includes(1) ? true : undefined;
}
