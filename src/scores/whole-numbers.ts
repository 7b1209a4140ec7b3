/** Floats as whole numbers times powers of two. */

/** A finite x other than 0 as mantissa 2^exponent, both whole, the mantissa odd. */
export function parts(x: number): { mantissa: bigint; exponent: number } {
  let exponent = Math.max(-1074, Math.floor(Math.log2(Math.abs(x))) - 53);
  let mantissa = x / 2 ** exponent;
  for (; Number.isInteger(mantissa / 2); exponent++) mantissa /= 2;
  return { mantissa: BigInt(mantissa), exponent };
}

/** Finite numbers times powers of two, 2^shift of their own and one of all of them, that make them whole: as small as may be. */
export function wholeNumbers(row: ArrayLike<number>, shifts: ArrayLike<number>): bigint[] {
  const entries = Array.from(row, (x, c) => {
    if (x === 0) return undefined;
    const { mantissa, exponent } = parts(x);
    return { mantissa, exponent: exponent + shifts[c] };
  });
  const lowest = entries.reduce((least, entry) => Math.min(least, entry?.exponent ?? least), Infinity);
  return entries.map((entry) => (entry ? entry.mantissa << BigInt(entry.exponent - lowest) : 0n));
}
