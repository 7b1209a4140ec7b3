/** Numbers and tables as the terminal shows them. */

/** Four significant digits, in plain notation where that is short: 0.05, 123.4, 1.2e-7. */
export function number(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return String(value);
  return String(Number(value.toPrecision(4)));
}

/** Seconds with a sensible number of digits. */
export function seconds(value: number): string {
  return value < 1 ? `${Math.max(1, Math.round(value * 1000))} ms` : `${value.toFixed(value < 10 ? 1 : 0)} s`;
}

/** A share of one with two significant digits: `37 %`, `1.4 %`, `0.03 %`. */
export function percent(share: number): string {
  const value = share * 100;
  return `${value >= 9.95 ? value.toFixed(0) : Number(value.toPrecision(2))} %`;
}

/** 10,363,240. */
export function thousands(value: number): string {
  return value.toLocaleString('en');
}

/** `1 key`, `31 keys`. */
export function counted(count: number, noun: string): string {
  return `${count} ${count === 1 ? noun : `${noun}s`}`;
}

/** Columns aligned to the right, those named in `left` to the left; the first row is the heading. */
export function table(rows: readonly (readonly string[])[], left: readonly string[] = []): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const aligned = (cell: string, column: number) =>
    left.includes(rows[0][column]) ? cell.padEnd(widths[column]) : cell.padStart(widths[column]);
  return rows.map((row) => row.map(aligned).join('  ').trimEnd()).join('\n');
}

/** A list of indices that ends before the line is too long: `3, 17, 40, ... (31 in all)`. */
export function listed(indices: readonly number[], width = 76): string {
  const whole = indices.join(', ');
  if (whole.length <= width) return whole;
  const tail = ` ... (${indices.length} in all)`;
  const cut = whole.slice(0, width - tail.length);
  return `${cut.slice(0, cut.lastIndexOf(',') + 1)}${tail}`;
}
