/**
 * Queries that try to make keys heavy under any f: for each j the largest score that was found, a lower bound of sigma_j.
 * Directed at a key (leverage query, IRLS for f at several sizes), at coordinates, at the null space of r - 1 rows, and random.
 */
import { times, weightedSolve } from './linear.js';
import type { Random } from './random.js';
import type { Weight } from './weights.js';

export interface Attack {
  /** [n]: a lower bound of sigma_j, rounding errors of the scalar products taken off. */
  readonly lower: Float64Array;
  /** How many queries were scored. */
  readonly queries: number;
}

/** What |<q_l, y>| of the target key is set to, in units of the scale of f: both limits and the bend between them. */
const SIZES = [1e-3, 0.03, 0.3, 0.7, 1, 1.5, 3, 10, 100, 1e4, 1e6];

/** A coefficient vector orthogonal to the given rows: the last of Gram-Schmidt. */
function orthogonalTo(rows: Float64Array[], start: Float64Array): Float64Array {
  const directions: Float64Array[] = [];
  const clear = (x: Float64Array): number => {
    for (let pass = 0; pass < 2; pass++)
      for (const v of directions) {
        let sum = 0;
        for (let c = 0; c < x.length; c++) sum += x[c] * v[c];
        for (let c = 0; c < x.length; c++) x[c] -= sum * v[c];
      }
    return Math.hypot(...x);
  };
  for (const row of rows) {
    const x = row.slice();
    const size = Math.hypot(...x);
    const length = clear(x);
    if (length > 1e-9 * size) directions.push(x.map((value) => value / length));
  }
  const x = start.slice();
  clear(x);
  return x;
}

/** Attacks f with queries over the basis [n, r] (orthonormal columns); `homogeneous` when the size of y does not matter. */
export function attack(
  basis: Float64Array,
  n: number,
  f: Weight,
  scale: number,
  homogeneous: boolean,
  random: Random,
  effort = 1,
): Attack {
  const r = basis.length / n;
  const lower = new Float64Array(n);
  let queries = 0;
  const row = (l: number): Float64Array => basis.slice(l * r, (l + 1) * r);
  const rowNorms = Float64Array.from({ length: n }, (_, l) => Math.hypot(...row(l)));
  const values = new Float64Array(n);

  /** Scores y times `factor`; every |z_l| is taken larger, and the key's own smaller, by its rounding error. */
  function score(z: Float64Array, length: number, factor: number): void {
    queries++;
    let total = 0;
    for (let l = 0; l < n; l++) {
      values[l] = f.value(factor * (Math.abs(z[l]) + 1e-15 * rowNorms[l] * length));
      total += values[l];
    }
    if (!(total > 0) || total === Infinity) return;
    for (let j = 0; j < n; j++) {
      if (values[j] / total <= lower[j]) continue;
      const own = f.value(factor * Math.max(0, Math.abs(z[j]) - 1e-15 * rowNorms[j] * length));
      lower[j] = Math.max(lower[j], own / (total - values[j] + own));
    }
  }

  function sweep(y: Float64Array, target?: number): void {
    const z = times(basis, y);
    const length = Math.hypot(...y);
    const size = Math.abs(target === undefined ? Math.max(...z.map(Math.abs)) : z[target]);
    if (!(size > 0)) return;
    for (const s of homogeneous ? [1] : SIZES) score(z, length, (s * scale) / size);
  }

  const targets = Array.from({ length: n }, (_, j) => j).filter((j) => rowNorms[j] > 0);
  for (const j of targets) sweep(row(j), j);
  for (let c = 0; c < r; c++) sweep(Float64Array.from({ length: r }, (_, i) => (i === c ? 1 : 0)));
  for (let k = 0; k < 12 * effort; k++) sweep(Float64Array.from({ length: r }, () => random.gaussian()));
  for (let k = 0; k < 12 * effort && targets.length > 0; k++) {
    const rows = Array.from({ length: r - 1 }, () => row(random.pick(targets)));
    sweep(orthogonalTo(rows, row(random.pick(targets))));
  }

  // IRLS: y minimises sum w_l <q_l, y>^2 with w = f(z) / z^2 of the last y, the key's own product held at the size.
  const chosen = Array.from({ length: Math.min(targets.length, 12 * effort) }, () => random.pick(targets));
  for (const j of new Set(chosen))
    for (const s of homogeneous ? [1] : [0.1, 1, 3, 30]) {
      let y = row(j);
      for (let iteration = 0; iteration < 8; iteration++) {
        const own = times(basis, y)[j];
        if (!(Math.abs(own) > 0)) break;
        const z = times(basis, y).map((x) => (x / own) * s * scale);
        score(z, (Math.hypot(...y) / Math.abs(own)) * s * scale, 1);
        const weights = z.map((x) => {
          const floored = Math.max(Math.abs(x), 1e-9 * s * scale);
          return f.value(floored) / floored ** 2;
        });
        const next = weightedSolve(basis, weights, row(j));
        if (!next?.every(Number.isFinite)) break;
        y = next;
      }
    }
  return { lower, queries };
}
