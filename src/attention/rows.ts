/** Some rows of a matrix, in one piece. */
import type { Floats } from '../keys.js';

/** From so many numbers on, a view of them costs less than it saves. */
const WORTH_A_VIEW = 256;

/** The rows [rows.length, d] with the given numbers. */
export function rowsOf<Data extends Floats>(data: Data, d: number, rows: ArrayLike<number>): Data {
  const size = rows.length * d;
  const taken = (data instanceof Float32Array ? new Float32Array(size) : new Float64Array(size)) as Data;
  for (let at = 0, end = 0; at < rows.length; at = end) {
    // Rows that lie one after the other are taken at once.
    while (end < rows.length && rows[end] - rows[at] === end - at) end++;
    const [from, to] = [rows[at] * d, (rows[at] + end - at) * d];
    if (to - from >= WORTH_A_VIEW) taken.set(data.subarray(from, to), at * d);
    else for (let i = from, out = at * d; i < to; i++, out++) taken[out] = data[i];
  }
  return taken;
}
