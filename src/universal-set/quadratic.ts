/** The universal set for f(x) = x^2: every row whose leverage score reaches epsilon, minimal up to rounding (docs/algorithms.md, section 2). */

import { BLOCK_ROWS, type BlockPlan } from '../kernels/kernels.js';
import { kernels } from '../kernels/load.js';
import type { Floats, KeyMatrix } from '../keys.js';
import { type Factor, factorize, lowerScore, marginAt, upperScore } from '../scores/factor.js';
import { eachBlock } from '../scores/gram.js';
import { scoresOf } from '../scores/leverage.js';
import type { Steps } from '../steps.js';
import { type Candidate, type Selection, topCandidates } from './result.js';

/** The rows of leverage score >= epsilon, or the `top` rows of largest score. O(n d^2). */
export function* quadraticSet(
  matrix: KeyMatrix,
  where: string,
  { epsilon, top }: { epsilon?: number; top?: number },
): Steps<Selection> {
  const factor = yield* factorize(matrix, where);
  const found =
    epsilon !== undefined
      ? { kept: yield* rowsAbove(factor, epsilon), epsilon }
      : topCandidates(yield* allRows(factor), top as number);
  return {
    rank: factor.rank,
    ...found,
    guarantee: factor.unresolved.length === 0 ? 'minimal' : 'superset',
    scoreKind: factor.unresolved.length === 0 ? 'exact' : 'upper',
    margin: marginAt(factor, found.epsilon > 0 ? found.epsilon : 1),
    total: factor.rank,
    sizeBound: factor.rank / found.epsilon,
  };
}

/** With unresolved rows the scores of the others are upper bounds only. */
function candidate(factor: Factor, index: number, score: number): Candidate {
  const lower = factor.unresolved.length > 0 ? undefined : lowerScore(factor, score);
  return { index, lower, upper: upperScore(factor, score) };
}

function* allRows(factor: Factor): Steps<Candidate[]> {
  const scores = yield* scoresOf(factor);
  const unresolved = new Set(factor.unresolved);
  return Array.from(scores, (score, j) =>
    unresolved.has(j) ? { index: j, lower: 0, upper: 1 } : candidate(factor, j, score),
  );
}

/** Rows whose score may reach epsilon: a float32 pass with its error bound first, where that is sharp enough; then float64. */
function* rowsAbove(factor: Factor, epsilon: number): Steps<Candidate[]> {
  const { matrix, plan, unresolved } = factor;
  const { d } = matrix;
  const kept = new Map<number, Candidate>();
  for (const index of unresolved) kept.set(index, { index, lower: 0, upper: 1 });

  const exact = kernels().blocks(plan);
  const scores = new Float64Array(BLOCK_ROWS);
  const consider = (rows: Floats, indexOf: (i: number) => number) => {
    exact.load(rows);
    exact.scores(scores);
    for (let i = 0; i < rows.length / d; i++) {
      const index = indexOf(i);
      // Written so that a NaN would be kept.
      if (!(upperScore(factor, scores[i]) < epsilon) && !kept.has(index))
        kept.set(index, candidate(factor, index, scores[i]));
    }
  };

  const sloppy = singlePrecision(factor, epsilon);
  const filter = sloppy && kernels().blocks(sloppy.plan);
  const bounds = new Float32Array(BLOCK_ROWS);
  const few = new Float32Array(BLOCK_ROWS * d);
  yield* eachBlock(matrix.n, 'scores', (start, end) => {
    const rows = matrix.rows(start, end);
    if (!filter || !sloppy) {
      consider(rows, (i) => start + i);
      return;
    }
    filter.load(rows);
    filter.scores32(bounds);
    const passed: number[] = [];
    for (let j = 0; j < end - start; j++) {
      if (bounds[j] < sloppy.threshold) continue;
      few.set(rows.subarray(j * d, (j + 1) * d), passed.length * d);
      passed.push(start + j);
    }
    if (passed.length > 0) consider(few.subarray(0, passed.length * d), (i) => passed[i]);
  });
  return [...kept.values()].sort((a, b) => a.index - b.index);
}

/** The same scores in float32, and the value below which a row is certainly under epsilon; undefined where they would not decide. */
function singlePrecision(
  factor: Factor,
  epsilon: number,
): { plan: BlockPlan; threshold: number } | undefined {
  const { matrix, plan, absolute, relative, growth } = factor;
  const { d, factor: w } = plan;
  if (!w || plan.transform || !(matrix.rows(0, 1) instanceof Float32Array)) return undefined;
  const root = Math.sqrt(epsilon / (1 + relative)) - absolute - (d + 4) * 2 ** -24 * growth;
  if (root < 0.8 * Math.sqrt(epsilon)) return undefined;
  // Columns by powers of two, so that float32 neither overflows nor loses what matters to underflow.
  const scale = Float64Array.from({ length: d }, (_, c) => {
    let size = 0;
    for (let i = c; i < d; i++) size = Math.max(size, Math.abs(w[i * d + c]));
    return 2 ** Math.floor(Math.log2(size));
  });
  return {
    plan: {
      d,
      columnScale: scale.map((s, c) => s * (plan.columnScale ? plan.columnScale[c] : 1)),
      factor: w.map((entry, i) => entry / scale[i % d]),
    },
    threshold: root * root * (1 - 2 ** -22),
  };
}
