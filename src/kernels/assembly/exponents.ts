/** Powers and logarithms of base 2 in vector lanes, and the weights that they make of scores. */

/** 2^x for -126 <= x <= 0 with a relative error of 1e-7; negligible below, zero from -127 on. */
@inline
export function exp2(x: v128): v128 {
  // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits. At -127 the fraction is 0, the
  // polynomial exactly 1, and taking 127 from its exponent leaves exactly zero.
  x = f32x4.pmax(x, f32x4.splat(-127));
  const rounder = f32x4.splat(12582912);
  const shifted = f32x4.add(x, rounder);
  const f = f32x4.sub(x, f32x4.sub(shifted, rounder));
  let y = f32x4.splat(0.00015353361063321302);
  y = f32x4.add(f32x4.mul(y, f), f32x4.splat(0.0013398874396623069));
  y = f32x4.add(f32x4.mul(y, f), f32x4.splat(0.009618437360861487));
  y = f32x4.add(f32x4.mul(y, f), f32x4.splat(0.05550332471186609));
  y = f32x4.add(f32x4.mul(y, f), f32x4.splat(0.24022647913600553));
  y = f32x4.add(f32x4.mul(y, f), f32x4.splat(0.6931472028550193));
  y = f32x4.add(f32x4.mul(y, f), f32x4.splat(1));
  return i32x4.add(y, i32x4.shl(shifted, 23));
}

/**
 * log2 of normal positive float64 by the series of artanh((m - 1) / (m + 1)): with an error of 1e-8 of the logarithm, or `finely`,
 * with one of a few units of float64.
 */
@inline
export function log2(x: v128, finely: bool): v128 {
  const root = i64x2.splat(0x3fe6a09e667f3bcd); // sqrt(1/2), so that the mantissa m lies in [sqrt(1/2), sqrt(2))
  const offset = i64x2.sub(x, root);
  const exponent = i32x4.shr_s(v128.shuffle<i32>(offset, offset, 1, 3, 1, 3), 20);
  const m = i64x2.sub(x, v128.and(offset, i64x2.splat(0xfff0000000000000)));
  const one = f64x2.splat(1);
  const s = f64x2.div(f64x2.sub(m, one), f64x2.add(m, one));
  const square = f64x2.mul(s, s);
  let y = f64x2.splat(2.8853900817779268 / 9);
  if (finely) {
    let tail = f64x2.splat(2.8853900817779268 / 21);
    tail = f64x2.add(f64x2.mul(tail, square), f64x2.splat(2.8853900817779268 / 19));
    tail = f64x2.add(f64x2.mul(tail, square), f64x2.splat(2.8853900817779268 / 17));
    tail = f64x2.add(f64x2.mul(tail, square), f64x2.splat(2.8853900817779268 / 15));
    tail = f64x2.add(f64x2.mul(tail, square), f64x2.splat(2.8853900817779268 / 13));
    tail = f64x2.add(f64x2.mul(tail, square), f64x2.splat(2.8853900817779268 / 11));
    y = f64x2.add(y, f64x2.mul(tail, square));
  }
  y = f64x2.add(f64x2.mul(y, square), f64x2.splat(2.8853900817779268 / 7));
  y = f64x2.add(f64x2.mul(y, square), f64x2.splat(2.8853900817779268 / 5));
  y = f64x2.add(f64x2.mul(y, square), f64x2.splat(2.8853900817779268 / 3));
  y = f64x2.add(f64x2.mul(y, square), f64x2.splat(2.8853900817779268));
  return f64x2.add(f64x2.mul(y, s), f64x2.convert_low_i32x4_s(exponent));
}

/** Two pairs of float64 as four float32. */
@inline
export function demoted(low: v128, high: v128): v128 {
  return v128.shuffle<f64>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2);
}

/** log2 of x >= 0, -Infinity of zero; no number stays none. */
@inline
export function log2OrLess(x: v128, finely: bool): v128 {
  const less = f64x2.add(x, f64x2.splat(-Infinity));
  return v128.bitselect(log2(x, finely), less, f64x2.gt(x, f64x2.splat(0)));
}

/**
 * The weights of four scores s0, s1 in float64 against the largest: 2^(factor (score - largest)), or
 * (score / largest)^factor.
 */
@inline
export function weighWide(s0: v128, s1: v128, largest0: v128, largest1: v128, factor: f64, isPower: bool): v128 {
  const factors = f64x2.splat(factor);
  if (!isPower)
    return exp2(
      demoted(f64x2.mul(f64x2.sub(s0, largest0), factors), f64x2.mul(f64x2.sub(s1, largest1), factors)),
    );
  const ratio0 = f64x2.div(s0, largest0);
  const ratio1 = f64x2.div(s1, largest1);
  if (factor == 2) return demoted(f64x2.mul(ratio0, ratio0), f64x2.mul(ratio1, ratio1));
  return exp2(
    demoted(f64x2.mul(log2OrLess(ratio0, false), factors), f64x2.mul(log2OrLess(ratio1, false), factors)),
  );
}
