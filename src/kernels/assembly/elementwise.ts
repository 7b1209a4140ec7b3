/**
 * What a transformer does to rows between its matrix products, in float32: layer norm, GELU, biases, and the optimiser's step.
 * Rows have a multiple of four numbers.
 */
import { exp2 } from './exponents';

/** e^(-x) for x >= 0 with a relative error of 2e-7; zero from x = 88 on. */
@inline
function expOfMinus(x: v128): v128 {
  return exp2(f32x4.mul(x, f32x4.splat(-1.4426950408889634)));
}

/**
 * The distribution function of the normal law, given e^(-x^2/2): 1 - erfc(|x|/sqrt(2))/2 or erfc(|x|/sqrt(2))/2. Absolute error 1e-7
 * (Abramowitz and Stegun, 7.1.26).
 */
@inline
function normalCdf(x: v128, bell: v128): v128 {
  const one = f32x4.splat(1);
  const t = f32x4.div(one, f32x4.add(one, f32x4.mul(f32x4.abs(x), f32x4.splat(0.23164189))));
  let p = f32x4.splat(0.5307027145);
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(-0.7265760135));
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(0.7107068705));
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(-0.142248368));
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(0.127414796));
  const tail = f32x4.mul(f32x4.mul(p, t), bell);
  return v128.bitselect(tail, f32x4.sub(one, tail), f32x4.lt(x, f32x4.splat(0)));
}

@inline
function bellOf(x: v128): v128 {
  return expOfMinus(f32x4.mul(f32x4.mul(x, x), f32x4.splat(0.5)));
}

/** y = x Phi(x), `count` numbers rounded up to a multiple of four. */
export function gelu(x: usize, y: usize, count: i32): void {
  const end = x + (<usize>count << 2);
  for (; x < end; x += 16) {
    const value = v128.load(x);
    v128.store(y, f32x4.mul(value, normalCdf(value, bellOf(value))));
    y += 16;
  }
}

/** dx = dy (Phi(x) + x phi(x)). */
export function geluBackward(x: usize, dy: usize, dx: usize, count: i32): void {
  const end = x + (<usize>count << 2);
  for (; x < end; x += 16) {
    const value = v128.load(x);
    const bell = bellOf(value);
    const density = f32x4.mul(f32x4.mul(value, bell), f32x4.splat(0.3989422804014327));
    v128.store(dx, f32x4.mul(v128.load(dy), f32x4.add(normalCdf(value, bell), density)));
    dy += 16;
    dx += 16;
  }
}

@inline
function lanesOf(sum: v128): f32 {
  return (
    f32x4.extract_lane(sum, 0) +
    f32x4.extract_lane(sum, 1) +
    (f32x4.extract_lane(sum, 2) + f32x4.extract_lane(sum, 3))
  );
}

/** y = (x - mean) / sqrt(variance + epsilon) * scale + shift of each row of d numbers; stats [rows, 2] = mean and 1 / sqrt(...). */
export function layerNorm(
  x: usize,
  rows: i32,
  d: i32,
  scale: usize,
  shift: usize,
  epsilon: f32,
  y: usize,
  stats: usize,
): void {
  const bytes = <usize>d << 2;
  const share: f32 = 1 / <f32>d;
  for (let row = 0; row < rows; row++) {
    let sum = f32x4.splat(0);
    for (let c: usize = 0; c < bytes; c += 16) sum = f32x4.add(sum, v128.load(x + c));
    const mean = lanesOf(sum) * share;
    const means = f32x4.splat(mean);
    let squares = f32x4.splat(0);
    for (let c: usize = 0; c < bytes; c += 16) {
      const off = f32x4.sub(v128.load(x + c), means);
      squares = f32x4.add(squares, f32x4.mul(off, off));
    }
    const inverse: f32 = 1 / sqrt<f32>(lanesOf(squares) * share + epsilon);
    const inverses = f32x4.splat(inverse);
    for (let c: usize = 0; c < bytes; c += 16) {
      const hat = f32x4.mul(f32x4.sub(v128.load(x + c), means), inverses);
      v128.store(y + c, f32x4.add(f32x4.mul(hat, v128.load(scale + c)), v128.load(shift + c)));
    }
    store<f32>(stats, mean);
    store<f32>(stats, inverse, 4);
    stats += 8;
    x += bytes;
    y += bytes;
  }
}

/** dx += the gradient of x; dScale += sum dy xhat, dShift += sum dy over the rows. */
export function layerNormBackward(
  x: usize,
  stats: usize,
  dy: usize,
  rows: i32,
  d: i32,
  scale: usize,
  dx: usize,
  dScale: usize,
  dShift: usize,
): void {
  const bytes = <usize>d << 2;
  const share: f32 = 1 / <f32>d;
  for (let row = 0; row < rows; row++) {
    const means = v128.load32_splat(stats);
    const inverses = v128.load32_splat(stats, 4);
    let sum = f32x4.splat(0);
    let along = f32x4.splat(0);
    for (let c: usize = 0; c < bytes; c += 16) {
      const hat = f32x4.mul(f32x4.sub(v128.load(x + c), means), inverses);
      const slope = v128.load(dy + c);
      v128.store(dScale + c, f32x4.add(v128.load(dScale + c), f32x4.mul(slope, hat)));
      v128.store(dShift + c, f32x4.add(v128.load(dShift + c), slope));
      const scaled = f32x4.mul(slope, v128.load(scale + c));
      sum = f32x4.add(sum, scaled);
      along = f32x4.add(along, f32x4.mul(scaled, hat));
    }
    const sums = f32x4.splat(lanesOf(sum) * share);
    const alongs = f32x4.splat(lanesOf(along) * share);
    for (let c: usize = 0; c < bytes; c += 16) {
      const hat = f32x4.mul(f32x4.sub(v128.load(x + c), means), inverses);
      const scaled = f32x4.mul(v128.load(dy + c), v128.load(scale + c));
      const change = f32x4.mul(f32x4.sub(f32x4.sub(scaled, sums), f32x4.mul(hat, alongs)), inverses);
      v128.store(dx + c, f32x4.add(v128.load(dx + c), change));
    }
    stats += 8;
    x += bytes;
    dy += bytes;
    dx += bytes;
  }
}

/** y + the row of d numbers, for each row of y. */
export function addRow(row: usize, y: usize, rows: i32, d: i32): void {
  const bytes = <usize>d << 2;
  for (let i = 0; i < rows; i++) {
    for (let c: usize = 0; c < bytes; c += 16) v128.store(y + c, f32x4.add(v128.load(y + c), v128.load(row + c)));
    y += bytes;
  }
}

/** sums += the sum of all rows of x. */
export function addRowSums(x: usize, rows: i32, d: i32, sums: usize): void {
  const bytes = <usize>d << 2;
  for (let i = 0; i < rows; i++) {
    for (let c: usize = 0; c < bytes; c += 16) v128.store(sums + c, f32x4.add(v128.load(sums + c), v128.load(x + c)));
    x += bytes;
  }
}

/** Rows of d numbers from rows `strideFrom` numbers apart to rows `strideTo` numbers apart. */
export function copyRows(from: usize, strideFrom: i32, to: usize, strideTo: i32, rows: i32, d: i32): void {
  const bytes = <usize>d << 2;
  for (let i = 0; i < rows; i++) {
    for (let c: usize = 0; c < bytes; c += 16) v128.store(to + c, v128.load(from + c));
    from += <usize>strideFrom << 2;
    to += <usize>strideTo << 2;
  }
}
