/**
 * Leverage scores in whole numbers: the last resort for rows that no factor tells apart (docs/algorithms.md, section 6).
 *
 * Floats are whole numbers times powers of two, and scores do not change when columns are scaled. With minors D_0 = 1, D_1, ... of the Gram,
 * fraction-free elimination (Bareiss 1968) makes of column c a whole column y, D_{c-1} times its part orthogonal to the columns before it, of
 * squared norm D_{c-1} D_c: tau_j is the sum of y_j^2/(D_{c-1} D_c).
 */
import type { KeyMatrix } from '../keys.js';
import type { Progress, Steps } from '../steps.js';
import { parts } from './whole-numbers.js';

/** Digits of a square root of a score, in bits. */
const DIGITS = 200n;
/** Rows between two reports: some milliseconds at 64 columns. */
const ROWS = 64;

/**
 * tau_j of every row to some d u, and 1e-50. O(n d^2 + d^3) operations on whole numbers of up to 110 d bits, and of as many more as
 * entries of a column differ in scale.
 */
export function* exactScores(matrix: KeyMatrix): Steps<Float64Array> {
  const { n, d } = matrix;
  const rows = wholeRows(matrix);
  const scores = new Float64Array(n);
  const gram = yield* gramOf(rows, d);
  const combination = gram.map((_, i) => gram.map((_, j) => (i === j ? 1n : 0n)));
  let before = 1n;
  for (let k = 0; k < d; k++) {
    const step = { phase: 'exact scores', done: k, total: d };
    const pivot = gram[k][k];
    // Of a column that depends on those before it.
    if (pivot === 0n) continue;
    yield* addSquares(scores, rows, combination[k], before * pivot, step);
    yield* eliminate(gram, combination, k, before, step);
    before = pivot;
  }
  return scores;
}

/** Adds what a column has beyond those before it: the squares of y, a combination of columns, over the sum of all of them. */
function* addSquares(
  scores: Float64Array,
  rows: readonly bigint[][],
  combination: readonly bigint[],
  square: bigint,
  step: Progress,
): Steps<void> {
  const parts = combination.map((part, c) => [c, part] as const).filter(([, part]) => part !== 0n);
  // The same digits of y and of the root of its sum of squares are enough.
  const excess = BigInt(square.toString(16).length * 2) - DIGITS;
  const shift = excess > 0n ? excess : 0n;
  const size = Number(square >> (2n * shift));
  for (let j = 0; j < rows.length; j++) {
    let y = 0n;
    for (const [c, part] of parts) if (rows[j][c] !== 0n) y += part * rows[j][c];
    scores[j] += Number(y >> shift) ** 2 / size;
    if (j % ROWS === 0) yield step;
  }
}

/** Takes column k out of those behind it, and notes of which columns these are combinations. Every division is exact. */
function* eliminate(
  gram: bigint[][],
  combination: bigint[][],
  k: number,
  before: bigint,
  step: Progress,
): Steps<void> {
  const d = gram.length;
  const pivot = gram[k][k];
  for (let i = k + 1; i < d; i++) {
    const factor = gram[i][k];
    const reduced = (own: bigint, other: bigint) => (own * pivot - other * factor) / before;
    for (let c = k + 1; c < d; c++) gram[i][c] = reduced(gram[i][c], gram[k][c]);
    for (let c = 0; c <= i; c++)
      if (c <= k || c === i) combination[i][c] = reduced(combination[i][c], combination[k][c]);
    yield step;
  }
}

function* gramOf(rows: readonly bigint[][], d: number): Steps<bigint[][]> {
  const gram = Array.from({ length: d }, () => new Array<bigint>(d).fill(0n));
  for (let j = 0; j < rows.length; j++) {
    const row = rows[j];
    for (let a = 0; a < d; a++) if (row[a] !== 0n) for (let b = 0; b <= a; b++) gram[a][b] += row[a] * row[b];
    if (j % ROWS === 0) yield { phase: 'exact gram', done: j, total: rows.length };
  }
  for (let a = 0; a < d; a++) for (let b = 0; b < a; b++) gram[b][a] = gram[a][b];
  return gram;
}

/** The rows with each column multiplied by a power of two that makes it whole. */
function wholeRows(matrix: KeyMatrix): bigint[][] {
  const { n, d } = matrix;
  const data = matrix.rows(0, n);
  const lowest = new Array<number>(d).fill(Number.POSITIVE_INFINITY);
  for (let i = 0; i < data.length; i++)
    if (data[i] !== 0) lowest[i % d] = Math.min(lowest[i % d], parts(data[i]).exponent);
  return Array.from({ length: n }, (_, j) =>
    Array.from({ length: d }, (_, c) => {
      const x = data[j * d + c];
      if (x === 0) return 0n;
      const { mantissa, exponent } = parts(x);
      return mantissa << BigInt(exponent - lowest[c]);
    }),
  );
}
