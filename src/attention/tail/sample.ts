/** A uniform sample of the keys that are not kept, each with the inverse of its probability for weight. */
import { sampleWithoutReplacement } from '../../random.js';
import { remaining } from '../selectors/top-keys.js';
import { eachAlone } from './stored-pairs.js';
import type { Tail } from './tail.js';

/**
 * A share `exact` of the pairs are keys as the selector chooses them; the others are drawn from the rest, of which each counts as
 * rest / drawn keys: numerator and normaliser of the attention are then right in expectation.
 */
export function sample(exact = 0.5, name = 'sample'): Tail {
  return {
    name,
    single: true,
    *group({ n, choose, always, random }, count) {
      const kept = Math.max(always.length, Math.min(count - 1, Math.round(exact * count)));
      const chosen = kept > 0 ? yield* choose(kept) : [];
      const rest = remaining(n, chosen);
      const drawn = sampleWithoutReplacement(rest.length, count - kept, random).map((i) => rest[i]);
      const excess = new Float64Array(count);
      excess.fill(Math.log(rest.length / drawn.length), kept);
      return { members: eachAlone(n, [...chosen, ...drawn]), excess };
    },
  };
}
