/** Keys of largest squared norm |k_j|^2: the baseline that the paper compares leverage with. */
import { halfScale } from './points.js';
import type { Selector } from './selector.js';
import { topKeys } from './top-keys.js';

/** O(nd). */
export const squaredNorm: Selector = {
  name: 'squared-norm',
  select(keys, count, { always }) {
    const { n, d } = keys;
    const data = keys.rows(0, n);
    const half = halfScale(data);
    const norms = new Float64Array(n);
    for (let j = 0, at = 0; j < n; j++)
      for (let c = 0; c < d; c++) norms[j] += (data[at++] * half * half) ** 2;
    return topKeys(norms, count, always);
  },
};
