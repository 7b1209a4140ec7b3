/** Rows as points whose distances are compared: how far they spread, and rows less their mean, in float32. */

/** The sum of |x - mean|^2 over rows [count, d], times their weights unless these are at zero, in float64; mean [d] too. */
export function spread(rows: usize, count: i32, d: i32, mean: usize, weights: usize): f64 {
  let total: f64 = 0;
  for (let i = 0; i < count; i++) {
    let low = f64x2.splat(0);
    let high = f64x2.splat(0);
    let at = mean;
    const weight: f64 = weights ? load<f64>(weights + ((<usize>i) << 3)) : 1;
    const end = rows + ((<usize>d) << 2);
    for (; rows + 16 <= end; rows += 16) {
      const x0 = f64x2.sub(f64x2.promote_low_f32x4(v128.load64_zero(rows)), v128.load(at));
      const x1 = f64x2.sub(f64x2.promote_low_f32x4(v128.load64_zero(rows, 8)), v128.load(at, 16));
      low = f64x2.add(low, f64x2.mul(x0, x0));
      high = f64x2.add(high, f64x2.mul(x1, x1));
      at += 32;
    }
    low = f64x2.add(low, high);
    total += (f64x2.extract_lane(low, 0) + f64x2.extract_lane(low, 1)) * weight;
    for (; rows < end; rows += 4) {
      const x = <f64>load<f32>(rows) - load<f64>(at);
      total += x * x * weight;
      at += 8;
    }
  }
  return total;
}

/** (x - mean) factor of rows [count, d], mean [d] in float32, as rows `stride` bytes apart. */
export function centre(
  rows: usize,
  count: i32,
  d: i32,
  mean: usize,
  factor: f32,
  target: usize,
  stride: usize,
): void {
  const factors = f32x4.splat(factor);
  for (let i = 0; i < count; i++) {
    let from = mean;
    let to = target;
    const end = rows + ((<usize>d) << 2);
    for (; rows + 16 <= end; rows += 16) {
      v128.store(to, f32x4.mul(f32x4.sub(v128.load(rows), v128.load(from)), factors));
      from += 16;
      to += 16;
    }
    for (; rows < end; rows += 4) {
      store<f32>(to, (load<f32>(rows) - load<f32>(from)) * factor);
      from += 4;
      to += 4;
    }
    target += stride;
  }
}
