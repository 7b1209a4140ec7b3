/** l_p regression on a coreset of a thousand rows against all 100,000: npx tsx examples/lp-regression.ts */

// In a project of your own: from 'levattention'.
import { lpCoreset, randomStream } from '../src/index.js';

const [n, d, p] = [100_000, 4, 1.5];
const random = randomStream(1);

// Rows [a, b] with b = <a, x> and a heavy-tailed error. A few rows are large, so that a uniform sample would miss what they decide.
const truth = [2, -1, 0.5, 3];
const rows = new Float64Array(n * (d + 1));
for (let j = 0; j < n; j++) {
  const size = j % 10_000 === 0 ? 300 : 1;
  let b = random.normal() / (0.05 + random.uniform());
  for (let c = 0; c < d; c++) {
    rows[j * (d + 1) + c] = size * random.normal();
    b += rows[j * (d + 1) + c] * truth[c];
  }
  rows[j * (d + 1) + d] = b;
}

const residual = (j: number, x: readonly number[]) =>
  x.reduce((rest, value, c) => rest - rows[j * (d + 1) + c] * value, rows[j * (d + 1) + d]);

/** The x with M x = v, M symmetric and positive definite. */
function solve(m: number[][], v: number[]): number[] {
  for (let k = 0; k < d; k++)
    for (let i = k + 1; i < d; i++) {
      const factor = m[i][k] / m[k][k];
      for (let c = k; c < d; c++) m[i][c] -= factor * m[k][c];
      v[i] -= factor * v[k];
    }
  const x = new Array<number>(d).fill(0);
  for (let k = d - 1; k >= 0; k--)
    x[k] = (v[k] - x.reduce((sum, value, c) => sum + m[k][c] * value, 0)) / m[k][k];
  return x;
}

/** Minimises sum_t weights_t |b_t - <a_t, x>|^p by reweighted least squares: each term is taken as |residual|^(p-2) residual^2. */
function regression(indices: ArrayLike<number>, weights: (t: number) => number): number[] {
  let x = new Array<number>(d).fill(0);
  for (let iteration = 0; iteration < 30; iteration++) {
    const m = Array.from({ length: d }, () => new Array<number>(d).fill(0));
    const v = new Array<number>(d).fill(0);
    for (let t = 0; t < indices.length; t++) {
      const [j, at] = [indices[t], indices[t] * (d + 1)];
      const s = weights(t) * Math.max(1e-6, Math.abs(residual(j, x))) ** (p - 2);
      for (let a = 0; a < d; a++) {
        v[a] += s * rows[at + a] * rows[at + d];
        for (let c = 0; c < d; c++) m[a][c] += s * rows[at + a] * rows[at + c];
      }
    }
    x = solve(m, v);
  }
  return x;
}

const loss = (x: readonly number[]) => {
  let sum = 0;
  for (let j = 0; j < n; j++) sum += Math.abs(residual(j, x)) ** p;
  return sum;
};

// Residuals are products of [a, b] with (-x, 1), so a coreset of [A, b] serves every x.
const sample = lpCoreset({ data: rows, shape: [n, d + 1] }, { p, rows: 1000, seed: 1 });
const all = Int32Array.from({ length: n }, (_, j) => j);
const best = loss(regression(all, () => 1));
const ours = loss(regression(sample.indices, (t) => sample.weights[t]));
const uniform = loss(
  regression(
    all.filter((j) => j % 100 === 7),
    () => 100,
  ),
);
const over = (value: number) => `${(100 * (value / best - 1)).toFixed(3)} %`;
console.log(
  `${sample.indices.length} of ${n} rows, ${sample.weights.filter((w) => w === 1).length} of them for certain`,
);
console.log(`loss over that of all rows: coreset ${over(ours)}, every 100th row ${over(uniform)}`);
