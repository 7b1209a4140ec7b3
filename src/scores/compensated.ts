/** K T as if computed in twice the precision: compensated dot products (Ogita, Rump, Oishi, "Accurate sum and dot product", 2005). */
import type { KeyMatrix } from '../keys.js';
import { accurateDot, compensatedDot, doubledDot } from './accurate-dot.js';
import type { Doubled } from './doubled.js';
import { type Search, scaledRow } from './unresolved.js';

/**
 * The rows of K diag(columnScale) [T, N], T = `resolved` and N some directions, computed as they are read. With `compensated`, each entry along T is correct to
 * u |x| + d^2 u^2 |k| |T|, as those along N are in any case; otherwise to d u |k| |T|. Rows of scale 0 are zero.
 */
export function accurateImage(
  search: Pick<Search, 'matrix' | 'columnScale' | 'rowScale' | 'resolved' | 'width'>,
  directions: readonly Doubled[],
  compensated: boolean,
): KeyMatrix {
  const { matrix, rowScale, resolved, width } = search;
  const { n, d } = matrix;
  const all = width + directions.length;
  const key = new Float64Array(d);
  // Row a holds column a.
  const columns = Float64Array.from(resolved, (_, i) => resolved[(i % d) * width + Math.floor(i / d)]);
  return {
    n,
    d: all,
    rows(start, end) {
      const block = matrix.rows(start, end);
      const out = new Float64Array((end - start) * all);
      for (let j = 0; j < end - start; j++) {
        if (rowScale?.[start + j] === 0) continue;
        scaledRow(search, block, j, key);
        for (let a = 0; a < width; a++)
          out[j * all + a] = (compensated ? compensatedDot : accurateDot)(key, 0, columns, a * d, d);
        directions.forEach(({ high, low }, i) => {
          out[j * all + width + i] = doubledDot(key, 0, high, low, d);
        });
      }
      return out;
    },
  };
}
