/** Keys of largest true attention mass over all queries: what no selector without the queries can know. */
import { topByMass } from './attention-mass.js';
import type { Selector } from './selector.js';

/** No set of `count` keys keeps more mass; others may have a smaller output error. O(m n d), as much as exact attention. */
export const oracle: Selector = {
  name: 'oracle',
  needsQueries: true,
  select: (keys, count, context) => topByMass(keys, count, context),
};
