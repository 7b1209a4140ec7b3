/**
 * Records of queries. Vector lanes run over queries, eight of them are a group, and all that attention keeps of a group lies in
 * one record,
 *
 *     queries [d, 8]   sums of values [dv, 8]   largest scores [8]   totals [8]   limits [8] (int32)
 *     largest scores of a wide group [8] (float64)   whether it is wide (int32)
 *
 * with dv rounded up to a multiple of four, so that no operation across lanes is needed.
 */
import { packLanes, unpackLanes } from './packing';

/**
 * Exponents are formed in float32 where |factor| |q| |k| is at most this for all queries of a group and all keys: Gaussian
 * queries and keys of 64 numbers stay below, with softmax and the usual scale. The worst that is known, rows of one
 * repeated number, whose rounding errors all go one way, then puts the result off by 9e-6; Gaussian rows, by 5e-7.
 */
const NARROW: f64 = 20;

/** Below every exponent of a narrow group. */
const LOWEST: f32 = -3e38;

/** Offsets of what is behind the largest scores of a record, and its end. */
export const TOTALS: usize = 32;
export const LIMITS: usize = 64;
export const LARGEST: usize = 96;
export const WIDE: usize = 160;
export const END: usize = 176;

/** The sums of values of a record. */
@inline
export function sumsOf(record: usize, d: i32): usize {
  return record + ((<usize>d) << 5);
}

/** The largest scores of a record. */
@inline
export function largestOf(record: usize, d: i32, dv: i32): usize {
  return sumsOf(record, d) + ((<usize>((dv + 3) & ~3)) << 5);
}

/** Bytes of the record of a group. */
export function recordBytes(d: i32, dv: i32): usize {
  return largestOf(0, d, dv) + END;
}

/** The largest norm of `count` rows of d numbers. */
export function largestNorm(rows: usize, count: i32, d: i32): f64 {
  let largest: f64 = 0;
  for (let i = 0; i < count; i++) {
    let low = f64x2.splat(0);
    let high = f64x2.splat(0);
    const end = rows + ((<usize>d) << 2);
    for (; rows + 16 <= end; rows += 16) {
      const x0 = f64x2.promote_low_f32x4(v128.load64_zero(rows));
      const x1 = f64x2.promote_low_f32x4(v128.load64_zero(rows, 8));
      low = f64x2.add(low, f64x2.mul(x0, x0));
      high = f64x2.add(high, f64x2.mul(x1, x1));
    }
    low = f64x2.add(low, high);
    let square = f64x2.extract_lane(low, 0) + f64x2.extract_lane(low, 1);
    for (; rows < end; rows += 4) square += <f64>load<f32>(rows) * <f64>load<f32>(rows);
    largest = max(largest, square);
  }
  return sqrt(largest);
}

/** Whether the scores of `count` queries, at most eight, have to be float64; `reach` is |factor| times the largest norm of a key. */
@inline
export function isWide(queries: usize, count: i32, d: i32, reach: f64): bool {
  return !(largestNorm(queries, min(count, 8), d) * reach <= NARROW);
}

/**
 * Starts the records of queries [count, d] with their limits [count]. `reach` is |factor| times the largest norm of
 * a key, `lowest` where the largest score of wide groups starts. Narrow queries are multiplied by the factor, wide
 * ones by its sign alone.
 */
export function begin(
  queries: usize,
  count: i32,
  d: i32,
  dv: i32,
  factor: f64,
  reach: f64,
  lowest: f64,
  limits: usize,
  record: usize,
): void {
  for (let i = 0; i < count; i += 8) {
    const wide = isWide(queries, count - i, d, reach);
    packLanes(queries, d, wide ? copysign<f64>(1, factor) : factor, record);
    queries += (<usize>d) << 5;
    const largest = largestOf(record, d, dv);
    memory.fill(sumsOf(record, d), 0, largest + END - sumsOf(record, d));
    store<i32>(largest, <i32>wide, WIDE);
    for (let lane = 0; lane < 8; lane++) {
      store<f32>(largest + ((<usize>lane) << 2), LOWEST);
      store<f64>(largest + ((<usize>lane) << 3), lowest, LARGEST);
      if (i + lane < count)
        store<i32>(largest + ((<usize>lane) << 2), load<i32>(limits + ((<usize>(i + lane)) << 2)), LIMITS);
    }
    record = largest + END;
  }
}

/** The inverse of positive numbers, zero for others. */
@inline
function inverse(total: v128): v128 {
  return v128.and(f32x4.div(f32x4.splat(1), total), f32x4.gt(total, f32x4.splat(0)));
}

/** The results [count, dv] of the queries in the records; zero where no weight was positive. */
export function finish(record: usize, count: i32, d: i32, dv: i32, out: usize): void {
  for (let i = 0; i < count; i += 8) {
    const largest = largestOf(record, d, dv);
    const factors0 = inverse(v128.load(largest, TOTALS));
    unpackLanes(sumsOf(record, d), dv, factors0, inverse(v128.load(largest, TOTALS + 16)), out);
    out += (<usize>dv) << 5;
    record = largest + END;
  }
}

/**
 * Two float64 for each of `count` queries: the largest score, in the units of <q,k>, and the total of the weights relative to that of
 * this score.
 */
export function normalisers(record: usize, count: i32, d: i32, dv: i32, factor: f64, out: usize): void {
  for (let i = 0; i < count; i += 8) {
    const largest = largestOf(record, d, dv);
    const wide = load<i32>(largest, WIDE);
    for (let lane: usize = 0; lane < 8; lane++) {
      const narrow = <f64>load<f32>(largest + (lane << 2)) / abs(factor);
      store<f64>(out, wide ? load<f64>(largest + (lane << 3), LARGEST) : narrow);
      store<f64>(out, <f64>load<f32>(largest + (lane << 2), TOTALS), 8);
      out += 16;
    }
    record = largest + END;
  }
}
