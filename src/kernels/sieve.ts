/** Rows that cheap forms leave over, with their float64 scores: each form looks only at what those before it left. */
import { type Floats, reusedBuffer } from '../keys.js';
import { BLOCK_ROWS, type BlockPlan, type QuadraticPlan } from './kernels.js';
import { kernels } from './load.js';

/** Drops the rows whose form is a number below `below`. */
export interface Form {
  readonly plan: QuadraticPlan;
  readonly below: number;
}

/** Forms in the order of use, then the plan's float64 score, which drops rows below `floor`. */
export interface SievePlan extends BlockPlan {
  readonly forms: readonly Form[];
  readonly floor: number;
}

/** Rows that are left, ascending, by their positions, with their float64 scores. */
export interface Passed {
  readonly positions: number[];
  readonly scores: number[];
}

/** What sieves blocks of at most BLOCK_ROWS rows; positions are counted from `first` on, and put behind those of `passed`. */
export function sieve(plan: SievePlan): (rows: Floats, passed?: Passed, first?: number) => Passed {
  const { d, forms, floor } = plan;
  const filters = forms.map((form) => ({ ...form, kernel: kernels().quadratic(form.plan) }));
  const exact = kernels().blocks(plan);
  const values = new Float32Array(BLOCK_ROWS);
  const scores = new Float64Array(BLOCK_ROWS);
  const buffer = reusedBuffer();
  return (rows, passed = { positions: [], scores: [] }, first = 0) => {
    let left = rows;
    // Positions of the rows that are left; undefined for all of them.
    let places: number[] | undefined;
    for (const { kernel, below } of filters) {
      kernel.values(left, values);
      const kept = notBelow(values, left.length / d, below);
      if (kept.length === 0) return passed;
      if (kept.length === left.length / d) continue;
      left = rowsAt(left, d, kept, buffer(left, kept.length * d));
      places = places ? kept.map((i) => (places as number[])[i]) : kept;
    }
    exact.scores(left, scores);
    for (let i = 0; i < left.length / d; i++)
      // Written so that a NaN would be kept.
      if (!(scores[i] < floor)) {
        passed.positions.push(first + (places ? places[i] : i));
        passed.scores.push(scores[i]);
      }
    return passed;
  };
}

/** Positions of the values that are not certainly below; -infinity is overflow of what is subtracted. */
export function notBelow(values: Float32Array, count: number, below: number): number[] {
  const found: number[] = [];
  for (let i = 0; i < count; i++)
    if (!(values[i] < below && values[i] > Number.NEGATIVE_INFINITY)) found.push(i);
  return found;
}

/** The rows at some ascending positions, one after the other, in an array of their own or in `out`, which may be where the rows are. */
export function rowsAt(
  rows: Floats,
  d: number,
  positions: readonly number[],
  out: Floats = new (rows instanceof Float32Array ? Float32Array : Float64Array)(positions.length * d),
): Floats {
  positions.forEach((i, t) => {
    out.set(rows.subarray(i * d, (i + 1) * d), t * d);
  });
  return out;
}
