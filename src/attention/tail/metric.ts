/** Keys, with their values if wanted, as points whose squared distances say how much is lost when one stands for the other. */
import { makePoints, spreadOf } from '../../kernels/cluster.js';
import type { PointColumns } from '../../kernels/kernels.js';
import { halfScale } from '../selectors/points.js';
import type { QuerySample } from './query-sample.js';
import type { TailHead } from './tail.js';
import { weigh } from './weigh.js';

/** The deviation of values from their mean, in units of that of the keys, or of logits in the queries' metric. */
const VALUES_EUCLIDEAN = Math.sqrt(0.3);
const VALUES_QUERIES = 1;

/** Added to the queries' second moment, in units of its mean eigenvalue: what directions weigh that a small sample does not show. */
const RIDGE = 0.02;

/**
 * L, lower triangular, with L L^T = S + ridge, S the second moment of the queries; times a power of two that brings its largest entry near
 * 1.
 */
function rootOfMoment({ rows, count }: QuerySample, d: number): { root: Float32Array; scale: number } {
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
  const unit = halfScale(root);
  return { root: Float32Array.from(root, (x) => x * unit * unit), scale: half * half * unit * unit };
}

/** Points [n, width] in float32, their entries not far from 1. */
export interface Points {
  readonly data: Float32Array;
  readonly width: number;
  /** The first columns are of the keys. */
  readonly keyWidth: number;
  /** In the queries' metric: what distances of these columns are to be multiplied by to be those of logits. */
  readonly logits: number;
}

/** 1 / x, a number also where x is denormal. */
function inverse(x: number): number {
  return Math.min(1 / x, Number.MAX_VALUE / 4);
}

/**
 * The keys as points: as they are, or, with a sample of queries, as L^T k, so that squared distances are those of logits, mean over the
 * queries. `values` appends scaled values.
 */
export function pointsOf(head: TailHead, values: boolean, queries?: QuerySample): Points {
  const { k, v, n, d, dv, scale, logWeights } = head;
  const shares = logWeights && weigh(new Int32Array(n), 1, logWeights).shares;
  const ofKeys = spreadOf(k, d, shares);
  const ofValues = values ? spreadOf(v, dv, shares) : undefined;
  const moment = queries && rootOfMoment(queries, d);
  // The deviation of values in units of that of the keys, before these are multiplied by L.
  let weight = VALUES_EUCLIDEAN;
  if (moment) weight = (VALUES_QUERIES * moment.scale) / (Math.abs(scale) * ofKeys.deviation);
  const appends = ofValues && ofKeys.deviation > 0 && ofValues.deviation > 0 && weight < Number.MAX_VALUE;
  const largest = appends ? Math.max(1, weight) : 1;
  const keys = {
    rows: k,
    d,
    mean: ofKeys.mean,
    factor: inverse(ofKeys.deviation * largest),
    matrix: moment?.root,
  };
  const groups: PointColumns[] = [keys];
  if (appends) {
    const factor = inverse(ofValues.deviation) * (weight / largest);
    groups.push({ rows: v, d: dv, mean: ofValues.mean, factor });
  }
  const width = d + (appends ? dv : 0);
  const data = new Float32Array(n * width);
  makePoints(groups, data);
  // Points in the queries' metric are L^T (k - mean) times both factors.
  const logits = moment ? (Math.abs(scale) / moment.scale) * ofKeys.deviation * largest : 0;
  return { data, width, keyWidth: d, logits };
}
