/** The first keys ("attention sinks") and the most recent ones (Xiao et al., "Efficient Streaming Language Models with Attention Sinks", arXiv 2309.17453). */
import type { Selector } from './selector.js';
import { remaining, union } from './top-keys.js';

/**
 * The first `sinks` keys, though at most half of the count, and the last keys for the rest. O(n).
 *
 * @throws RangeError unless sinks is a non-negative integer.
 */
export function recentSinks(sinks = 4): Selector {
  if (!(Number.isSafeInteger(sinks) && sinks >= 0))
    throw new RangeError(`recent-sinks: the number of sinks must be a non-negative integer, got ${sinks}`);
  return {
    name: `recent-sinks:${sinks}`,
    select: ({ n }, count, { always }) => firstAndLast(n, count, always, sinks),
  };
}

/** `count` of n indices, ascending: those of `always`, the first `sinks` others, though at most half of what is left, and the last ones. */
export function firstAndLast(n: number, count: number, always: readonly number[], sinks = 4): number[] {
  const rest = remaining(n, always);
  const wanted = count - always.length;
  const first = Math.min(sinks, Math.floor(wanted / 2));
  const recent = rest.slice(rest.length - (wanted - first));
  return union(always, rest.slice(0, first).concat(recent));
}
