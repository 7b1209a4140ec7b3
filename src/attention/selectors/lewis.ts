/** Keys of largest l_p Lewis weight: w_j = tau_j(W^{1/2-1/p} K), the analogue of leverage for |x|^p (docs/algorithms.md, section 3). */
import type { KeyMatrix } from '../../keys.js';
import { lewisWeightsSteps } from '../../scores/lewis.js';
import type { Steps } from '../../steps.js';
import type { Selector } from './selector.js';
import { topKeys } from './top-keys.js';

function* byLewisWeight(
  keys: KeyMatrix,
  count: number,
  always: readonly number[],
  p: number,
): Steps<number[]> {
  const { weights } = yield* lewisWeightsSteps(keys, { p });
  return topKeys(weights, count, always);
}

/**
 * Lewis weights for p; p = 2 is leverage. The larger p, the more outlying keys count; 4 by default. O(n d^2) an iteration.
 *
 * @throws RangeError unless p is a positive number.
 */
export function lewis(p = 4): Selector {
  if (!(p > 0 && p < Number.POSITIVE_INFINITY))
    throw new RangeError(`lewis: p must be a positive number, got ${p}`);
  return { name: `lewis:${p}`, select: (keys, count, { always }) => byLewisWeight(keys, count, always, p) };
}
