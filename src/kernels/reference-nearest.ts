/** The nearest centres in plain TypeScript and float64: oracle of the WASM kernel, and in its place where there is no WASM SIMD. */
import type { NearestCall } from './kernels.js';

/** O(n count d). */
export function referenceNearest({ points, centres, d, out, distances, sums, weights }: NearestCall): void {
  const halves = new Float64Array(centres.length / d);
  for (let at = 0; at < centres.length; at++) halves[Math.floor(at / d)] += centres[at] ** 2 / 2;
  for (let i = 0; i < out.length; i++) {
    let best = Number.NEGATIVE_INFINITY;
    for (let j = 0; j < halves.length; j++) {
      let score = -halves[j];
      for (let c = 0; c < d; c++) score += points[i * d + c] * centres[j * d + c];
      if (score <= best) continue;
      best = score;
      out[i] = j;
    }
    if (distances) distances[i] = 0;
    for (let c = 0, x = i * d, y = out[i] * d; c < d; c++, x++, y++) {
      if (distances) distances[i] += (points[x] - centres[y]) ** 2;
      if (sums) sums[y] += points[x] * (weights ? weights[i] : 1);
    }
  }
}
