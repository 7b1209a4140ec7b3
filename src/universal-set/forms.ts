/** Quadratic forms in float32 that are certified to lie above leverage scores (docs/algorithms.md, section 7: cheap certified bounds). */
import type { BlockPlan } from '../kernels/kernels.js';
import type { Form } from '../kernels/sieve.js';
import { cholesky, inverseLower } from '../kernels/triangular.js';
import type { Factor } from '../scores/factor.js';
import { UNIT_ROUNDOFF } from '../scores/gram.js';
import { type Direction, dot } from './directions.js';

/** What bounds and screens need of a factor. */
export type Scorer = Pick<Factor, 'plan' | 'absolute' | 'relative' | 'growth'>;

/**
 * A factor in coordinates y = scale x in which A has the diagonal 1: what most keys have in common, such as a mean, does not distort them, and
 * float32 neither overflows nor underflows.
 */
export interface Coordinates {
  readonly d: number;
  readonly scale: Float64Array;
  /** W and A = W^T W, [d, d]: the score of a row is y^T A y but for what `root` leaves room for. */
  readonly w: Float64Array;
  readonly a: Float64Array;
  /** |W y| below this is a score below epsilon, in exact and in float64 arithmetic. */
  readonly root: number;
  readonly growth: number;
}

/** Unit roundoff of float32. */
const SINGLE = 2 ** -24;
/** What is left for the rounding of the bounds themselves. */
const SLACK = 1 - 2 ** -22;
/** Below this epsilon float32 might underflow. */
const LEAST_EPSILON = 1e-12;
/** How far above its estimate the eigenvalue of the rest is tried. */
const ALLOWANCES = [1.02, 1.1, 1.3, 2, 8];

/** The coordinates of a factor; undefined where no form can decide anything at this epsilon. */
export function coordinatesOf(factor: Scorer, epsilon: number): Coordinates | undefined {
  const { absolute, relative, growth, plan } = factor;
  // One rounding of the score in float64, one of W in these coordinates, and `upperScore` adds one.
  const root = (Math.sqrt(epsilon / (1 + relative)) - 3 * absolute) * (1 - 8 * UNIT_ROUNDOFF);
  if (!plan.factor || plan.transform || epsilon < LEAST_EPSILON || !(root > 0.5 * Math.sqrt(epsilon)))
    return undefined;
  const { d, columnScale } = plan as BlockPlan & { factor: Float64Array };
  const w = plan.factor.slice();
  const scale = new Float64Array(d);
  for (let c = 0; c < d; c++) {
    let square = 0;
    for (let i = c; i < d; i++) square += w[i * d + c] ** 2;
    const given = columnScale ? columnScale[c] : 1;
    const single = Math.fround(given * Math.sqrt(square));
    // Beyond the range of float32, where only float64 keys are, any power of two will do.
    scale[c] =
      single > 0 && single < Number.POSITIVE_INFINITY
        ? single
        : given * 2 ** Math.round(Math.log2(square) / 2);
    // Subnormal keys have no scale among the numbers.
    if (!(scale[c] > 0 && scale[c] < Number.POSITIVE_INFINITY)) return undefined;
    for (let i = c; i < d; i++) w[i * d + c] /= scale[c] / given;
  }
  return { d, scale, w, a: gramOfColumns(w, d), root, growth };
}

/** The inverse of A, to rounding. */
export function inverseOf({ w, d }: Coordinates): Float64Array {
  const l = inverseLower(w, d);
  const out = new Float64Array(d * d);
  for (let i = 0; i < d; i++)
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = 0; k <= j; k++) sum += l[i * d + k] * l[j * d + k];
      out[i * d + j] = out[j * d + i] = sum;
    }
  return out;
}

/** Directions are given room for not being eigenvectors: this much of mu, and so many times their squared residual over mu. */
const ROOM = 0.002;
const RESIDUAL_ROOM = 400;

/**
 * mu |y|^2 + sum over `plus` of (value - mu) (v.y)^2 - sum over `minus` of (mu - value) (v.y)^2 with some room and its rounding, for the smallest mu
 * above `rest` that a Cholesky factorisation certifies. Directions need not be eigenvectors: the certificate takes them as they are.
 */
export function boundingForm(
  { d, scale, w, a, root }: Coordinates,
  rest: number,
  plus: readonly Direction[],
  minus: readonly Direction[],
): Form | undefined {
  for (const allowance of ALLOWANCES) {
    const mu = allowance * rest;
    const room = (residual: number) => ROOM * mu + (RESIDUAL_ROOM * residual) / mu;
    const p = scaledRows(plus, ({ value, residual }) => value - mu + room(residual));
    const m = scaledRows(minus, ({ value, residual }) => mu - value - room(residual));
    const certain = certifiedShift(a, w, d, mu, p, m);
    if (certain === undefined) continue;
    const { shift, factor } = withRounding(
      certain,
      d,
      squareSum(p),
      squareSum(m),
      plus.length + minus.length,
    );
    const below = root * root * factor * SLACK;
    return below > 0
      ? { plan: { d, scale, shift: Math.fround(shift * (2 - SLACK)), plus: p, minus: m }, below }
      : undefined;
  }
  return undefined;
}

/** |W y|^2 in float32, where its rounding leaves most of epsilon. */
export function triangularForm({ d, scale, w, root, growth }: Coordinates): Form | undefined {
  const sure = root - (d + 8) * SINGLE * growth;
  if (!(sure > 0.8 * root)) return undefined;
  const plan = { d, scale, shift: 0, plus: Float32Array.from(w), minus: new Float32Array(0) };
  return { plan, below: sure * sure * SLACK };
}

/** sqrt(weight) v as rows [directions, d] in float32. */
function scaledRows(
  directions: readonly Direction[],
  weight: (direction: Direction) => number,
): Float32Array {
  return Float32Array.from(
    directions.flatMap((direction) => {
      const root = Math.sqrt(Math.max(0, weight(direction)));
      return Array.from(direction.vector, (entry) => root * entry);
    }),
  );
}

function squareSum(rows: Float32Array): number {
  return rows.reduce((sum, entry) => sum + entry * entry, 0);
}

/**
 * mu + rho with (mu + rho) I + P^T P - M^T M - A positive semi-definite, or undefined. A Cholesky factorisation of the computed matrix B
 * succeeds only if B + E is, |E| <= (d + 1) u tr B; B itself is off by at most (d + rows + 4) u times the sizes of its terms, and A by d u |W|_F^2.
 */
function certifiedShift(
  a: Float64Array,
  w: Float64Array,
  d: number,
  mu: number,
  plus: Float32Array,
  minus: Float32Array,
): number | undefined {
  const b = new Float64Array(d * d);
  for (let i = 0; i < b.length; i++) b[i] = (i % (d + 1) ? 0 : mu) - a[i];
  addSquares(b, plus, d, 1);
  addSquares(b, minus, d, -1);
  if (!cholesky(b, d)) return undefined;
  const rows = (plus.length + minus.length) / d;
  const sizes = d * mu + squareSum(plus) + squareSum(minus) + dot(w, w);
  return mu + 4 * (2 * d + rows + 8) * UNIT_ROUNDOFF * sizes;
}

/** b += sign F^T F for rows F [count, d]. */
function addSquares(b: Float64Array, form: Float32Array, d: number, sign: number): void {
  for (let start = 0; start < form.length; start += d)
    for (let i = 0; i < d; i++) {
      const entry = sign * form[start + i];
      for (let j = 0; j < d; j++) b[i * d + j] += entry * form[start + j];
    }
}

/**
 * The shift and the factor of the threshold that make up for float32. With g the relative error of a product v.y or a norm, delta = g |P|_F/sqrt(alpha)
 * and theta that of the last sums: (v.y)^2 <= (1 + delta) z^2 + (1 + 1/delta) g^2 |v|^2 |y|^2 for the computed z, and what is subtracted is too large
 * by at most (2 g + g^2) |M|_F^2 |y|^2.
 */
function withRounding(
  alpha: number,
  d: number,
  plus: number,
  minus: number,
  rows: number,
): { shift: number; factor: number } {
  const g = ((d + 8) * SINGLE) / (1 - (d + 8) * SINGLE);
  const theta = (rows + 8) * SINGLE;
  const delta = g * Math.sqrt(plus / alpha);
  const added = g * g * plus + g * Math.sqrt(plus * alpha);
  const subtracted = (2 * g + g * g + (delta + 4 * theta) * (1 + g) ** 2) * minus;
  return { shift: (alpha + added + subtracted) / (1 - g), factor: (1 - theta) / (1 + delta) };
}

/** W^T W of a lower triangle. */
function gramOfColumns(w: Float64Array, d: number): Float64Array {
  const out = new Float64Array(d * d);
  for (let k = 0; k < d; k++)
    for (let i = 0; i <= k; i++) {
      const entry = w[k * d + i];
      for (let j = 0; j <= i; j++) out[i * d + j] += entry * w[k * d + j];
    }
  for (let i = 0; i < d; i++) for (let j = 0; j < i; j++) out[j * d + i] = out[i * d + j];
  return out;
}
