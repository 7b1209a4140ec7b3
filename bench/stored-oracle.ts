/** Attention over stored pairs and its gradients in float64 and plain loops, from the definition: what the library's results are checked with. */
import type { SelectedKeys } from '../src/index.js';
import type { AttentionData, AttentionResult, Pass } from './attention-data.js';

/** What one head stores, [pairs, d], and the pair of each key, -1 for none. */
interface Pairs {
  readonly keys: Float64Array;
  readonly values: Float64Array;
  readonly logWeights: ArrayLike<number>;
  readonly members: ArrayLike<number>;
  /** Keys of each pair. */
  readonly counts: Float64Array;
}

/** The softmax of scale <q_i, k_p> + logWeights_p over the pairs p of a head, times their values; gradients spread over a pair's keys alike. */
export function attentionOverPairs(
  data: AttentionData,
  selected: readonly SelectedKeys[],
  pass: Pass,
): AttentionResult {
  const { heads, m, n, d } = data;
  const [out, dq] = [new Float32Array(heads * m * d), new Float32Array(heads * m * d)];
  const [dk, dv] = [new Float32Array(heads * n * d), new Float32Array(heads * n * d)];
  for (let h = 0; h < heads; h++) {
    const pairs = pairsOf(data, h, selected[h]);
    const part = (rows: Float32Array, count: number) => rows.subarray(h * count * d, (h + 1) * count * d);
    const queries = {
      q: part(data.q, m),
      dOut: part(data.dOut, m),
      out: part(out, m),
      dq: part(dq, m),
      m,
      d,
    };
    const gradients = headOverPairs(queries, pairs, pass === 'forward');
    if (pass === 'forward') continue;
    spread(gradients.keys, pairs, d, part(dk, n));
    spread(gradients.values, pairs, d, part(dv, n));
  }
  return pass === 'forward' ? { out } : { out, dq, dk, dv };
}

function pairsOf({ k, v, n, d }: AttentionData, h: number, { indices, stored }: SelectedKeys): Pairs {
  const members = stored?.members ?? new Int32Array(n).fill(-1);
  if (!stored)
    indices.forEach((j, p) => {
      members[j] = p;
    });
  const logWeights = stored?.logWeights ?? new Float64Array(indices.length);
  const [keys, values] = [new Float64Array(logWeights.length * d), new Float64Array(logWeights.length * d)];
  const counts = new Float64Array(logWeights.length);
  for (let j = 0; j < n; j++) {
    const p = members[j];
    if (p < 0) continue;
    counts[p]++;
    for (let c = 0; c < d; c++) {
      keys[p * d + c] += k[(h * n + j) * d + c];
      values[p * d + c] += v[(h * n + j) * d + c];
    }
  }
  for (let p = 0; p < counts.length; p++)
    for (let c = 0; c < d; c++) {
      keys[p * d + c] /= counts[p];
      values[p * d + c] /= counts[p];
    }
  return { keys, values, logWeights, members, counts };
}

/** The queries of a head, [m, d], with the places of their results. */
interface Queries {
  readonly q: Float32Array;
  readonly dOut: Float32Array;
  readonly out: Float32Array;
  readonly dq: Float32Array;
  readonly m: number;
  readonly d: number;
}

/** Writes the output, and the gradient by the queries; returns the gradients by the pairs. */
function headOverPairs({ q, dOut, out, dq, m, d }: Queries, pairs: Pairs, forwardOnly: boolean) {
  const { keys, values, logWeights } = pairs;
  const scale = 1 / Math.sqrt(d);
  const weights = new Float64Array(logWeights.length);
  const slopes = new Float64Array(logWeights.length);
  const gradients = { keys: new Float64Array(keys.length), values: new Float64Array(values.length) };
  const row = new Float64Array(d);
  for (let i = 0; i < m; i++) {
    const at = i * d;
    let largest = Number.NEGATIVE_INFINITY;
    for (let p = 0; p < weights.length; p++) {
      weights[p] = scale * dot(q, at, keys, p * d, d) + logWeights[p];
      largest = Math.max(largest, weights[p]);
    }
    let sum = 0;
    for (let p = 0; p < weights.length; p++) sum += weights[p] = Math.exp(weights[p] - largest);
    for (let p = 0; p < weights.length; p++) weights[p] /= sum;
    row.fill(0);
    for (let p = 0; p < weights.length; p++) addTimes(row, 0, weights[p], values, p * d, d);
    out.set(row, at);
    if (forwardOnly) continue;
    let mean = 0;
    for (let p = 0; p < weights.length; p++) {
      slopes[p] = dot(dOut, at, values, p * d, d);
      mean += weights[p] * slopes[p];
    }
    row.fill(0);
    for (let p = 0; p < weights.length; p++) {
      const slope = scale * weights[p] * (slopes[p] - mean);
      addTimes(row, 0, slope, keys, p * d, d);
      addTimes(gradients.keys, p * d, slope, q, at, d);
      addTimes(gradients.values, p * d, weights[p], dOut, at, d);
    }
    dq.set(row, at);
  }
  return gradients;
}

/** Each key of a pair has the pair's gradient over the number of its keys. */
function spread(gradients: Float64Array, { members, counts }: Pairs, d: number, to: Float32Array): void {
  for (let j = 0; j < members.length; j++) {
    const p = members[j];
    if (p >= 0) for (let c = 0; c < d; c++) to[j * d + c] = gradients[p * d + c] / counts[p];
  }
}

type Numbers = Float32Array | Float64Array;

function dot(a: Numbers, atA: number, b: Numbers, atB: number, d: number): number {
  let sum = 0;
  for (let c = 0; c < d; c++) sum += a[atA + c] * b[atB + c];
  return sum;
}

function addTimes(to: Numbers, atTo: number, factor: number, b: Numbers, atB: number, d: number): void {
  for (let c = 0; c < d; c++) to[atTo + c] += factor * b[atB + c];
}
