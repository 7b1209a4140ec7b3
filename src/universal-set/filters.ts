/** Cheap certified bounds of leverage scores, which spare most rows the float64 score (docs/algorithms.md, section 2: shortcuts for sets). */
import { BLOCK_ROWS, type BlockPlan } from '../kernels/kernels.js';
import { kernels } from '../kernels/load.js';
import type { Floats } from '../keys.js';
import type { Factor } from '../scores/factor.js';

/** Drops rows of a block that are certainly below epsilon. */
export interface Filter {
  /** Positions of the rows that may reach epsilon, ascending; undefined for all of them. */
  pass(rows: Floats): number[] | undefined;
}

/** A filter that lets more than this part of the rows through is not worth its time, judged by the first rows it sees. */
const USEFUL = 0.5;
const TRIAL_ROWS = 4 * BLOCK_ROWS;

/** The filters that can decide anything at this epsilon, cheapest first. */
export function filtersFor(factor: Factor, epsilon: number): Filter[] {
  const { absolute, relative, plan } = factor;
  const { d, factor: w } = plan;
  if (!w || plan.transform) return [];
  // |W x| below this root is a score below epsilon.
  const root = Math.sqrt(epsilon / (1 + relative)) - absolute;
  if (!(root > 0)) return [];
  const unit = unitColumns(plan, w);
  return [normFilter(unit, d, root), singlePrecision(factor, unit, root)].filter(
    (filter) => filter !== undefined,
  );
}

/** The factor for rows whose columns are scaled by powers of two to norms near 1, so that float32 does not overflow. */
function unitColumns(
  { d, columnScale }: BlockPlan,
  w: Float64Array,
): { columnScale: Float64Array; factor: Float64Array } {
  const scale = Float64Array.from({ length: d }, (_, c) => {
    let size = 0;
    for (let i = c; i < d; i++) size = Math.max(size, Math.abs(w[i * d + c]));
    return 2 ** Math.floor(Math.log2(size));
  });
  return {
    columnScale: columnScale ? scale.map((s, c) => s * columnScale[c]) : scale,
    factor: w.map((entry, i) => entry / scale[i % d]),
  };
}

/**
 * By the norm alone, in float32 with its error bound: |W x|^2 <= |W|^2 |x|^2, and |W|^2 <= (tr (W^T W)^8)^{1/8}, at most d^{1/8} too large. O(d) a row.
 * Gives up where the first rows show that it decides little.
 */
function normFilter(
  { columnScale, factor }: { columnScale: Float64Array; factor: Float64Array },
  d: number,
  root: number,
): Filter | undefined {
  const largest = largestEigenvalue(timesOwnTranspose(factor, d), d);
  if (!(largest < Number.POSITIVE_INFINITY)) return undefined;
  // The norm is off by at most (d + 4) 2^-24 of itself.
  const sure = (1 - (d + 4) * 2 ** -24) ** 2 * (1 - 2 ** -22);
  const threshold = (sure * root * root) / largest;
  const kernel = kernels().blocks({ d, columnScale });
  const squares = new Float32Array(BLOCK_ROWS);
  let seen = 0;
  let passed = 0;
  return {
    pass(rows) {
      if (seen >= TRIAL_ROWS && passed > USEFUL * seen) return undefined;
      kernel.load(rows);
      kernel.scores32(squares);
      const found: number[] = [];
      const count = rows.length / d;
      for (let i = 0; i < count; i++) if (!(squares[i] < threshold)) found.push(i);
      seen += count;
      passed += found.length;
      return found;
    },
  };
}

/** By the score in float32, of float32 keys, where its error bound leaves most of epsilon. O(d^2) a row, at twice the speed. */
function singlePrecision(
  { matrix, growth }: Factor,
  unit: { columnScale: Float64Array; factor: Float64Array },
  root: number,
): Filter | undefined {
  const { d } = matrix;
  if (!(matrix.rows(0, 1) instanceof Float32Array)) return undefined;
  const sure = root - (d + 4) * 2 ** -24 * growth;
  if (!(sure > 0.8 * root)) return undefined;
  const threshold = sure * sure * (1 - 2 ** -22);
  const kernel = kernels().blocks({ d, ...unit });
  const scores = new Float32Array(BLOCK_ROWS);
  return {
    pass(rows) {
      kernel.load(rows);
      kernel.scores32(scores);
      const found: number[] = [];
      for (let i = 0; i < rows.length / d; i++) if (!(scores[i] < threshold)) found.push(i);
      return found;
    },
  };
}

/** W W^T, which has the eigenvalues of W^T W. */
function timesOwnTranspose(w: Float64Array, d: number): Float64Array {
  const out = new Float64Array(d * d);
  for (let i = 0; i < d; i++)
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = 0; k < d; k++) sum += w[i * d + k] * w[j * d + k];
      out[i * d + j] = out[j * d + i] = sum;
    }
  return out;
}

/** An upper bound of the largest eigenvalue of a positive semi-definite matrix: (tr A^8)^{1/8}, and its rounding. */
function largestEigenvalue(a: Float64Array, d: number): number {
  let trace = 0;
  for (let i = 0; i < d; i++) trace += a[i * d + i];
  const fourth = timesOwnTranspose(
    timesOwnTranspose(
      a.map((entry) => entry / trace),
      d,
    ),
    d,
  );
  const eighth = fourth.reduce((sum, entry) => sum + entry * entry, 0) ** (1 / 8);
  // What rounding can take from A, relative to its trace, is at most about d u a step.
  return trace * (eighth + 16 * d * d * 2 ** -53);
}
