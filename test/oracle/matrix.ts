/** The matrices that generators make and oracles read. */

export interface Matrix {
  readonly data: Float32Array | Float64Array;
  readonly n: number;
  readonly d: number;
  /**
   * What the columns span, where the rest is nothing but rounding of the rows: exact arithmetic would take that rounding at
   * face value (test/guarantee/face-value.ts does), a rank-revealing method must not.
   */
  readonly span?: Matrix;
}

/** The matrix as the public functions take it. */
export function tensor({ data, n, d }: Matrix): { data: Float32Array | Float64Array; shape: number[] } {
  return { data, shape: [n, d] };
}

/** [K, 1], the keys with an intercept column. */
export function withIntercept({ data, n, d, span }: Matrix): Matrix {
  const out = new Float64Array(n * (d + 1)).fill(1);
  for (let i = 0; i < n; i++) for (let c = 0; c < d; c++) out[i * (d + 1) + c] = data[i * d + c];
  return { data: out, n, d: d + 1, span: span && withIntercept(span) };
}

export function fromRows(rows: readonly (readonly number[])[]): Matrix {
  return { data: Float64Array.from(rows.flat()), n: rows.length, d: rows[0].length };
}
