/** One pair for all the keys that are not kept: their mean key and mean value, weighing as many keys as they are. */
import { regionsOf } from './regions.js';
import { turned } from './sides.js';
import { eachAlone } from './stored-pairs.js';
import type { Tail, TailHead } from './tail.js';

/** Under a causal mask, runs of positions that have a mean each. */
export const SEGMENTS = 16;

/**
 * `count` - 1 keys as the selector chooses them and the mean of the rest; under a causal mask a mean for each run of positions. At least
 * half of the pairs are keys.
 */
export const mean: Tail = {
  name: 'mean',
  single: false,
  *group(head: TailHead, count: number) {
    const { n, choose, always } = head;
    const most = Math.max(1, Math.min(count - always.length, Math.floor(count / 2)));
    const regions = regionsOf(head, SEGMENTS, most);
    const kept = count - regions.length;
    // With every pair in `always`, nothing is left for the rest.
    if (kept < always.length) return { members: eachAlone(n, always) };
    const members = eachAlone(n, kept > 0 ? yield* choose(kept) : []);
    let next = Math.max(kept, 0);
    for (const { start, end } of regions) {
      let used = false;
      for (let j = start; j < end; j++) {
        if (members[j] >= 0) continue;
        members[j] = next;
        used = true;
      }
      if (used) next++;
    }
    return turned(head, { members });
  },
};
