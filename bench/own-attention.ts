/** The library's ways to compute attention: exactly, and over a few stored pairs that it makes; with or without gradients. */
import type { Tensor } from '../src/index.js';
import type { AttentionData, AttentionResult, Chosen, Pass } from './attention-data.js';
import { library } from './library.js';
import { type Contestant, timed } from './measure.js';

/** Queries by which the time of more than these is estimated. */
const ESTIMATE_QUERIES = 1024;

/** Our tensors; with `queries` as many a head of the queries, whichever they are. */
function tensorsOf({ q, k, v, dOut, heads, m, n, d }: AttentionData, queries = m) {
  const some = (rows: Float32Array) => rows.subarray(0, heads * queries * d);
  return {
    q: { data: some(q), shape: [1, heads, queries, d] },
    k: { data: k, shape: [1, heads, n, d] },
    v: { data: v, shape: [1, heads, n, d] },
    dOut: { data: some(dOut), shape: [1, heads, queries, d] },
  } as const;
}

/** The keys that LevAttention keeps of each head. */
export function selection(data: AttentionData, keys: number): Chosen {
  const { q, k, v } = tensorsOf(data, 1);
  return library.levAttention(q, k, v, { keys }).heads.map(({ indices }) => indices);
}

/** What stores pairs, and where it is not the library, what it is given. */
export interface LevOptions {
  readonly tail?: string;
  readonly chosen?: Chosen;
}

/** Over `keys` stored pairs, which it makes, unless it is given the keys. */
export function levAttention(
  data: AttentionData,
  pass: Pass,
  keys: number,
  { tail, chosen }: LevOptions = {},
): Contestant<AttentionResult> {
  // Called head by head.
  let head = 0;
  const select = chosen && { name: 'given', select: () => [...chosen[head++ % chosen.length]] };
  const options = { keys, select, tail };
  return contestant(`${keys} ${tail ?? `keys${chosen ? ' given' : ''}`}`, pass, data, ({ q, k, v, dOut }) => {
    if (pass === 'forward') {
      const { out, heads } = library.levAttention(q, k, v, options);
      return { out, heads };
    }
    const { out, heads, vjp } = library.levAttentionVjp(q, k, v, options);
    return { out, heads, ...vjp(dOut) };
  });
}

/** Over all keys. */
export function exactAttention(data: AttentionData, pass: Pass): Contestant<AttentionResult> {
  return contestant('exact', pass, data, ({ q, k, v, dOut }) => {
    if (pass === 'forward') return { out: library.exactAttention(q, k, v) };
    const { out, vjp } = library.exactAttentionVjp(q, k, v);
    return { out, ...vjp(dOut) };
  });
}

/** What the library returns. */
interface Results {
  readonly out: Tensor;
  readonly dq?: Tensor;
  readonly dk?: Tensor;
  readonly dv?: Tensor;
  readonly heads?: AttentionResult['heads'];
}

/** What stored pairs cost is hardly a matter of the queries, and never long. */
function contestant(
  what: string,
  pass: Pass,
  data: AttentionData,
  compute: (tensors: ReturnType<typeof tensorsOf>) => Results,
): Contestant<AttentionResult> {
  const all = tensorsOf(data);
  const few = Math.min(ESTIMATE_QUERIES, data.m);
  const some = tensorsOf(data, few);
  const estimate = async () => ((await timed(() => compute(some))).milliseconds * data.m) / few;
  // Float32 in, float32 out.
  const rows = (tensor: Tensor | undefined) => tensor?.data as Float32Array;
  return {
    name: `levattention, ${what}`,
    threads: 1,
    prepare: async () => ({
      async run() {
        const { milliseconds, value } = await timed(() => compute(all));
        const { out, dq, dk, dv, heads } = value;
        const result = { out: rows(out), dq: rows(dq), dk: rows(dk), dv: rows(dv), heads };
        return { laps: { [pass]: milliseconds }, result: () => result };
      },
      estimate: what === 'exact' ? estimate : undefined,
    }),
  };
}
