/** Points in plain TypeScript and float64: oracle of the WASM kernels, and in their place where these do not reach. */
import type { Floats } from '../keys.js';
import type { DistancesCall, PointColumns, Spread, SumsCall } from './kernels.js';

/** O(n d). */
export function referenceSpread(rows: Floats, d: number, shares?: Float64Array): Spread {
  const n = rows.length / d;
  const mean = new Float64Array(d);
  // Relative to the largest entry, so that nothing overflows.
  let largest = 0;
  for (let at = 0; at < rows.length; at++) largest = Math.max(largest, Math.abs(rows[at]));
  const unit = largest > 0 ? largest : 1;
  const all = shares ? 1 : n;
  const weight = (row: number) => (shares ? shares[row] : 1);
  for (let row = 0, at = 0; row < n; row++)
    for (let c = 0; c < d; c++, at++) mean[c] += ((rows[at] / unit) * weight(row)) / all;
  let sum = 0;
  for (let row = 0, at = 0; row < n; row++)
    for (let c = 0; c < d; c++, at++) sum += (rows[at] / unit - mean[c]) ** 2 * weight(row);
  return { mean: mean.map((x) => x * unit), deviation: unit * Math.sqrt(sum / all) };
}

/** O(n d). */
export function referenceSums({ rows, d, members, weights, groups }: SumsCall): Float64Array {
  const sums = new Float64Array(groups * d);
  for (let j = 0, at = 0; j < members.length; j++, at += d) {
    if (members[j] < 0) continue;
    for (let c = 0, to = members[j] * d; c < d; c++) sums[to + c] += rows[at + c] * weights[j];
  }
  return sums;
}

/** O(n d). */
export function referenceDistances({ points, width, d, centres, members }: DistancesCall): Float64Array {
  const out = new Float64Array(members.length);
  for (let i = 0; i < members.length; i++)
    for (let c = 0, x = i * width, y = members[i] * width; c < d && y >= 0; c++)
      out[i] += (points[x + c] - centres[y + c]) ** 2;
  return out;
}

/** O(n d), with a matrix O(n d^2). */
export function referencePoints(groups: readonly PointColumns[], out: Float32Array): void {
  const width = groups.reduce((sum, { d }) => sum + d, 0);
  let column = 0;
  for (const { rows, d, mean, factor, matrix } of groups) {
    const row = new Float64Array(d);
    for (let at = 0, to = column; at < rows.length; at += d, to += width) {
      // Halves, as the difference of two large numbers overflows.
      for (let c = 0; c < d; c++) row[c] = (rows[at + c] / 2 - mean[c] / 2) * factor * 2;
      for (let c = 0; c < d; c++) {
        let sum = matrix ? 0 : row[c];
        if (matrix) for (let b = 0; b < d; b++) sum += row[b] * matrix[b * d + c];
        out[to + c] = sum;
      }
    }
    column += d;
  }
}
