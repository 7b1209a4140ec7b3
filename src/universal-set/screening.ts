/** One pass over rows that finds those whose leverage score may reach epsilon: certified cheap bounds first, float64 scores of what they leave (docs/algorithms.md, section 7). */
import type { BlockPlan } from '../kernels/kernels.js';
import { kernels } from '../kernels/load.js';
import { passOver } from '../kernels/pass.js';
import { type Form, notBelow, type Passed, rowsAt, type SievePlan, sieve } from '../kernels/sieve.js';
import type { Floats, KeyMatrix } from '../keys.js';
import { type Rounding, upperScore } from '../scores/factor.js';
import type { Steps } from '../steps.js';
import { directionOf, dot, leadingDirections } from './directions.js';
import {
  boundingForm,
  type Coordinates,
  coordinatesOf,
  inverseOf,
  type Scorer,
  triangularForm,
} from './forms.js';

/**
 * How rows are screened, as plain data that another thread can be sent. Which rows come out does not depend on the forms: what
 * they drop, the float64 score would drop too.
 */
export interface ScreenPlan extends Rounding {
  readonly epsilon: number;
  /** Forms in the order of use; each sees what those before it left. */
  readonly forms: readonly Form[];
  /** The float64 score. */
  readonly plan: BlockPlan;
}

/** A row of a matrix with its float64 score. */
export interface Scored {
  readonly index: number;
  readonly score: number;
}

/** Directions on either side that a form treats explicitly. */
const FEW_DIRECTIONS = 4;
const MOST_DIRECTIONS = 8;
/** Share of the rows that few directions leave, above which more are not tried. */
const FUTILE = 0.9;
/** Rows on which combinations of directions are compared. */
const MODEL_ROWS = 128;

/** Nanoseconds a row, measured at d = 64; only their ratios matter, and only to speed. */
const cost = {
  norm: (d: number) => 0.4 * d,
  directional: (d: number, directions: number) => d * (0.55 + 0.055 * directions),
  triangular: (d: number) => d * (0.55 + 0.028 * d),
  float64: (d: number) => d * (1 + 0.08 * d),
  /** Trying the triangular form on a sample of so many numbers. */
  trial: (d: number, numbers: number) => (numbers / d) * cost.triangular(d) + 30 * d * d,
  /** Finding directions and comparing combinations of them. */
  search: (d: number) => d * d * (d + 60 * MOST_DIRECTIONS) + 10 * MODEL_ROWS * MOST_DIRECTIONS * d,
};

/**
 * The screen of a certified factor for about n rows, of which `sample` holds some, [rows, d] of at most BLOCK_ROWS: forms are taken where they
 * pay, judged by the sample.
 */
export function screenFor(factor: Scorer, epsilon: number, sample: Floats, n: number): ScreenPlan {
  const { plan, absolute, relative } = factor;
  const screen = { epsilon, plan, absolute, relative };
  const coordinates = coordinatesOf(factor, epsilon);
  if (!coordinates) return { ...screen, forms: [] };
  return { ...screen, forms: cheapestForms(coordinates, sample, n) };
}

/** What works off blocks of at most BLOCK_ROWS rows by a screen. */
export function screening(screen: ScreenPlan): (rows: Floats) => Passed {
  const pass = sieve(sieveOf(screen));
  return (rows) => {
    const { positions, scores } = pass(rows);
    const heavy = scores.map((score) => mayReach(screen, score));
    return {
      positions: positions.filter((_, i) => heavy[i]),
      scores: scores.filter((_, i) => heavy[i]),
    };
  };
}

/** The rows of a matrix that pass, ascending. O(n d) where forms decide, O(n d^2) at most. */
export function* screened(matrix: KeyMatrix, screen: ScreenPlan): Steps<Scored[]> {
  const found: Scored[] = [];
  yield* passOver({
    phase: 'scores',
    matrix,
    task: { kind: 'sieve', plan: sieveOf(screen) },
    collect({ positions, scores }, start) {
      scores.forEach((score, i) => {
        if (mayReach(screen, score)) found.push({ index: start + positions[i], score });
      });
    },
  });
  return found;
}

/** Written so that a NaN would be kept. */
function mayReach(screen: ScreenPlan, score: number): boolean {
  return !(upperScore(screen, score) < screen.epsilon);
}

/** What a kernel can decide of a screen: below the floor, and further than any rounding of it, the upper end is below epsilon. */
function sieveOf({ epsilon, absolute, relative, forms, plan }: ScreenPlan): SievePlan {
  const root = Math.sqrt(epsilon / (1 + relative)) - absolute;
  return { ...plan, forms, floor: root > 0 ? root * root * (1 - 2 ** -30) : 0 };
}

/** The forms of least expected cost a row, among the norm, a directional and the triangular one. */
function cheapestForms(coordinates: Coordinates, sample: Floats, n: number): Form[] {
  const { d } = coordinates;
  const [largest] = leadingDirections(coordinates.a, d, 1);
  const all = { left: sample, share: 1 };
  const norm = option(boundingForm(coordinates, largest.value, [], []), all, d, cost.norm(d));
  // What the norm drops, the others would drop too.
  const tried = norm ?? all;
  const worth = (saved: number, price: number) => n * tried.share * saved > price;
  const triangular = worth(cost.float64(d) - cost.triangular(d), cost.trial(d, tried.left.length))
    ? option(triangularForm(coordinates), tried, d, cost.triangular(d))
    : undefined;
  const scoring = Math.min(cost.triangular(d), cost.float64(d));
  const directional = worth(scoring - cost.directional(d, 4), cost.search(d))
    ? directionalOption(coordinates, sample, tried)
    : undefined;
  let best: { forms: Form[]; expected: number } = { forms: [], expected: Number.POSITIVE_INFINITY };
  for (const first of [norm, undefined])
    for (const second of [directional, undefined])
      for (const third of [triangular, undefined]) {
        const chain = [first, second, third].filter((entry) => entry !== undefined);
        let share = 1;
        let expected = 0;
        for (const entry of chain) {
          expected += share * entry.price;
          share = Math.min(share, entry.share);
        }
        expected += share * cost.float64(d);
        if (expected < best.expected) best = { forms: chain.map(({ form }) => form), expected };
      }
  return best.forms;
}

/** What is left of a sample, and its share. */
interface Left {
  readonly left: Floats;
  readonly share: number;
}

/** A form, what it lets through, and its price a row. */
interface Option extends Left {
  readonly form: Form;
  readonly price: number;
}

/** A form tried on what is left of the sample. */
function option(form: Form | undefined, { left, share }: Left, d: number, price: number): Option | undefined {
  if (!form) return undefined;
  const count = left.length / d;
  const values = new Float32Array(count);
  kernels().quadratic(form.plan).values(left, values);
  const kept = notBelow(values, count, form.below);
  return { form, price, left: rowsAt(left, d, kept), share: (share * kept.length) / count };
}

/**
 * The cheapest combination of explicit directions, of the largest eigenvalues of A and the smallest, tried on some rows of the sample: few of
 * them first, and more where these help.
 */
function directionalOption(coordinates: Coordinates, sample: Floats, tried: Left): Option | undefined {
  const { d, scale, a, root } = coordinates;
  const rows = modelRows(sample, scale);
  const inverse = inverseOf(coordinates);
  let best: { expected: number; form?: () => Form | undefined; price: number } = {
    expected: cost.triangular(d),
    price: 0,
  };
  for (const most of [FEW_DIRECTIONS, MOST_DIRECTIONS]) {
    if (most > d >> 2) break;
    const high = leadingDirections(a, d, most + 1);
    // The largest of A^-1, by what A makes of them.
    const low = leadingDirections(inverse, d, most).map(({ vector }) => directionOf(a, vector));
    const parts = rows.map((y) => ({
      norm: dot(y, y),
      high: high.map(({ vector }) => dot(y, vector) ** 2),
      low: low.map(({ vector }) => dot(y, vector) ** 2),
    }));
    const shareLeft = (plus: number, minus: number) => {
      const mu = 1.02 * high[plus].value;
      let left = 0;
      for (const part of parts) {
        let bound = mu * part.norm;
        for (let c = 0; c < plus; c++) bound += (high[c].value - mu) * part.high[c];
        for (let c = 0; c < minus; c++) bound -= (mu - low[c].value) * part.low[c];
        if (!(bound < root * root)) left++;
      }
      return left / rows.length;
    };
    let least = 1;
    for (const plus of [0, most])
      for (const minus of [0, most]) {
        if (plus + minus === 0) continue;
        const left = shareLeft(plus, minus);
        const price = cost.directional(d, plus + minus);
        const expected = tried.share * price + left * cost.triangular(d);
        least = Math.min(least, left);
        if (expected >= best.expected) continue;
        const form = () =>
          boundingForm(coordinates, high[plus].value, high.slice(0, plus), low.slice(0, minus));
        best = { expected, form, price };
      }
    // Where few directions decide nothing, a few more do not either.
    if (least > FUTILE) break;
  }
  return option(best.form?.(), tried, d, best.price);
}

/** Some rows of the sample in the coordinates, evenly spread. */
function modelRows(sample: Floats, scale: Float64Array): Float64Array[] {
  const d = scale.length;
  const count = sample.length / d;
  const wanted = Math.min(MODEL_ROWS, count);
  return Array.from({ length: wanted }, (_, i) => {
    const start = Math.floor((i * count) / wanted) * d;
    return scale.map((s, c) => s * sample[start + c]);
  });
}
