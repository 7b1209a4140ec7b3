/** Queries in chunks: for peers that write all attention logits down, which is fastest where they stay near the cache. */
import type { AttentionData } from '../attention-data.js';

/** Attention logits of a chunk at most. */
const LOGITS = 2 ** 23;

/** Queries of a chunk at least and at most. */
const LEAST_QUERIES = 256;
const MOST_QUERIES = 1024;

/** A range of queries. */
export interface QueryChunk {
  readonly start: number;
  readonly end: number;
}

/** All queries, in order. */
export function queryChunks({ heads, m, n }: AttentionData): QueryChunk[] {
  const step = Math.min(MOST_QUERIES, Math.max(LEAST_QUERIES, Math.floor(LOGITS / (heads * n))));
  return Array.from({ length: Math.ceil(m / step) }, (_, c) => ({
    start: c * step,
    end: Math.min(m, (c + 1) * step),
  }));
}

/** [heads, end - start, d]: the chunk's rows of [heads, m, d]. */
export function rowsOfChunk(
  rows: Float32Array,
  { heads, m, d }: AttentionData,
  { start, end }: QueryChunk,
): Float32Array {
  const part = new Float32Array(heads * (end - start) * d);
  for (let h = 0; h < heads; h++)
    part.set(rows.subarray((h * m + start) * d, (h * m + end) * d), h * (end - start) * d);
  return part;
}

/** [heads, m, d] from the rows of each chunk. */
export function joinedChunks(parts: readonly Float32Array[], data: AttentionData): Float32Array {
  const { heads, m, d } = data;
  const all = new Float32Array(heads * m * d);
  for (const [c, { start, end }] of queryChunks(data).entries())
    for (let h = 0; h < heads; h++)
      all.set(parts[c].subarray(h * (end - start) * d, (h + 1) * (end - start) * d), (h * m + start) * d);
  return all;
}
