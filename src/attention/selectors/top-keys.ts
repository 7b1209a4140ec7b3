/** The `count` keys of largest score, in O(n) time as a rule, and the bookkeeping of keys that are kept in any case. */

/** Indices 0 .. n - 1 without those of `always`. */
export function remaining(n: number, always: readonly number[]): number[] {
  const kept = new Set(always);
  const rest: number[] = [];
  for (let j = 0; j < n; j++) if (!kept.has(j)) rest.push(j);
  return rest;
}

/** The union of two disjoint lists of indices, ascending. */
export function union(a: readonly number[], b: readonly number[]): number[] {
  return [...a, ...b].sort((x, y) => x - y);
}

/** The middle one of three numbers. */
function median(a: number, b: number, c: number): number {
  return a < b ? Math.max(a, Math.min(b, c)) : Math.max(b, Math.min(a, c));
}

/** Rounds of partition after which what is left is sorted: a few usually do. */
const MOST_ROUNDS = 64;

/** The `count`-th largest score, by partition around medians of three. O(n) as a rule, O(n log n) at most. */
function threshold(scores: Float64Array, count: number): number {
  const values = scores.slice();
  const place = values.length - count;
  let first = 0;
  let last = values.length - 1;
  for (let round = 0; first < last; round++) {
    if (round === MOST_ROUNDS) {
      values.subarray(first, last + 1).sort();
      break;
    }
    const pivot = median(values[first], values[(first + last) >>> 1], values[last]);
    let i = first;
    let j = last;
    while (i <= j) {
      while (values[i] < pivot) i++;
      while (values[j] > pivot) j--;
      if (i > j) break;
      const value = values[i];
      values[i++] = values[j];
      values[j--] = value;
    }
    if (place <= j) last = j;
    else if (place >= i) first = i;
    else break;
  }
  return values[place];
}

/**
 * The indices of `always` and those of the largest other scores, `count` in all, ascending; ties go to the lower index.
 * The scores of `always` are overwritten.
 */
export function topKeys(scores: Float64Array, count: number, always: readonly number[]): number[] {
  for (const j of always) scores[j] = Number.POSITIVE_INFINITY;
  const least = threshold(scores, count);
  let ties = count;
  for (let j = 0; j < scores.length; j++) if (scores[j] > least) ties--;
  const indices: number[] = [];
  for (let j = 0; j < scores.length && indices.length < count; j++)
    if (scores[j] > least || (scores[j] === least && ties-- > 0)) indices.push(j);
  return indices;
}
