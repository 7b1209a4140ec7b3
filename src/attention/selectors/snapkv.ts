/** Keys by the attention of the last queries, as in SnapKV (Li et al., arXiv 2404.14469). */
import { topByMass } from './attention-mass.js';
import type { Selector } from './selector.js';

/**
 * Keys of largest attention mass from the last `window` queries, the query heads of a group summed. O(n d window).
 * SnapKV also smooths the mass along the sequence and keeps the window itself; here its keys compete like all others
 * (name them in `always` to keep them).
 *
 * @throws RangeError unless window is a positive integer.
 */
export function snapKv(window = 32): Selector {
  if (!(Number.isSafeInteger(window) && window > 0))
    throw new RangeError(`snapkv: the window must be a positive integer, got ${window}`);
  return {
    name: `snapkv:${window}`,
    needsQueries: true,
    select: (keys, count, context) => topByMass(keys, count, context, window),
  };
}
