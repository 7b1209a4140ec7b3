/** What is wrong with bytes that are read: told by the caller, who knows the file and the place. */

/** Ends with one line that says where and what. */
export type Fail = (rule: string) => never;

/** A whole number of a file, refused where it is none, is negative or is above `most`. */
export function wholeOf(value: unknown, what: string, fail: Fail, most = Number.MAX_SAFE_INTEGER): number {
  const number = typeof value === 'bigint' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 0 || number > most)
    return fail(`${what} is ${String(value)}`);
  return number;
}

/** What `parse` makes of bytes that may be damaged: whatever it throws is said in one line. */
export function parsed<T>(parse: () => T, what: string, fail: Fail): T {
  try {
    return parse();
  } catch {
    return fail(`${what} is damaged`);
  }
}
