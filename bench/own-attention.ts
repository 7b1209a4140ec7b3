/** The library's ways to compute attention: exactly, and over a few stored pairs that it makes; with or without gradients. */
import type { Tensor } from '../src/index.js';
import type { AttentionData, AttentionResult, Chosen, Pass } from './attention-data.js';
import { library } from './library.js';
import { type Contestant, type Prepared, timed } from './measure.js';

/** Queries by which the time of more than these is estimated. */
const ESTIMATE_QUERIES = 1024;

type Tensors = Record<'q' | 'k' | 'v' | 'dOut', Tensor>;

/** Our tensors, in shared memory for several threads; with `queries` as many a head of the queries, whichever they are. */
function tensorsOf({ q, k, v, dOut, heads, m, n, d }: AttentionData, threads = 1, queries = m): Tensors {
  const tensor = (rows: Float32Array, count: number) => {
    const part = rows.subarray(0, heads * count * d);
    const shape = [1, heads, count, d];
    if (threads === 1) return { data: part, shape };
    const shared = new Float32Array(new SharedArrayBuffer(part.byteLength));
    shared.set(part);
    return { data: shared, shape };
  };
  return { q: tensor(q, queries), k: tensor(k, n), v: tensor(v, n), dOut: tensor(dOut, queries) };
}

/** The keys that LevAttention keeps of each head. */
export function selection(data: AttentionData, keys: number): Chosen {
  const { q, k, v } = tensorsOf(data, 1, 1);
  return library.levAttention(q, k, v, { keys }).heads.map(({ indices }) => indices);
}

/** What stores pairs, and where it is not the library, what it is given. */
export interface LevOptions {
  readonly tail?: string;
  readonly chosen?: Chosen;
  readonly threads?: number;
}

/** Over `keys` stored pairs, which it makes, unless it is given the keys. */
export function levAttention(
  data: AttentionData,
  pass: Pass,
  keys: number,
  { tail, chosen, threads = 1 }: LevOptions = {},
): Contestant<AttentionResult> {
  // Called head by head.
  let head = 0;
  const select = chosen && { name: 'given', select: () => [...chosen[head++ % chosen.length]] };
  const options = { keys, select, tail };
  return {
    name: `levattention, ${keys} ${tail ?? `keys${chosen ? ' given' : ''}`}`,
    threads,
    prepare: async () => {
      const { q, k, v, dOut } = tensorsOf(data, threads);
      const forward = async () => {
        if (threads === 1) return library.levAttention(q, k, v, options);
        return await library.levAttentionAsync(q, k, v, { ...options, threads });
      };
      const both = async () => {
        if (threads === 1) {
          const { out, heads, vjp } = library.levAttentionVjp(q, k, v, options);
          return { out, heads, ...vjp(dOut) };
        }
        const { out, heads, vjp } = await library.levAttentionVjpAsync(q, k, v, { ...options, threads });
        return { out, heads, ...(await vjp(dOut)) };
      };
      return prepared(pass, pass === 'forward' ? forward : both);
    },
  };
}

/** Over all keys. */
export function exactAttention(data: AttentionData, pass: Pass, threads = 1): Contestant<AttentionResult> {
  return {
    name: 'levattention, exact',
    threads,
    prepare: async () => {
      const all = tensorsOf(data, threads);
      const forward = async ({ q, k, v }: Tensors) => ({
        out:
          threads === 1
            ? library.exactAttention(q, k, v)
            : await library.exactAttentionAsync(q, k, v, { threads }),
      });
      const both = async ({ q, k, v, dOut }: Tensors) => {
        if (threads === 1) {
          const { out, vjp } = library.exactAttentionVjp(q, k, v);
          return { out, ...vjp(dOut) };
        }
        const { out, vjp } = await library.exactAttentionVjpAsync(q, k, v, { threads });
        return { out, ...(await vjp(dOut)) };
      };
      const compute = pass === 'forward' ? forward : both;
      const few = Math.min(ESTIMATE_QUERIES, data.m);
      const first = tensorsOf(data, threads, few);
      const estimate = async () => ((await timed(() => compute(first))).milliseconds * data.m) / few;
      return { ...prepared(pass, () => compute(all)), estimate };
    },
  };
}

/** What the library returns. */
interface Results {
  readonly out: Tensor;
  readonly dq?: Tensor;
  readonly dk?: Tensor;
  readonly dv?: Tensor;
  readonly heads?: AttentionResult['heads'];
}

function prepared(pass: Pass, compute: () => Promise<Results>): Prepared<AttentionResult> {
  // Float32 in, float32 out.
  const rows = (tensor: Tensor | undefined) => tensor?.data as Float32Array;
  return {
    async run() {
      const { milliseconds, value } = await timed(compute);
      const { out, dq, dk, dv, heads } = value;
      const result = { out: rows(out), dq: rows(dq), dk: rows(dk), dv: rows(dv), heads };
      return { laps: { [pass]: milliseconds }, result: () => result };
    },
  };
}
