/** The intercept column: [K, 1], whose queries are (q, b) with products <q,k> + b (docs/algorithms.md, section 8). */
import type { KeyMatrix } from '../keys.js';

/** The matrix with a column of ones after its own. */
export function centred(matrix: KeyMatrix): KeyMatrix {
  const { n, d } = matrix;
  return {
    n,
    d: d + 1,
    rows(start, end) {
      const input = matrix.rows(start, end);
      const out = new (input instanceof Float32Array ? Float32Array : Float64Array)((end - start) * (d + 1));
      for (let j = 0; j < end - start; j++) {
        out.set(input.subarray(j * d, (j + 1) * d), j * (d + 1));
        out[j * (d + 1) + d] = 1;
      }
      return out;
    },
  };
}
