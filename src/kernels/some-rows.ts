/** Rows of a matrix by their indices, as a matrix: plain indices, so that threads which see the matrix pick them themselves. */
import { type Floats, type KeyMatrix, reusedBuffer } from '../keys.js';
import { BLOCK_ROWS } from './kernels.js';

/** The rows at ascending indices, read with at most one call for each `together` rows of the matrix that begin at a multiple of that. */
export class SomeRows implements KeyMatrix {
  readonly n: number;
  readonly d: number;
  private readonly buffer = reusedBuffer();

  constructor(
    readonly source: KeyMatrix,
    readonly indices: readonly number[],
    private readonly together = BLOCK_ROWS,
  ) {
    this.n = indices.length;
    this.d = source.d;
  }

  rows(start: number, end: number): Floats {
    const { source, indices, d } = this;
    let out: Floats | undefined;
    for (let at = start; at < end; ) {
      const first = indices[at];
      const beyond = first - (first % this.together) + this.together;
      let next = at + 1;
      while (next < end && indices[next] < beyond) next++;
      const rows = source.rows(first, indices[next - 1] + 1);
      out ??= this.buffer(rows, (end - start) * d);
      while (at < next) {
        const from = at++;
        // Rows that follow each other are copied in one piece.
        while (at < next && indices[at] === indices[at - 1] + 1) at++;
        const place = indices[from] - first;
        out.set(rows.subarray(place * d, (place + at - from) * d), (from - start) * d);
      }
    }
    return out ?? new Float64Array(0);
  }
}
