/** Keys at equal distances in the sequence: floor(i n / count) for i = 0 .. count - 1. */
import type { Selector } from './selector.js';
import { remaining, union } from './top-keys.js';

/** O(n). The keys that are always kept are taken out of the sequence first. */
export const stride: Selector = {
  name: 'stride',
  select({ n }, count, { always }) {
    const rest = remaining(n, always);
    const steps = count - always.length;
    const spaced = Array.from({ length: steps }, (_, i) => rest[Math.floor((i * rest.length) / steps)]);
    return union(always, spaced);
  },
};
