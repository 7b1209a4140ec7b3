/** The cases of attention, their random data, and how close two results are. */
import type { SelectedKeys } from '../src/index.js';
import { draw } from './inputs.js';
import type { Check } from './results.js';

/** What is computed: the output, or also the gradients of its inner product with a given direction. */
export const passes = ['forward', 'forward and backward'] as const;

export type Pass = (typeof passes)[number];

/** q and dOut [heads, m, d], k and v [heads, n, d]. */
export interface AttentionData {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
  /** The derivative by the output, of which the backward pass makes those by q, k and v. */
  readonly dOut: Float32Array;
  readonly heads: number;
  readonly m: number;
  readonly n: number;
  readonly d: number;
}

/** out and dq [heads, m, d], dk and dv [heads, n, d]. */
export interface AttentionResult {
  readonly out: Float32Array;
  readonly dq?: Float32Array;
  readonly dk?: Float32Array;
  readonly dv?: Float32Array;
  /** What each head stored, of ours. */
  readonly heads?: readonly SelectedKeys[];
}

/** Self-attention of n positions. */
export interface AttentionCase {
  readonly heads: number;
  readonly n: number;
  readonly d: number;
}

/** 197 and 785 are the tokens of a vision transformer with patches of 16 and of 8 pixels, 12 its heads. */
export const attentionCases: readonly AttentionCase[] = [
  { heads: 1, n: 197, d: 64 },
  { heads: 12, n: 197, d: 64 },
  { heads: 1, n: 785, d: 64 },
  { heads: 12, n: 785, d: 64 },
  { heads: 1, n: 4096, d: 64 },
  { heads: 1, n: 16_384, d: 64 },
  { heads: 1, n: 65_536, d: 64 },
];

/** Those of a quick run. */
export const quickAttentionCases = attentionCases.filter(({ n }) => n <= 4096);

/** Of the case, as in a table's title. */
export function caseTitle({ heads, n, d }: AttentionCase): string {
  return `n = ${n.toLocaleString('en')}, d = ${d}, ${heads === 1 ? '1 head' : `${heads} heads`}`;
}

/** Gaussian queries, keys, values and direction, with a seed. */
export function attentionData({ heads, n, d }: AttentionCase): AttentionData {
  const [q, k, v, dOut] = [1, 2, 3, 4].map((seed) => draw('Gaussian', heads * n, d, seed));
  return { q, k, v, dOut, heads, m: n, n, d };
}

/** For each head, the indices of the keys that take part. */
export type Chosen = readonly (readonly number[])[];

/** The same queries with the chosen keys and values only. */
export function gathered(data: AttentionData, chosen: Chosen): AttentionData {
  const { k, v, heads, n, d } = data;
  const rows = chosen.flatMap((indices, h) => indices.map((j) => h * n + j));
  const take = (from: Float32Array) => {
    const taken = new Float32Array(rows.length * d);
    for (const [at, row] of rows.entries()) taken.set(from.subarray(row * d, (row + 1) * d), at * d);
    return taken;
  };
  return { ...data, k: take(k), v: take(v), n: rows.length / heads };
}

/** Relative error that two float32 computations of the same sums may have. */
const tolerance = 1e-5;

/** The largest |a - b| / |b| of the output and of each gradient. */
export function compareAttention(result: AttentionResult, reference: AttentionResult, over: string): Check {
  const errors = (['out', 'dq', 'dk', 'dv'] as const).map((part) =>
    relativeError(result[part], reference[part]),
  );
  const relative = Math.max(...errors);
  return { same: relative <= tolerance, text: `${over}, within ${relative.toExponential(0)}` };
}

/** In the Frobenius norm; NaN where one of both is missing. */
function relativeError(a: Float32Array | undefined, b: Float32Array | undefined): number {
  if (a === undefined && b === undefined) return 0;
  if (a?.length !== b?.length || !a || !b) return Number.NaN;
  let error = 0;
  let size = 0;
  for (let at = 0; at < b.length; at++) {
    error += (a[at] - b[at]) ** 2;
    size += b[at] ** 2;
  }
  return Math.sqrt(error / size);
}
