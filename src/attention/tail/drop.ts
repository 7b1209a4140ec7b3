/** The keys that are not kept are left out: the operator of the paper. */
import { eachAlone } from './stored-pairs.js';
import type { Tail } from './tail.js';

/** All pairs are keys as they are. */
export const drop: Tail = {
  name: 'drop',
  single: true,
  *group({ n, choose }, count) {
    return { members: eachAlone(n, yield* choose(count)) };
  },
};
