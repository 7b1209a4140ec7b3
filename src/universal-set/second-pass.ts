/** A second pass over rows of a sketch: those that are heavy among all rows of it (docs/algorithms.md, section 6). */
import { BLOCK_ROWS } from '../kernels/kernels.js';
import { type Floats, type KeyMatrix, matrixOver } from '../keys.js';
import { lowerScore, upperScore } from '../scores/factor.js';
import type { IndexedRows } from './indexed-rows.js';
import type { UniversalSet } from './result.js';
import type { Screen } from './screen.js';
import type { Shape } from './shape.js';

/** Keys of a second pass that can reach epsilon. */
export interface HeavyRows {
  /** Ascending, counted from the offset on. */
  readonly indices: readonly number[];
  /** Their scores against all keys of the sketch. */
  readonly scores: readonly number[];
  /** Those that may or may not reach epsilon. */
  readonly undecided: readonly number[];
}

/** A key that is kept; the universal set of a sketch is of such keys, ascending. */
export interface Found {
  readonly index: number;
  readonly score: number;
  readonly undecided: boolean;
}

/** The keys of a set whose scores no factor certifies: only a minimal one says which of them reach epsilon for certain. */
export function foundIn({ indices, scores, undecided, guarantee }: UniversalSet): Found[] {
  const open = new Set(guarantee === 'minimal' ? undecided : indices);
  return indices.map((index, i) => ({ index, score: scores[i], undecided: open.has(index) }));
}

/** Refuses rows where a sketch holds other ones, the first one row `offset` of it: keys of another part, or an offset that was forgotten. */
export function refuseOtherRows(held: IndexedRows, matrix: KeyMatrix, offset: number): void {
  const { n, d } = matrix;
  const { indices, data } = held;
  for (let at = 0; at < indices.length; at++) {
    const i = indices[at] - offset;
    if (i < 0 || i >= n) continue;
    const row = matrix.rows(i, i + 1);
    // Numbers that are not finite are refused by name when they are read.
    if (!row.every((x, c) => x === data[at * d + c] || !Number.isFinite(x)))
      throw new RangeError(
        `filter: the keys must be rows of the sketch, and row ${indices[at]} is another one`,
      );
  }
}

/** The rows of a matrix, the first one row `offset` of the sketch, that a certified factor of all rows lets pass. */
export function heavyByFactor(screen: Screen, shape: Shape, matrix: KeyMatrix, offset: number): HeavyRows {
  const { factor, threshold } = screen;
  const { d } = matrix;
  const found: Found[] = [];
  for (const { rows, start } of blocks(matrix)) {
    const image = shape.image(matrixOver(rows, rows.length / d, d));
    for (const c of factor.zero)
      for (let i = c; i < rows.length; i += d)
        if (rows[i] !== 0)
          throw new RangeError(
            `filter: the keys must be rows of the sketch, where column ${c} is zero, got ${rows[i]} at row ${offset + start + Math.floor(i / d)}`,
          );
    const scores = screen.scores(image);
    // A score tells of every number that is not finite: each has a part in it.
    if (!scores.every(Number.isFinite)) refuseNonFinite(rows, d, offset + start);
    for (const i of screen.pass(image)) {
      // No row of a matrix has a score above 1.
      if ((Math.sqrt(scores[i]) - factor.absolute) ** 2 * (1 - factor.relative) > 1)
        throw new RangeError(
          `filter: the keys must be rows of the sketch, and row ${offset + start + i} is none of them`,
        );
      found.push({
        index: offset + start + i,
        score: upperScore(factor, scores[i]),
        undecided: lowerScore(factor, scores[i]) < threshold,
      });
    }
  }
  return heavyRows(found);
}

/** Those keys of a set that are among the rows of a matrix: a sketch holds every row that may be heavy. */
export function heavyByHeld(set: readonly Found[], matrix: KeyMatrix, offset: number): HeavyRows {
  for (const { rows, start } of blocks(matrix)) refuseNonFinite(rows, matrix.d, offset + start);
  return heavyRows(set.filter(({ index }) => index >= offset && index < offset + matrix.n));
}

function heavyRows(found: readonly Found[]): HeavyRows {
  return {
    indices: found.map(({ index }) => index),
    scores: found.map(({ score }) => score),
    undecided: found.filter(({ undecided }) => undecided).map(({ index }) => index),
  };
}

function* blocks(matrix: KeyMatrix): Iterable<{ rows: Floats; start: number; end: number }> {
  for (let start = 0; start < matrix.n; start += BLOCK_ROWS) {
    const end = Math.min(matrix.n, start + BLOCK_ROWS);
    yield { rows: matrix.rows(start, end), start, end };
  }
}

/** Refuses rows with a number that is not finite; their first one is row `first`. */
function refuseNonFinite(rows: Floats, d: number, first: number): void {
  const at = rows.findIndex((x) => !Number.isFinite(x));
  if (at >= 0)
    throw new RangeError(
      `filter: keys must be finite, got ${rows[at]} at row ${first + Math.floor(at / d)}, column ${at % d}`,
    );
}
