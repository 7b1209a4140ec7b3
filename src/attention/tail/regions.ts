/** Runs of positions within which keys may be stored together, so that a causal query need not wait long for a pair. */

/** The keys [start, end). */
export interface Region {
  readonly start: number;
  readonly end: number;
}

/**
 * One run of all keys without a causal mask. With one, the keys that every query sees, and `segments` equal runs of the later ones; no
 * more runs than `most`, the last ones being joined.
 */
export function regionsOf(
  { n, m, limits }: { readonly n: number; readonly m: number; readonly limits?: Uint32Array },
  segments: number,
  most: number,
): Region[] {
  const common = limits && m > 0 ? limits[0] : n;
  if (common === n || most < 2) return [{ start: 0, end: n }];
  const later = n - common;
  // The first key alone is no run of its own.
  const first = common > later / segments ? common : 0;
  const count = Math.max(1, Math.min(segments, most - (first > 0 ? 1 : 0), n - first));
  const edges = Array.from({ length: count + 1 }, (_, i) => first + Math.floor(((n - first) * i) / count));
  const starts = first > 0 ? [0, ...edges] : edges;
  return starts.slice(1).map((end, i) => ({ start: starts[i], end }));
}
