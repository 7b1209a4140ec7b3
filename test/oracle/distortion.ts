/** Queries that try to break a row sample: extremes of sum_S s_l |<k_l,y>|^p / sum_l |<k_l,y>|^p over y, by ascent from many starts. */
import { Matrix as Dense, EigenvalueDecomposition } from 'ml-matrix';
import type { Matrix } from './matrix.js';
import type { Random } from './random.js';

/** A weight for each row; 0 for the ones that are left out. */
export type RowWeights = Float64Array;

export interface Extremes {
  readonly least: number;
  readonly most: number;
}

const STEPS = 25;

/** The rows in coordinates where the Gram of K is the identity: gradients then know no bad scaling. */
export function whitened({ data, n, d }: Matrix): Matrix {
  const k = new Dense(Array.from({ length: n }, (_, i) => Array.from(data.subarray(i * d, (i + 1) * d))));
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(k.transpose().mmul(k), {
    assumeSymmetric: true,
  });
  const kept = realEigenvalues.flatMap((value, c) =>
    value > 1e-12 * Math.max(...realEigenvalues) ? [c] : [],
  );
  const image = k.mmul(eigenvectorMatrix);
  const r = kept.length;
  const out = new Float64Array(n * r);
  for (let i = 0; i < n; i++)
    kept.forEach((c, a) => {
      out[i * r + a] = image.get(i, c) / Math.sqrt(realEigenvalues[c]);
    });
  return { data: out, n, d: r };
}

/** p = 2: the extremes themselves, the eigenvalues of the sample's Gram where that of all rows is the identity. */
export function exactExtremes({ data, n, d }: Matrix, weights: RowWeights): Extremes {
  const gram = Dense.zeros(d, d);
  for (let l = 0; l < n; l++)
    for (let a = 0; a < d; a++)
      for (let b = 0; b < d; b++)
        gram.set(a, b, gram.get(a, b) + weights[l] * data[l * d + a] * data[l * d + b]);
  const { realEigenvalues } = new EigenvalueDecomposition(gram, { assumeSymmetric: true });
  return { least: Math.min(...realEigenvalues), most: Math.max(...realEigenvalues) };
}

/** The worst ratios that ascent finds, from random directions and from those of single rows. Rows whitened. */
export function attackSample(
  rows: Matrix,
  weights: RowWeights,
  p: number,
  random: Random,
  starts = 3,
): Extremes {
  const { data, n, d } = rows;
  const z = new Float64Array(n);

  /** The two sums at y, and the gradient of the logarithm of their ratio. */
  function at(y: Float64Array, gradient: Float64Array): number {
    let [sample, all] = [0, 0];
    for (let l = 0; l < n; l++) {
      z[l] = 0;
      for (let c = 0; c < d; c++) z[l] += data[l * d + c] * y[c];
      const power = Math.abs(z[l]) ** p;
      sample += weights[l] * power;
      all += power;
    }
    gradient.fill(0);
    if (sample > 0)
      for (let l = 0; l < n; l++) {
        if (z[l] === 0) continue;
        const slope = (weights[l] / sample - 1 / all) * p * Math.abs(z[l]) ** (p - 1) * Math.sign(z[l]);
        for (let c = 0; c < d; c++) gradient[c] += slope * data[l * d + c];
      }
    return sample / all;
  }

  function climb(start: Float64Array<ArrayBuffer>, sign: number): number {
    let y = start.map((x) => x / Math.hypot(...start));
    let gradient = new Float64Array(d);
    let best = at(y, gradient);
    let length = 0.5;
    for (let step = 0; step < STEPS && length > 1e-6; step++) {
      const slope = Math.hypot(...gradient);
      if (!(slope > 0)) break;
      const next = y.map((x, c) => x + (sign * length * gradient[c]) / slope);
      const size = Math.hypot(...next);
      for (let c = 0; c < d; c++) next[c] /= size;
      const nextGradient = new Float64Array(d);
      const ratio = at(next, nextGradient);
      if (sign * ratio > sign * best) {
        [y, gradient, best, length] = [next, nextGradient, ratio, length * 1.5];
      } else length /= 2;
    }
    return best;
  }

  const norms = Float64Array.from({ length: n }, (_, l) => Math.hypot(...data.subarray(l * d, (l + 1) * d)));
  // The rows that stand out most, of those in the sample by their weight, of the others by being absent.
  const order = [...norms.keys()].sort((a, b) => norms[b] * (1 + weights[b]) - norms[a] * (1 + weights[a]));
  const absent = [...norms.keys()].filter((l) => weights[l] === 0).sort((a, b) => norms[b] - norms[a]);
  const points = [
    ...[...order.slice(0, starts), ...absent.slice(0, starts)].map((l) =>
      Float64Array.from(data.subarray(l * d, (l + 1) * d)),
    ),
    ...Array.from({ length: starts }, () => Float64Array.from({ length: d }, () => random.gaussian())),
  ].filter((point) => Math.hypot(...point) > 0);
  let [least, most] = [Number.POSITIVE_INFINITY, 0];
  for (const point of points) {
    least = Math.min(least, climb(point, -1));
    most = Math.max(most, climb(point, 1));
  }
  return { least, most };
}
