/** Keys drawn uniformly without replacement, by the seed and the head's number. */
import { sampleWithoutReplacement } from '../../random.js';
import type { Selector } from './selector.js';
import { remaining, union } from './top-keys.js';

/** O(n). */
export const random: Selector = {
  name: 'random',
  select({ n }, count, { always, random }) {
    const rest = remaining(n, always);
    const drawn = sampleWithoutReplacement(rest.length, count - always.length, random);
    return union(
      always,
      drawn.map((i) => rest[i]),
    );
  },
};
