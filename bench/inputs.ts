/** Seeded keys, queries and values: Gaussian, heavy-tailed, coherent, ill-conditioned and sorted ones. */
import { library } from './library.js';

/** How rows are drawn. */
export type Distribution =
  | 'Gaussian'
  | 't3'
  | 'coherent'
  | 'correlated'
  | 'sorted by norm'
  | 'sorted by cluster'
  | 'few huge rows'
  | 'condition number 1e6';

/** Clusters of the keys that are sorted by cluster. */
const CLUSTERS = 32;

/**
 * [n, d] float32. Gaussian: independent standard normals. t3: multivariate Student t with 3 degrees of freedom, a Gaussian
 * row times sqrt(3 / chi^2_3), so that a few rows are far longer than the others. coherent: half of the columns are 0.01 of the others but for three
 * rows in each, which hold most of it. correlated: Gaussian times diag(900^(-c/(d-1))) and a rotation. sorted by norm: t3 in the
 * order of the norms. sorted by cluster: 32 clusters one after the other, Gaussian around centres that are three times as far apart.
 * few huge rows: Gaussian, five rows a thousand times longer. condition number 1e6: as correlated, with 1e6 in place of 900.
 */
export function draw(distribution: Distribution, n: number, d: number, seed: number): Float32Array {
  const { normal, uniform } = library.randomStream(seed);
  const student = distribution === 't3' || distribution === 'sorted by norm';
  const rows = new Float32Array(n * d);
  for (let i = 0; i < n; i++) {
    const factor = student ? Math.sqrt(3 / (normal() ** 2 + normal() ** 2 + normal() ** 2)) : 1;
    for (let c = 0; c < d; c++) rows[i * d + c] = factor * normal();
  }
  if (distribution === 'coherent') {
    for (let i = 0; i < n; i++) for (let c = d >> 1; c < d; c++) rows[i * d + c] *= 0.01;
    for (let c = d >> 1; c < d; c++)
      for (let k = 0; k < 3; k++) rows[Math.floor(uniform() * n) * d + c] = 0.01 * Math.sqrt(n);
  }
  if (distribution === 'correlated') correlate(rows, d, 900, normal);
  if (distribution === 'condition number 1e6') correlate(rows, d, 1e6, normal);
  if (distribution === 'few huge rows')
    for (let k = 0; k < 5; k++) {
      const start = Math.floor(uniform() * n) * d;
      for (let c = 0; c < d; c++) rows[start + c] *= 1000;
    }
  if (distribution === 'sorted by cluster') cluster(rows, d, normal);
  return distribution === 'sorted by norm' ? sortedByNorm(rows, d) : rows;
}

/** Scales the columns down to 1/condition and reflects the rows three times: a condition number that no column scaling removes. */
function correlate(rows: Float32Array, d: number, condition: number, normal: () => number): void {
  const mirrors = Array.from({ length: 3 }, () => {
    const v = Array.from({ length: d }, normal);
    const size = Math.hypot(...v);
    return v.map((x) => x / size);
  });
  const row = new Float64Array(d);
  for (let start = 0; start < rows.length; start += d) {
    for (let c = 0; c < d; c++) row[c] = rows[start + c] * condition ** (-c / (d - 1));
    for (const v of mirrors) {
      let dot = 0;
      for (let c = 0; c < d; c++) dot += v[c] * row[c];
      for (let c = 0; c < d; c++) row[c] -= 2 * dot * v[c];
    }
    rows.set(row, start);
  }
}

/** Adds its centre to each row; neighbours share one. */
function cluster(rows: Float32Array, d: number, normal: () => number): void {
  const centres = Float64Array.from({ length: CLUSTERS * d }, () => 3 * normal());
  const n = rows.length / d;
  for (let i = 0; i < n; i++) {
    const from = Math.floor((i * CLUSTERS) / n) * d;
    for (let c = 0; c < d; c++) rows[i * d + c] += centres[from + c];
  }
}

function sortedByNorm(rows: Float32Array, d: number): Float32Array {
  const squares = new Float64Array(rows.length / d);
  for (let i = 0; i < rows.length; i++) squares[Math.floor(i / d)] += rows[i] ** 2;
  const order = Uint32Array.from(squares.keys()).sort((a, b) => squares[a] - squares[b]);
  const out = new Float32Array(rows.length);
  order.forEach((j, i) => {
    out.set(rows.subarray(j * d, (j + 1) * d), i * d);
  });
  return out;
}
