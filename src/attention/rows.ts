/** Some rows of a matrix. */
import type { Floats } from '../keys.js';

/** The rows [, d] with the given numbers. */
export function rowsOf<Data extends Floats>(data: Data, d: number, rows: readonly number[]): Data {
  const size = rows.length * d;
  const taken = (data instanceof Float32Array ? new Float32Array(size) : new Float64Array(size)) as Data;
  let at = 0;
  for (const row of rows) {
    taken.set(data.subarray(row * d, (row + 1) * d), at);
    at += d;
  }
  return taken;
}
