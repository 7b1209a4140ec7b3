/** The `count` keys of largest score, in O(n log count) time, and the bookkeeping of keys that are kept in any case. */

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

/** Moves the entry at the root of a min-heap down to its place. */
function siftDown(heap: Float64Array): void {
  const { length } = heap;
  const value = heap[0];
  let hole = 0;
  for (;;) {
    let child = 2 * hole + 1;
    if (child >= length) break;
    if (child + 1 < length && heap[child + 1] < heap[child]) child++;
    if (heap[child] >= value) break;
    heap[hole] = heap[child];
    hole = child;
  }
  heap[hole] = value;
}

/** The `count`-th largest score. */
function threshold(scores: Float64Array, count: number): number {
  const heap = scores.slice(0, count).sort();
  for (let j = count; j < scores.length; j++) {
    if (scores[j] > heap[0]) {
      heap[0] = scores[j];
      siftDown(heap);
    }
  }
  return heap[0];
}

/**
 * The indices of `always` and those of the largest other scores, `count` in all, ascending; ties go to the lower index.
 * The scores of `always` are overwritten.
 */
export function topKeys(scores: Float64Array, count: number, always: readonly number[]): number[] {
  for (const j of always) scores[j] = Number.POSITIVE_INFINITY;
  const least = threshold(scores, count);
  let ties = count;
  for (const score of scores) if (score > least) ties--;
  const indices: number[] = [];
  for (let j = 0; j < scores.length && indices.length < count; j++)
    if (scores[j] > least || (scores[j] === least && ties-- > 0)) indices.push(j);
  return indices;
}
