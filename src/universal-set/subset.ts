/** Some rows of a matrix as a matrix: the canonical subset, spread evenly whatever the order of the rows, and rows by their indices (docs/algorithms.md, section 7). */
import { BLOCK_ROWS } from '../kernels/kernels.js';
import { type Floats, type KeyMatrix, reusedBuffer } from '../keys.js';
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
  const { n, d } = matrix;
  const set = new Set(chosen);
  const last = chosen[chosen.length - 1] ?? -1;
  const buffer = reusedBuffer();
  const missing = Math.max(0, (last + 1) * GROUP_ROWS - n);
  return {
    has: (index) => set.has(Math.floor(index / GROUP_ROWS)),
    matrix: {
      n: chosen.length * GROUP_ROWS - missing,
      d,
      rows(start, end) {
        let out: Floats | undefined;
        for (let at = start; at < end; ) {
          const group = Math.floor(at / GROUP_ROWS);
          const skip = at - group * GROUP_ROWS;
          const take = Math.min(GROUP_ROWS - skip, end - at);
          const first = chosen[group] * GROUP_ROWS + skip;
          const rows = matrix.rows(first, first + take);
          out ??= buffer(rows, (end - start) * d);
          out.set(rows, (at - start) * d);
          at += take;
        }
        return out ?? new Float64Array(0);
      },
    },
  };
}

/** The rows at ascending indices, read with at most one call for each canonical block. */
export function rowsOf(matrix: KeyMatrix, indices: readonly number[]): KeyMatrix {
  const { d } = matrix;
  const buffer = reusedBuffer();
  return {
    n: indices.length,
    d,
    rows(start, end) {
      let out: Floats | undefined;
      for (let at = start; at < end; ) {
        const first = indices[at];
        const block = Math.floor(first / BLOCK_ROWS);
        let next = at + 1;
        while (next < end && Math.floor(indices[next] / BLOCK_ROWS) === block) next++;
        const rows = matrix.rows(first, indices[next - 1] + 1);
        out ??= buffer(rows, (end - start) * d);
        for (; at < next; at++) {
          const from = (indices[at] - first) * d;
          out.set(rows.subarray(from, from + d), (at - start) * d);
        }
      }
      return out ?? new Float64Array(0);
    },
  };
}
