/** Square matrices with scaled rows and columns. */

/** diag(scale) G diag(scale). */
export function scaleBoth(gram: Float64Array, r: number, scale: Float64Array): Float64Array {
  const out = scaleColumns(gram, r, scale);
  for (let i = 0; i < r; i++) for (let j = 0; j < r; j++) out[i * r + j] *= scale[i];
  return out;
}

/** M diag(scale). */
export function scaleColumns(m: Float64Array, r: number, scale: Float64Array): Float64Array {
  const out = new Float64Array(m.length);
  for (let i = 0; i < r; i++) for (let j = 0; j < r; j++) out[i * r + j] = m[i * r + j] * scale[j];
  return out;
}
