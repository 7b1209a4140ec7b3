/**
 * Attention of groups of queries over tiles of keys, in float32, with a running maximum: the weights of a
 * tile are formed, used and forgotten.
 *
 * Vector lanes run over queries. Eight queries are a group, and all that concerns it lies in one record,
 *
 *     queries [d, 8]   sums of values [dv, 8]   largest scores [8]   totals [8]   limits [8] (int32)
 *
 * with dv rounded up to a multiple of four, so that no operation across lanes is needed. Keys are packed in
 * panels of four, each [d, 4]; values in tiles of TILE keys and panels of four columns, each [TILE, 4].
 * Packing works on 4 x 4 pieces and does not mind edges: what it reads and writes beyond them is overwritten
 * by the next piece or lies in lanes that no result depends on. So arrays of rows have room for a multiple of
 * eight rows, and for three numbers more.
 */
import { addProduct, setProduct } from './tile';
import { storeTransposed } from './transpose';

/** Keys that are weighed at a time; their scores, [TILE, 8], stay in the first-level cache. */
export const TILE: i32 = 128;

/** Dot products longer than this are added up in pieces, which keeps their rounding errors small. */
const DEPTH: i32 = 64;

/** The least positive normal number. */
const LEAST: f32 = 1.1754944e-38;

/** Offsets of totals and limits behind the largest scores of a record, and its end. */
const TOTALS: usize = 32;
const LIMITS: usize = 64;
const END: usize = 96;

/** The sums of values of a record. */
@inline
function sumsOf(record: usize, d: i32): usize {
  return record + ((<usize>d) << 5);
}

/** The largest scores of a record. */
@inline
function largestOf(record: usize, d: i32, dv: i32): usize {
  return sumsOf(record, d) + ((<usize>((dv + 3) & ~3)) << 5);
}

/** Bytes of the record of a group. */
export function recordBytes(d: i32, dv: i32): usize {
  return largestOf(0, d, dv) + END;
}

/** 2^x for -126 <= x <= 0 with a relative error of 1e-7; negligible below, zero from -127 on. */
@inline
function exp2(x: v128): v128 {
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

/** log2 of normal positive numbers with an error of 1e-7, by the series of artanh((m - 1) / (m + 1)). */
@inline
function log2(x: v128): v128 {
  const root = i32x4.splat(0x3f3504f3); // sqrt(1/2), so that the mantissa lies in [sqrt(1/2), sqrt(2))
  const offset = i32x4.sub(x, root);
  const exponent = i32x4.shr_s(offset, 23);
  const m = i32x4.sub(x, i32x4.shl(exponent, 23));
  const one = f32x4.splat(1);
  const s = f32x4.div(f32x4.sub(m, one), f32x4.add(m, one));
  const square = f32x4.mul(s, s);
  let y = f32x4.splat(2.8853900817779268 / 7);
  y = f32x4.add(f32x4.mul(y, square), f32x4.splat(2.8853900817779268 / 5));
  y = f32x4.add(f32x4.mul(y, square), f32x4.splat(2.8853900817779268 / 3));
  y = f32x4.add(f32x4.mul(y, square), f32x4.splat(2.8853900817779268));
  return f32x4.add(f32x4.mul(y, s), f32x4.convert_i32x4_s(exponent));
}

/** ratio^power for 0 <= ratio <= 1; zero stays zero. */
@inline
function pow(ratio: v128, power: f32): v128 {
  if (power == 2) return f32x4.mul(ratio, ratio);
  if (power == 4) {
    const square = f32x4.mul(ratio, ratio);
    return f32x4.mul(square, square);
  }
  const least = f32x4.splat(LEAST);
  const weight = exp2(f32x4.mul(log2(f32x4.pmax(ratio, least)), f32x4.splat(power)));
  return v128.and(weight, f32x4.ge(ratio, least));
}

/**
 * The weight of a score against the largest: 2^(score - largest), or (score / largest)^power where power > 0.
 */
@inline
function weigh(score: v128, largest: v128, power: f32): v128 {
  return power > 0 ? pow(f32x4.div(score, largest), power) : exp2(f32x4.sub(score, largest));
}

/** max |x| over `count` float32. */
export function largestMagnitude(x: usize, count: i32): f32 {
  let largest = f32x4.splat(0);
  const end = x + ((<usize>(count & ~3)) << 2);
  for (; x < end; x += 16) largest = f32x4.max(largest, f32x4.abs(v128.load(x)));
  let result = max(
    max(f32x4.extract_lane(largest, 0), f32x4.extract_lane(largest, 1)),
    max(f32x4.extract_lane(largest, 2), f32x4.extract_lane(largest, 3)),
  );
  for (let i = 0; i < (count & 3); i++) result = max(result, abs(load<f32>(x + ((<usize>i) << 2))));
  return result;
}

/** Keys [count, d] as panels of four. */
export function packKeys(keys: usize, count: i32, d: i32, target: usize): void {
  const stride = (<usize>d) << 2;
  for (let j = 0; j < count; j += 4) {
    for (let c: usize = 0; c < stride; c += 16) {
      const source = keys + c;
      storeTransposed(
        v128.load(source),
        v128.load(source + stride),
        v128.load(source + 2 * stride),
        v128.load(source + 3 * stride),
        target + (c << 2),
        16,
      );
    }
    keys += stride << 2;
    target += stride << 2;
  }
}

/** Values [count, dv] of a tile as panels of four columns. */
export function packValues(values: usize, count: i32, dv: i32, target: usize): void {
  const stride = (<usize>dv) << 2;
  for (let c: usize = 0; c < stride; c += 16) {
    let source = values + c;
    for (let j: usize = 0; j < (<usize>count) << 4; j += 16) {
      v128.store(target + j, v128.load(source));
      source += stride;
    }
    target += (<usize>TILE) << 4;
  }
}

/** Four numbers times a float64 factor. */
@inline
function scaled(row: usize, factor: v128): v128 {
  const low = f32x4.demote_f64x2_zero(f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(row)), factor));
  const high = f32x4.demote_f64x2_zero(f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(row, 8)), factor));
  return v128.shuffle<f64>(low, high, 0, 2);
}

/** Starts the records of queries [count, d], which are multiplied by `factor`, with their limits [count]. */
export function begin(
  queries: usize,
  count: i32,
  d: i32,
  dv: i32,
  factor: f64,
  lowest: f32,
  limits: usize,
  record: usize,
): void {
  const stride = (<usize>d) << 2;
  const factors = f64x2.splat(factor);
  for (let i = 0; i < count; i += 8) {
    for (let half: usize = 0; half < 32; half += 16) {
      for (let c: usize = 0; c < stride; c += 16) {
        const source = queries + c;
        storeTransposed(
          scaled(source, factors),
          scaled(source + stride, factors),
          scaled(source + 2 * stride, factors),
          scaled(source + 3 * stride, factors),
          record + (c << 3) + half,
          32,
        );
      }
      queries += stride << 2;
    }
    const largest = largestOf(record, d, dv);
    memory.fill(sumsOf(record, d), 0, largest + END - sumsOf(record, d));
    for (let lane = 0; lane < 8; lane++) {
      store<f32>(largest + ((<usize>lane) << 2), lowest);
      if (i + lane < count)
        store<i32>(largest + ((<usize>lane) << 2), load<i32>(limits + ((<usize>(i + lane)) << 2)), LIMITS);
    }
    record = largest + END;
  }
}

/**
 * Turns the scores of four queries and of `count` keys from `first` on into weights, and brings the sums, the
 * totals and the largest scores in the record of these queries up to them. All addresses are of lanes within
 * rows of eight.
 */
function weighLanes(scores: usize, first: i32, count: i32, power: f32, sums: usize, state: usize): void {
  const end = scores + ((<usize>count) << 5);
  if (power > 0) for (let at = scores; at < end; at += 32) v128.store(at, f32x4.abs(v128.load(at)));
  const limits = v128.load(state, LIMITS);
  if (v128.any_true(i32x4.lt_s(limits, i32x4.splat(first + count)))) {
    const hidden = f32x4.splat(power > 0 ? 0 : -Infinity);
    let key = i32x4.splat(first);
    for (let at = scores; at < end; at += 32) {
      v128.store(at, v128.bitselect(v128.load(at), hidden, i32x4.lt_s(key, limits)));
      key = i32x4.add(key, i32x4.splat(1));
    }
  }
  const before = v128.load(state);
  let largest = before;
  for (let at = scores; at < end; at += 32) largest = f32x4.pmax(largest, v128.load(at));
  v128.store(state, largest);
  let total = f32x4.splat(0);
  for (let at = scores; at < end; at += 32) {
    const weight = weigh(v128.load(at), largest, power);
    v128.store(at, weight);
    total = f32x4.add(total, weight);
  }
  const shrink = weigh(before, largest, power);
  v128.store(state, f32x4.add(f32x4.mul(v128.load(state, TOTALS), shrink), total), TOTALS);
  for (let at = sums; at < state; at += 32) v128.store(at, f32x4.mul(v128.load(at), shrink));
}

/** Scores [count, 8] of a tile of keys for one group. */
function scoreTile(keys: usize, count: i32, d: i32, queries: usize, scores: usize): void {
  for (let j = 0; j < count; j += 4) {
    setProduct<f32>(keys, queries, min(d, DEPTH), scores);
    for (let c = DEPTH; c < d; c += DEPTH)
      addProduct<f32>(keys + ((<usize>c) << 4), queries + ((<usize>c) << 5), min(d - c, DEPTH), scores);
    keys += (<usize>d) << 4;
    scores += 128;
  }
}

/**
 * Adds the tile of `count` keys from `first` on to the records of groups; `scores` [TILE, 8] is working
 * memory.
 */
export function attendTile(
  keys: usize,
  values: usize,
  first: i32,
  count: i32,
  d: i32,
  dv: i32,
  power: f32,
  record: usize,
  groups: i32,
  scores: usize,
): void {
  const firsts = i32x4.splat(first);
  for (let g = 0; g < groups; g++) {
    const sums = sumsOf(record, d);
    const largest = largestOf(record, d, dv);
    const seen0 = i32x4.gt_s(v128.load(largest, LIMITS), firsts);
    const seen1 = i32x4.gt_s(v128.load(largest, LIMITS + 16), firsts);
    if (v128.any_true(v128.or(seen0, seen1))) {
      scoreTile(keys, count, d, record, scores);
      for (let half: usize = 0; half < 32; half += 16)
        weighLanes(scores + half, first, count, power, sums + half, largest + half);
      let columns = values;
      for (let at = sums; at < largest; at += 128) {
        addProduct<f32>(columns, scores, count, at);
        columns += (<usize>TILE) << 4;
      }
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
  const stride = (<usize>dv) << 2;
  const last = (<usize>(dv - 1) & ~3) << 2;
  for (let i = 0; i < count; i += 8) {
    const sums = sumsOf(record, d);
    const largest = largestOf(record, d, dv);
    for (let half: usize = 0; half < 32; half += 16) {
      const factor = inverse(v128.load(largest + half, TOTALS));
      // From the last columns to the first: the next row overwrites what is written beyond the end of a row.
      for (let c = <isize>last; c >= 0; c -= 16) {
        const source = sums + (c << 3) + half;
        storeTransposed(
          f32x4.mul(v128.load(source), factor),
          f32x4.mul(v128.load(source, 32), factor),
          f32x4.mul(v128.load(source, 64), factor),
          f32x4.mul(v128.load(source, 96), factor),
          out + c,
          stride,
        );
      }
      out += stride << 2;
    }
    record = largest + END;
  }
}
