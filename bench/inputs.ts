/** Seeded keys, queries and values: Gaussian, and heavy-tailed by a random factor for each row. */
import { library } from './library.js';

/** How rows are drawn. */
export type Distribution = 'Gaussian' | 't3';

/**
 * [n, d] float32. Gaussian: independent standard normals. t3: multivariate Student t with 3 degrees of freedom, a Gaussian
 * row times sqrt(3 / chi^2_3), so that a few rows are far longer than the others.
 */
export function draw(distribution: Distribution, n: number, d: number, seed: number): Float32Array {
  const { normal } = library.randomStream(seed);
  const rows = new Float32Array(n * d);
  for (let i = 0; i < n; i++) {
    const factor = distribution === 't3' ? Math.sqrt(3 / (normal() ** 2 + normal() ** 2 + normal() ** 2)) : 1;
    for (let c = 0; c < d; c++) rows[i * d + c] = factor * normal();
  }
  return rows;
}
