/** The library's ways to compute attention: exactly, and over a few stored pairs that it chooses. */
import type { AttentionData, AttentionResult, Chosen } from './attention-data.js';
import { library } from './library.js';
import { type Contestant, timed } from './measure.js';

/** Queries by which the time of more than these is estimated. */
const ESTIMATE_QUERIES = 1024;

/** Our tensors; with `queries` as many a head of the queries, whichever they are. */
function tensorsOf({ q, k, v, heads, m, n, d }: AttentionData, queries = m) {
  return {
    q: { data: q.subarray(0, heads * queries * d), shape: [1, heads, queries, d] },
    k: { data: k, shape: [1, heads, n, d] },
    v: { data: v, shape: [1, heads, n, d] },
  } as const;
}

/** The keys that LevAttention keeps of each head. */
export function selection(data: AttentionData, keys: number): Chosen {
  const { q, k, v } = tensorsOf(data, 1);
  return library.levAttention(q, k, v, { keys }).heads.map(({ indices }) => indices);
}

/** Chooses its keys, unless it is given them. */
export function levAttention(
  data: AttentionData,
  keys: number,
  chosen?: Chosen,
): Contestant<AttentionResult> {
  const { q, k, v } = tensorsOf(data);
  // Called head by head.
  let head = 0;
  const select = chosen && { name: 'given', select: () => [...chosen[head++ % chosen.length]] };
  return {
    name: `levattention, ${keys} keys${chosen ? ' given' : ''}`,
    threads: 1,
    prepare: async () => ({
      async run() {
        const { milliseconds, value } = await timed(() => library.levAttention(q, k, v, { keys, select }));
        // Float32 in, float32 out.
        return { laps: { forward: milliseconds }, result: () => ({ out: value.out.data as Float32Array }) };
      },
    }),
  };
}

/** All keys. */
export function exactAttention(data: AttentionData): Contestant<AttentionResult> {
  const { q, k, v } = tensorsOf(data);
  const few = Math.min(ESTIMATE_QUERIES, data.m);
  const first = tensorsOf(data, few);
  return {
    name: 'levattention, exact',
    threads: 1,
    prepare: async () => ({
      async run() {
        const { milliseconds, value } = await timed(() => library.exactAttention(q, k, v));
        return { laps: { forward: milliseconds }, result: () => ({ out: value.data as Float32Array }) };
      },
      async estimate() {
        const { milliseconds } = await timed(() => library.exactAttention(first.q, k, v));
        return (milliseconds * data.m) / few;
      },
    }),
  };
}
