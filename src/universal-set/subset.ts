/** The canonical subset of a matrix, spread evenly whatever the order of the rows (docs/algorithms.md, section 7). */
import { SomeRows } from '../kernels/some-rows.js';
import type { KeyMatrix } from '../keys.js';
import { goldenPart } from '../random.js';

/** Rows that are taken or left together. */
const GROUP_ROWS = 32;

/** A part of the rows. */
export interface Subset {
  readonly matrix: KeyMatrix;
  has(index: number): boolean;
}

/**
 * About `count` rows in groups of 32, one group in each of as many equal stretches, at places that differ: data that is sorted or periodic is
 * sampled evenly. The places depend on `stream` alone, so the subset is a function of n and count.
 */
export function spreadSubset(matrix: KeyMatrix, count: number, stream: number): Subset {
  return subsetOf(matrix, spreadGroups(matrix.n, count, stream));
}

/** The subset in two halves, each of which is spread as evenly. */
export function spreadHalves(matrix: KeyMatrix, count: number, stream: number): [Subset, Subset] {
  const chosen = spreadGroups(matrix.n, count, stream);
  const half = (odd: number) =>
    subsetOf(
      matrix,
      chosen.filter((_, i) => i % 2 === odd),
    );
  return [half(0), half(1)];
}

function spreadGroups(n: number, count: number, stream: number): number[] {
  const groups = Math.ceil(n / GROUP_ROWS);
  const wanted = Math.min(groups, Math.ceil(count / GROUP_ROWS));
  return Array.from({ length: wanted }, (_, i) => {
    const start = Math.floor((i * groups) / wanted);
    const end = Math.floor(((i + 1) * groups) / wanted);
    return start + Math.floor(goldenPart(i + 1 + stream / 2) * (end - start));
  });
}

/** The rows of ascending groups. */
function subsetOf(matrix: KeyMatrix, chosen: readonly number[]): Subset {
  const set = new Set(chosen);
  const indices: number[] = [];
  for (const group of chosen)
    for (let j = group * GROUP_ROWS; j < Math.min(matrix.n, (group + 1) * GROUP_ROWS); j++) indices.push(j);
  return {
    has: (index) => set.has(Math.floor(index / GROUP_ROWS)),
    matrix: new SomeRows(matrix, indices, GROUP_ROWS),
  };
}
