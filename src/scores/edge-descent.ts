/** Least absolute residuals on the vertices of their polyhedron: exact sensitivities for p = 1 (Barrodale and Roberts, 1973). */
import { goldenPart } from '../random.js';

/** A vertex of { y : <x_j,y> = 1 }: the products X y, and a dual z with X^T z = x_j. */
export interface Vertex {
  readonly products: Float64Array;
  readonly dual: Float64Array;
}

/** A row joins the active ones if this much of it is new to them. */
const INDEPENDENT = 1e-7;
/** Relative size of the targets that stand in for zero, so that no two rows vanish together (integer keys would cycle). */
const PERTURBATION = 1e-10;

/**
 * Visits vertices of falling sum |<x_l,y> - b_l|, b tiny, from one near the given products on, until the dual proves the last to be
 * least or `most` are visited. What is yielded does not depend on b: products of a feasible y, and a feasible dual. X is [n, r] and of full rank; a step costs O(n r + r^3 + n log n).
 */
export function* edgeDescent(
  x: Float64Array,
  n: number,
  r: number,
  j: number,
  start: Float64Array,
  most: number,
): Generator<Vertex, void, void> {
  const active = independentRows(x, n, r, j, start);
  if (active.length < r) return;
  const targets = Float64Array.from({ length: n }, (_, l) => {
    const size = Math.hypot(...x.subarray(l * r, (l + 1) * r));
    // The golden ratio spreads them without two that are equal.
    return l === j ? 0 : PERTURBATION * size * goldenPart(l + 1);
  });
  const products = new Float64Array(n);
  const residuals = new Float64Array(n);
  const slopes = new Float64Array(n);
  for (let step = 0; step < most; step++) {
    const inverse = invertInPlace(
      Float64Array.from({ length: r * r }, (_, i) => x[active[Math.floor(i / r)] * r + (i % r)]),
      r,
    );
    if (!inverse) return;
    // y has product 1 with row j and the target with every other active row.
    const y = Float64Array.from({ length: r }, (_, a) =>
      active.reduce((sum, row, b) => sum + inverse[a * r + b] * (row === j ? 1 : targets[row]), 0),
    );
    multiply(x, n, r, y, products);
    for (let l = 0; l < n; l++) residuals[l] = products[l] - targets[l];
    for (const row of active) if (row !== j) residuals[row] = 0;
    const gradient = new Float64Array(r);
    for (let l = 0; l < n; l++) {
      const sign = Math.sign(residuals[l]);
      if (sign !== 0) for (let a = 0; a < r; a++) gradient[a] += sign * x[l * r + a];
    }
    const multipliers = Float64Array.from({ length: r }, (_, b) => {
      let sum = 0;
      for (let a = 0; a < r; a++) sum += gradient[a] * inverse[a * r + b];
      return sum;
    });
    const dual = residuals.map((value) => Math.sign(value) / multipliers[0]);
    for (let b = 1; b < r; b++) dual[active[b]] = -multipliers[b] / multipliers[0];
    yield { products, dual };

    let leaving = 0;
    for (let b = 1; b < r; b++)
      if (Math.abs(multipliers[b]) > Math.max(1 + 1e-12, leaving ? Math.abs(multipliers[leaving]) : 0))
        leaving = b;
    if (leaving === 0) return;
    multiply(
      x,
      n,
      r,
      Float64Array.from({ length: r }, (_, a) => inverse[a * r + leaving]),
      slopes,
    );
    const direction = -Math.sign(multipliers[leaving]);
    const entering = lowestBreak(residuals, slopes, direction, 1 - Math.abs(multipliers[leaving]), active);
    if (entering < 0) return;
    active[leaving] = entering;
  }
}

/** Row j and r - 1 rows of small residuals that are independent of it and of each other. */
function independentRows(
  x: Float64Array,
  n: number,
  r: number,
  j: number,
  residuals: Float64Array,
): number[] {
  const order = Array.from({ length: n }, (_, l) => l).sort(
    (a, b) => Math.abs(residuals[a]) - Math.abs(residuals[b]),
  );
  const chosen: number[] = [];
  const basis: Float64Array[] = [];
  for (const l of [j, ...order]) {
    if (chosen.length === r) break;
    if (l === j && chosen.length > 0) continue;
    const rest = x.slice(l * r, (l + 1) * r);
    const size = Math.hypot(...rest);
    for (let pass = 0; pass < 2; pass++)
      for (const unit of basis) {
        const part = unit.reduce((sum, entry, a) => sum + entry * rest[a], 0);
        for (let a = 0; a < r; a++) rest[a] -= part * unit[a];
      }
    const left = Math.hypot(...rest);
    if (!(left > INDEPENDENT * size)) continue;
    basis.push(rest.map((entry) => entry / left));
    chosen.push(l);
  }
  return chosen;
}

/** The row at whose zero the sum of |residual + t direction slope| stops falling, as t grows from 0 with the given first slope. */
function lowestBreak(
  residuals: Float64Array,
  slopes: Float64Array,
  direction: number,
  slope: number,
  active: readonly number[],
): number {
  const skip = new Set(active);
  const breaks: { t: number; row: number }[] = [];
  for (let row = 0; row < residuals.length; row++) {
    const t = -residuals[row] / (direction * slopes[row]);
    if (!skip.has(row) && t >= 0 && t < Number.POSITIVE_INFINITY) breaks.push({ t, row });
  }
  breaks.sort((a, b) => a.t - b.t);
  for (const { row } of breaks) {
    // A residual that is zero already counts once, as it has no sign to lose.
    slope += (residuals[row] === 0 ? 1 : 2) * Math.abs(slopes[row]);
    if (slope >= 0) return row;
  }
  return -1;
}

/** out = X y, X [n, r]. */
export function multiply(x: Float64Array, n: number, r: number, y: Float64Array, out: Float64Array): void {
  for (let l = 0; l < n; l++) {
    let sum = 0;
    for (let a = 0; a < r; a++) sum += x[l * r + a] * y[a];
    out[l] = sum;
  }
}

/** The inverse of a by Gauss and Jordan with row pivoting, which turns a into I; undefined for a singular matrix. */
function invertInPlace(a: Float64Array, r: number): Float64Array | undefined {
  const inverse = new Float64Array(r * r);
  for (let i = 0; i < r; i++) inverse[i * r + i] = 1;
  for (let c = 0; c < r; c++) {
    let pivot = c;
    for (let i = c + 1; i < r; i++) if (Math.abs(a[i * r + c]) > Math.abs(a[pivot * r + c])) pivot = i;
    const value = a[pivot * r + c];
    if (value === 0) return undefined;
    for (let k = 0; k < r; k++) {
      [a[c * r + k], a[pivot * r + k]] = [a[pivot * r + k], a[c * r + k]];
      [inverse[c * r + k], inverse[pivot * r + k]] = [inverse[pivot * r + k], inverse[c * r + k]];
    }
    for (let k = 0; k < r; k++) {
      a[c * r + k] /= value;
      inverse[c * r + k] /= value;
    }
    for (let i = 0; i < r; i++) {
      const factor = a[i * r + c];
      if (i === c || factor === 0) continue;
      for (let k = 0; k < r; k++) {
        a[i * r + k] -= factor * a[c * r + k];
        inverse[i * r + k] -= factor * inverse[c * r + k];
      }
    }
  }
  return inverse;
}
