/** Keys of largest leverage score tau_j = k_j^T (K^T K)^+ k_j, the paper's choice, plain or with an intercept column. */
import type { KeyMatrix } from '../../keys.js';
import { leverageScoresSteps } from '../../scores/leverage.js';
import type { Steps } from '../../steps.js';
import type { Selector } from './selector.js';
import { topKeys } from './top-keys.js';

function* byLeverage(
  keys: KeyMatrix,
  count: number,
  always: readonly number[],
  centre: boolean,
): Steps<number[]> {
  const { scores } = yield* leverageScoresSteps(keys, { centre });
  return topKeys(scores, count, always);
}

/** O(n d^2). The statistic of the paper's operator. */
export const leverage: Selector = {
  name: 'leverage',
  select: (keys, count, { always }) => byLeverage(keys, count, always, false),
};

/**
 * Leverage of the keys with a column of ones, which does not change when a constant vector is added to all keys. Neither
 * does softmax: usually the better choice with softmax weights, above all where the keys share a large mean. O(n d^2).
 */
export const leverageCentred: Selector = {
  name: 'leverage-centred',
  select: (keys, count, { always }) => byLeverage(keys, count, always, true),
};
