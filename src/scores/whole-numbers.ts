/** Floats as whole numbers times powers of two. */

/** A finite x other than 0 as mantissa 2^exponent, both whole, the mantissa odd. */
export function parts(x: number): { mantissa: bigint; exponent: number } {
  let exponent = Math.max(-1074, Math.floor(Math.log2(Math.abs(x))) - 53);
  let mantissa = x / 2 ** exponent;
  for (; Number.isInteger(mantissa / 2); exponent++) mantissa /= 2;
  return { mantissa: BigInt(mantissa), exponent };
}
