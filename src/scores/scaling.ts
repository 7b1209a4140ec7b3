/** Sizes of vectors, and square matrices with scaled rows and columns. */

/** diag(scale) G diag(scale). */
export function scaleBoth(gram: Float64Array, r: number, scale: Float64Array): Float64Array {
  const out = new Float64Array(gram.length);
  for (let i = 0, at = 0; i < r; i++) {
    const row = scale[i];
    for (let j = 0; j < r; j++, at++) out[at] = gram[at] * scale[j] * row;
  }
  return out;
}

/** M diag(scale). */
export function scaleColumns(m: Float64Array, r: number, scale: Float64Array): Float64Array {
  const out = new Float64Array(m.length);
  for (let i = 0, at = 0; i < r; i++) for (let j = 0; j < r; j++, at++) out[at] = m[at] * scale[j];
  return out;
}

/** The largest magnitude; 0 of none. */
export function largestOf(x: Float64Array): number {
  return x.reduce((largest, entry) => Math.max(largest, Math.abs(entry)), 0);
}
