/** Whether rows are certainly linearly independent, so that every score is exactly 1 (docs/algorithms.md, section 6). */
import { certify } from './certificate.js';
import { hasDigits } from './screening.js';

/** True only where it is proved: the Gram of the rows' scalar products is certainly definite. O(m^2 (m + d)). */
export function independent(rows: Float64Array, m: number, d: number): boolean {
  if (m > d) return false;
  const gram = new Float64Array(m * m);
  for (let i = 0; i < m; i++)
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let c = 0; c < d; c++) sum += rows[i * d + c] * rows[j * d + c];
      gram[i * m + j] = sum;
    }
  const scale = Float64Array.from({ length: m }, (_, i) => 2 ** -Math.round(Math.log2(gram[i * m + i]) / 2));
  for (let i = 0; i < m; i++) {
    if (!hasDigits(gram[i * m + i])) return false;
    for (let j = 0; j <= i; j++) gram[j * m + i] = gram[i * m + j] *= scale[i] * scale[j];
  }
  return certify(gram, m, new Float64Array(m), d + 1) !== undefined;
}
