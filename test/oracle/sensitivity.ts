/**
 * sigma_j for |x|^p, p >= 1, by 1/sigma_j = min { sum_l |<q_l, y>|^p : <q_j, y> = 1 } over an orthonormal basis Q of the column
 * space. Lower and upper end are both certified: any y gives the lower one; any u with Q^T u = lambda q_j gives, by Hoelder,
 * sigma_j <= (|u|_p' / lambda)^p.
 */
import { rowDot, solve, times, weightedSolve } from './linear.js';
import type { Random } from './random.js';

export interface Bracket {
  readonly lower: number;
  readonly upper: number;
}

const sumOfPowers = (z: Float64Array, p: number): number => z.reduce((sum, x) => sum + Math.abs(x) ** p, 0);

/** |<q_j, y>|^p / sum. */
function scoreAt(q: Float64Array, j: number, y: Float64Array, p: number): number {
  const z = times(q, y);
  const largest = z.reduce((a, x) => Math.max(a, Math.abs(x)), 0);
  return largest === 0
    ? 0
    : Math.abs(z[j] / largest) ** p /
        sumOfPowers(
          z.map((x) => x / largest),
          p,
        );
}

/** The upper bound that u gives once it is corrected to satisfy Q^T u = lambda q_j; Q orthonormal. */
function boundFrom(q: Float64Array, j: number, u: Float64Array, p: number): number {
  const n = u.length;
  const r = q.length / n;
  const row = q.subarray(j * r, (j + 1) * r);
  const image = new Float64Array(r);
  for (let l = 0; l < n; l++) for (let c = 0; c < r; c++) image[c] += q[l * r + c] * u[l];
  let lambda = 0;
  let square = 0;
  for (let c = 0; c < r; c++) {
    lambda += image[c] * row[c];
    square += row[c] * row[c];
  }
  lambda /= square;
  const residual = image.map((x, c) => x - lambda * row[c]);
  const v = u.map((x, l) => x - rowDot(q, l, residual));
  if (p === 1) return v.reduce((a, x) => Math.max(a, Math.abs(x)), 0) / lambda;
  const dual = p / (p - 1);
  return (sumOfPowers(v, dual) ** (1 / dual) / lambda) ** p;
}

/** p > 1: Newton steps (which point at the IRLS solution), with the step length found by bisection on the derivative. */
function smoothSensitivity(q: Float64Array, n: number, j: number, p: number): Bracket {
  const r = q.length / n;
  const row = q.slice(j * r, (j + 1) * r);
  const square = rowDot(q, j, row);
  let y = row.map((x) => x / square);
  // Keeps the weights within ten decimal digits, so that directions in which all z vanish stay solvable.
  const floor = p === 2 ? 0 : 10 ** (-10 / Math.abs(p - 2));
  let best: Bracket = { lower: 0, upper: 1 };
  for (let iteration = 0; iteration < 200; iteration++) {
    const z = times(q, y);
    const largest = z.reduce((a, x) => Math.max(a, Math.abs(x)), 0);
    const u = z.map((x) => Math.sign(x) * Math.abs(x / largest) ** (p - 1));
    best = {
      lower: Math.max(best.lower, scoreAt(q, j, y, p)),
      upper: Math.min(best.upper, boundFrom(q, j, u, p)),
    };
    if (best.upper - best.lower < 1e-12 * best.upper) break;
    const weights = z.map((x) => Math.max(Math.abs(x / largest), floor) ** (p - 2));
    const direction = weightedSolve(q, weights, row);
    if (!direction) break;
    const length = rowDot(q, j, direction);
    const step = direction.map((x, c) => x / length - y[c]);
    const along = times(q, step);
    const slope = (t: number): number =>
      z.reduce((sum, x, l) => {
        const value = x + t * along[l];
        return sum + Math.sign(value) * Math.abs(value / largest) ** (p - 1) * along[l];
      }, 0);
    let [low, high] = [0, 1];
    while (slope(high) < 0 && high < 1e6) high *= 2;
    for (let k = 0; k < 60; k++) {
      const middle = (low + high) / 2;
      if (slope(middle) < 0) low = middle;
      else high = middle;
    }
    y = y.map((x, c) => x + ((low + high) / 2) * step[c]);
  }
  return best;
}

/**
 * p = 1: the linear programme, by descent along the edges of its polyhedron. A vertex is given by r - 1 rows on which y
 * vanishes; the multipliers of these rows tell which may be released, and the next vertex is a weighted median along the edge.
 * Ties are broken by moving every target 0 of a row to a tiny random number; both ends are then taken for the true rows.
 */
function polyhedralSensitivity(q: Float64Array, n: number, j: number, random: Random): Bracket {
  const r = q.length / n;
  const zero = Array.from({ length: n }, (_, l) => q.subarray(l * r, (l + 1) * r).every((x) => x === 0));
  const sizes = Float64Array.from({ length: n }, (_, l) => Math.hypot(...q.subarray(l * r, (l + 1) * r)));
  const target = sizes.map((size) => 1e-9 * size * (random.uniform() - 0.5));
  const rowsOf = (active: number[]): number[] =>
    [j, ...active].flatMap((l) => Array.from(q.subarray(l * r, (l + 1) * r)));

  // A first vertex: greedily independent rows, so that the basis is well conditioned.
  let active: number[] = [];
  const directions = [normalised(q.slice(j * r, (j + 1) * r))];
  const rest = Array.from({ length: n }, (_, l) => normalised(q.slice(l * r, (l + 1) * r)));
  for (let l = 0; l < n; l++) project(rest[l], directions[0]);
  while (active.length < r - 1) {
    const best = rest.reduce((a, x, l) => (norm(x) > norm(rest[a]) ? l : a), 0);
    active.push(best);
    const direction = normalised(rest[best]);
    for (const x of rest) project(x, direction);
  }

  let best: Bracket = { lower: 0, upper: 1 };
  for (let iteration = 0; iteration < 100 + 20 * n; iteration++) {
    const basis = rowsOf(active);
    const y = solve(basis, [1, ...active.map((l) => target[l])], 0);
    if (!y) break;
    const residuals = times(q, y).map((x, l) => (active.includes(l) ? 0 : x - target[l]));
    const gradient = new Float64Array(r);
    for (let l = 0; l < n; l++)
      if (l !== j) for (let c = 0; c < r; c++) gradient[c] += Math.sign(residuals[l]) * q[l * r + c];
    // gradient + sum_active u_l q_l = -(lambda - 1) q_j, solved for (lambda - 1, u).
    const transposed = Array.from({ length: r * r }, (_, i) => basis[(i % r) * r + Math.floor(i / r)]);
    const multipliers = solve(
      transposed,
      gradient.map((x) => -x),
      0,
    );
    if (!multipliers) break;
    const u = residuals.map((x, l) => (l === j ? 1 : Math.sign(x)));
    active.forEach((l, i) => {
      u[l] = multipliers[i + 1];
    });
    best = {
      lower: Math.max(best.lower, scoreAt(q, j, y, 1)),
      upper: Math.min(best.upper, boundFrom(q, j, u, 1)),
    };
    const leaving = active.reduce(
      (a, _, i) => (Math.abs(multipliers[i + 1]) > Math.abs(multipliers[a + 1]) ? i : a),
      0,
    );
    if (active.length === 0 || Math.abs(multipliers[leaving + 1]) <= 1 + 1e-12) break;
    const unit = active.map((_, i) => (i === leaving ? Math.sign(multipliers[i + 1]) : 0));
    const edge = solve(basis, [0, ...unit], 0);
    if (!edge) break;
    const along = times(q, edge);
    const stays = active.filter((_, i) => i !== leaving);
    // The derivative along the edge starts at 1 - |u| < 0 and rises by 2 |along_l| at each crossing.
    let slope = 1 - Math.abs(multipliers[leaving + 1]);
    const crossings = Array.from({ length: n }, (_, l) => ({ l, t: -residuals[l] / along[l] }))
      .filter(({ l, t }) => l !== j && !active.includes(l) && !zero[l] && along[l] !== 0 && t > 0)
      .filter(({ l }) => Math.abs(along[l]) > 1e-13 * sizes[l])
      .sort((a, b) => a.t - b.t);
    const entering = crossings.find(({ l }) => (slope += 2 * Math.abs(along[l])) >= 0);
    if (!entering) break;
    active = [...stays, entering.l];
  }
  return best;
}

const norm = (x: Float64Array): number => Math.hypot(...x);

function normalised(x: Float64Array): Float64Array {
  const length = norm(x);
  return length === 0 ? x : x.map((value) => value / length);
}

/** x -= <x, v> v, |v| = 1. */
function project(x: Float64Array, v: Float64Array): void {
  for (let pass = 0; pass < 2; pass++) {
    let sum = 0;
    for (let c = 0; c < x.length; c++) sum += x[c] * v[c];
    for (let c = 0; c < x.length; c++) x[c] -= sum * v[c];
  }
}

/** The bracket of sigma_j for |x|^p, p >= 1; `basis` [n, r] has orthonormal columns. */
export function sensitivityOf(basis: Float64Array, n: number, j: number, p: number, random: Random): Bracket {
  const r = basis.length / n;
  if (basis.subarray(j * r, (j + 1) * r).every((x) => x === 0)) return { lower: 0, upper: 0 };
  return p === 1 ? polyhedralSensitivity(basis, n, j, random) : smoothSensitivity(basis, n, j, p);
}

/** p = 1 by trying every vertex: all choices of r - 1 rows on which y vanishes. For tiny cases. */
export function sensitivityByVertices(basis: Float64Array, n: number, j: number): number {
  const r = basis.length / n;
  let best = 0;
  const choose = (from: number, chosen: number[]): void => {
    if (chosen.length === r - 1) {
      const rows = [j, ...chosen].flatMap((l) => Array.from(basis.subarray(l * r, (l + 1) * r)));
      const y = solve(rows, [1, ...chosen.map(() => 0)]);
      if (y) best = Math.max(best, scoreAt(basis, j, y, 1));
      return;
    }
    for (let l = from; l < n; l++) choose(l + 1, [...chosen, l]);
  };
  choose(0, []);
  return best;
}
