/** Some rows of a matrix. */
import type { Floats } from '../keys.js';

/** The rows [, d] with the given numbers. */
export function rowsOf<Data extends Floats>(data: Data, d: number, rows: readonly number[]): Data {
  const size = rows.length * d;
  const taken = (data instanceof Float32Array ? new Float32Array(size) : new Float64Array(size)) as Data;
  for (let at = 0, end = 0; at < rows.length; at = end) {
    // Rows that lie one after the other are taken at once.
    while (end < rows.length && rows[end] - rows[at] === end - at) end++;
    taken.set(data.subarray(rows[at] * d, (rows[at] + end - at) * d), at * d);
  }
  return taken;
}
