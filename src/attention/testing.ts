/** What the tests of attention share: random tensors, and attention by its definition, one query after the other in float64. */
import type { FloatTensor } from '../keys.js';
import { randomStream } from '../random.js';

/** A tensor with its shape for certain. */
export interface ShapedTensor extends FloatTensor {
  readonly shape: readonly number[];
}

/** Normal entries. */
export function randomTensor(shape: readonly number[], seed: number, float32 = false): ShapedTensor {
  const random = randomStream(seed);
  const size = shape.reduce((a, b) => a * b, 1);
  const data = Float64Array.from({ length: size }, random.normal);
  return { data: float32 ? new Float32Array(data) : data, shape };
}

/** The same numbers in float32. */
export function toFloat32({ data, shape }: ShapedTensor): ShapedTensor {
  return { data: new Float32Array(data), shape };
}

/** What {@link naiveAttention} computes besides plain softmax attention. */
export interface NaiveOptions {
  readonly scale?: number;
  readonly power?: number;
  readonly causal?: boolean;
  /** Added to the logarithm of a weight, by batch, query head, query and key. */
  readonly added?: (batch: number, head: number, i: number, j: number) => number;
  /** For batch * keyHeads + key head: the keys that are looked at. */
  readonly selected?: readonly (readonly number[])[];
}

/** The outputs and, for each query head, the mean probability that `selected` keeps of attention over all keys. */
export function naiveAttention(
  q: ShapedTensor,
  k: ShapedTensor,
  v: ShapedTensor,
  { scale, power, causal = false, added = () => 0, selected }: NaiveOptions = {},
) {
  const [batches, queryHeads, m, d] = q.shape.length === 2 ? [1, 1, ...q.shape] : q.shape;
  const [keyHeads, n] = k.shape.length === 2 ? [1, k.shape[0]] : k.shape.slice(1);
  const dv = v.shape[v.shape.length - 1];
  const out: number[] = [];
  const mass: number[] = [];
  for (let batch = 0; batch < batches; batch++)
    for (let head = 0; head < queryHeads; head++) {
      const group = batch * keyHeads + Math.floor((head * keyHeads) / queryHeads);
      let kept = 0;
      for (let i = 0; i < m; i++) {
        const own = i + n - m;
        const offsets = [...Array(n).keys()].map((j) => added(batch, head, i, j));
        const seen = [...offsets.keys()].filter(
          (j) => (!causal || j <= own) && offsets[j] > Number.NEGATIVE_INFINITY,
        );
        const logits = seen.map((j) => {
          let dot = 0;
          for (let c = 0; c < d; c++)
            dot += q.data[((batch * queryHeads + head) * m + i) * d + c] * k.data[(group * n + j) * d + c];
          if (power === undefined) return dot * (scale ?? 1 / Math.sqrt(d)) + offsets[j];
          return power * Math.log(Math.abs(dot)) + offsets[j];
        });
        const largest = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
        const weights = logits.map((x) => (x === Number.NEGATIVE_INFINITY ? 0 : Math.exp(x - largest)));
        const total = weights.reduce((a, b) => a + b, 0);
        const looked = selected ? new Set(selected[group]) : undefined;
        const chosen = seen.flatMap((j, at) =>
          !looked || looked.has(j) ? [{ j, weight: weights[at] }] : [],
        );
        const chosenTotal = chosen.reduce((a, { weight }) => a + weight, 0);
        if (total > 0) kept += chosenTotal / total / m;
        for (let c = 0; c < dv; c++) {
          const value = (j: number) => v.data[(group * n + j) * dv + c];
          if (chosen.length === 0 && causal && seen.includes(own)) out.push(value(own));
          else if (chosenTotal === 0) out.push(0);
          else out.push(chosen.reduce((a, { j, weight }) => a + weight * value(j), 0) / chosenTotal);
        }
      }
      mass.push(kept);
    }
  return { out, mass };
}

/** |a - b| / |b| in the Euclidean norm. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < b.length; i++) {
    difference += (a[i] - b[i]) ** 2;
    norm += b[i] ** 2;
  }
  return a.length === b.length ? Math.sqrt(difference / norm) : Number.POSITIVE_INFINITY;
}
