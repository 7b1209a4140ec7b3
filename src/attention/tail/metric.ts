/** Keys, with their values if wanted, as points whose squared distances say how much is lost when one stands for the other. */
import type { Floats } from '../../keys.js';
import { halfScale } from '../selectors/points.js';
import type { QuerySample } from './query-sample.js';
import type { TailHead } from './tail.js';

/** What values weigh: their mean squared distance from their mean, in units of the keys'; or of logits squared, in the queries' metric. */
const VALUES_EUCLIDEAN = 0.3;
const VALUES_QUERIES = 1;

/** Added to the queries' second moment, in units of its mean eigenvalue: what directions weigh that a small sample does not show. */
const RIDGE = 0.02;

/** Rows less their mean, times a power of two that brings the largest near 1, and the mean square of a row. */
function centred(rows: Floats, width: number): { rows: Float64Array; scale: number; square: number } {
  const half = halfScale(rows);
  const scale = half * half;
  const n = rows.length / width;
  const moved = new Float64Array(rows.length);
  for (let at = 0; at < moved.length; at++) moved[at] = rows[at] * half * half;
  const mean = new Float64Array(width);
  for (let at = 0; at < moved.length; at += width)
    for (let c = 0; c < width; c++) mean[c] += moved[at + c] / n;
  let square = 0;
  for (let at = 0; at < moved.length; at += width)
    for (let c = 0; c < width; c++) {
      moved[at + c] -= mean[c];
      square += moved[at + c] ** 2 / n;
    }
  return { rows: moved, scale, square };
}

/** L, lower triangular, with L L^T = S + ridge, S the second moment of the queries times a power of two near the largest. */
function rootOfMoment({ rows, count }: QuerySample, d: number): { root: Float64Array; scale: number } {
  const half = halfScale(rows);
  const q = Float64Array.from(rows, (x) => x * half * half);
  const root = new Float64Array(d * d);
  let trace = 0;
  for (let i = 0; i < count; i++)
    for (let a = 0; a < d; a++) {
      const x = q[i * d + a] / count;
      trace += x * q[i * d + a];
      for (let b = 0; b <= a; b++) root[a * d + b] += x * q[i * d + b];
    }
  for (let a = 0; a < d; a++) {
    root[a * d + a] += Math.max((RIDGE * trace) / d, Number.MIN_VALUE);
    for (let b = 0; b <= a; b++) {
      let sum = root[a * d + b];
      for (let c = 0; c < b; c++) sum -= root[a * d + c] * root[b * d + c];
      root[a * d + b] = a === b ? Math.sqrt(Math.max(sum, Number.MIN_VALUE)) : sum / root[b * d + b];
    }
  }
  return { root, scale: half * half };
}

/** Points [n, width] in float32, the largest entry near 1. */
export interface Points {
  readonly data: Float32Array;
  readonly width: number;
}

/**
 * The keys as points: as they are, or, with a sample of queries, as L^T k, so that squared distances are those of logits, mean over the
 * queries. `values` appends scaled values.
 */
export function pointsOf(head: TailHead, values: boolean, queries?: QuerySample): Points {
  const { k, v, d, dv, scale } = head;
  const keys = centred(k, d);
  let weight = VALUES_EUCLIDEAN * keys.square;
  if (queries) {
    const { root, scale: unit } = rootOfMoment(queries, d);
    const transposed = root.map((_, at) => root[(at % d) * d + Math.floor(at / d)]);
    for (let at = 0; at < keys.rows.length; at += d)
      // In place: entry c needs those from c on alone.
      for (let c = 0; c < d; c++) {
        let sum = 0;
        for (let b = c; b < d; b++) sum += transposed[c * d + b] * keys.rows[at + b];
        keys.rows[at + c] = sum;
      }
    // Logits in units of these points.
    weight = VALUES_QUERIES * ((keys.scale * unit) / scale) ** 2;
    if (!(weight < Number.MAX_VALUE)) weight = 0;
  }
  const appended = values ? centred(v, dv) : undefined;
  const factor = appended && appended.square > 0 ? Math.sqrt(weight / appended.square) : 0;
  return joined(keys.rows, d, factor > 0 ? appended?.rows : undefined, dv, factor);
}

/** Rows of both, those of the second times a factor; all times a power of two that brings the largest entry near 1. */
function joined(
  keys: Float64Array,
  d: number,
  values: Float64Array | undefined,
  dv: number,
  factor: number,
): Points {
  const width = d + (values ? dv : 0);
  const data = new Float32Array((keys.length / d) * width);
  const half = Math.min(
    halfScale(keys),
    values ? halfScale(values) / Math.sqrt(factor) : Number.POSITIVE_INFINITY,
  );
  let at = 0;
  for (let row = 0; row < keys.length; row += d) {
    for (let c = 0; c < d; c++) data[at++] = keys[row + c] * half * half;
    if (!values) continue;
    const first = (row / d) * dv;
    for (let c = 0; c < dv; c++) data[at++] = values[first + c] * factor * half * half;
  }
  return { data, width };
}
