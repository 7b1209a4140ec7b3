/**
 * Attention of groups of queries over tiles of keys, in float32, with a running maximum: the weights of a
 * tile are formed, used and forgotten.
 *
 * A weight is 2^x of an exponent x <= 0, and an error of x is a relative error of the weight. Scores in float32
 * are off by some 2^-24 |q| |k|, so x is formed from them only where that is little, see NARROW. Where it is not,
 * and for power weights, where x is a logarithm of scores that may cancel, scores and exponents are float64, and
 * only then float32 goes on: such groups of queries are called wide.
 *
 * Vector lanes run over queries. Eight queries are a group, and all that concerns it lies in one record,
 *
 *     queries [d, 8]   sums of values [dv, 8]   largest scores [8]   totals [8]   limits [8] (int32)
 *     largest scores of a wide group [8] (float64)   whether it is wide (int32)
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

/** Dot products in float32 longer than this are added up in pieces, which keeps their rounding errors small. */
const DEPTH: i32 = 16;

/**
 * Exponents are formed in float32 where |factor| |q| |k| is at most this for all queries of a group and all keys: Gaussian
 * queries and keys of 64 numbers stay below, with softmax and the usual scale. The worst that is known, rows of one
 * repeated number, whose rounding errors all go one way, then puts the result off by 9e-6; Gaussian rows, by 5e-7.
 */
const NARROW: f64 = 20;

/** Below every exponent of a narrow group. */
const LOWEST: f32 = -3e38;

/** Offsets of what is behind the largest scores of a record, and its end. */
const TOTALS: usize = 32;
const LIMITS: usize = 64;
const LARGEST: usize = 96;
const WIDE: usize = 160;
const END: usize = 176;

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

/** log2 of normal positive float64 with an error of 1e-8 of the logarithm, by the series of artanh((m - 1) / (m + 1)). */
@inline
function log2(x: v128): v128 {
  const root = i64x2.splat(0x3fe6a09e667f3bcd); // sqrt(1/2), so that the mantissa m lies in [sqrt(1/2), sqrt(2))
  const offset = i64x2.sub(x, root);
  const exponent = i32x4.shr_s(v128.shuffle<i32>(offset, offset, 1, 3, 1, 3), 20);
  const m = i64x2.sub(x, v128.and(offset, i64x2.splat(0xfff0000000000000)));
  const one = f64x2.splat(1);
  const s = f64x2.div(f64x2.sub(m, one), f64x2.add(m, one));
  const square = f64x2.mul(s, s);
  let y = f64x2.splat(2.8853900817779268 / 9);
  y = f64x2.add(f64x2.mul(y, square), f64x2.splat(2.8853900817779268 / 7));
  y = f64x2.add(f64x2.mul(y, square), f64x2.splat(2.8853900817779268 / 5));
  y = f64x2.add(f64x2.mul(y, square), f64x2.splat(2.8853900817779268 / 3));
  y = f64x2.add(f64x2.mul(y, square), f64x2.splat(2.8853900817779268));
  return f64x2.add(f64x2.mul(y, s), f64x2.convert_low_i32x4_s(exponent));
}

/** Two pairs of float64 as four float32. */
@inline
function demoted(low: v128, high: v128): v128 {
  return v128.shuffle<f64>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2);
}

/** power log2(ratio) for 0 <= ratio <= 1; no number stays none. */
@inline
function scaledLog2(ratio: v128, power: v128): v128 {
  const zero = f64x2.add(ratio, f64x2.splat(-Infinity));
  return f64x2.mul(v128.bitselect(log2(ratio), zero, f64x2.gt(ratio, f64x2.splat(0))), power);
}

/**
 * The weights of four scores s0, s1 in float64 against the largest: 2^(factor (score - largest)), or
 * (score / largest)^factor.
 */
@inline
function weighWide(s0: v128, s1: v128, largest0: v128, largest1: v128, factor: f64, isPower: bool): v128 {
  const factors = f64x2.splat(factor);
  if (!isPower)
    return exp2(
      demoted(f64x2.mul(f64x2.sub(s0, largest0), factors), f64x2.mul(f64x2.sub(s1, largest1), factors)),
    );
  const ratio0 = f64x2.div(s0, largest0);
  const ratio1 = f64x2.div(s1, largest1);
  if (factor == 2) return demoted(f64x2.mul(ratio0, ratio0), f64x2.mul(ratio1, ratio1));
  return exp2(demoted(scaledLog2(ratio0, factors), scaledLog2(ratio1, factors)));
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
  return demoted(
    f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(row)), factor),
    f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(row, 8)), factor),
  );
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
  const stride = (<usize>d) << 2;
  for (let i = 0; i < count; i += 8) {
    const isWide = !(largestNorm(queries, min(count - i, 8), d) * reach <= NARROW);
    const factors = f64x2.splat(isWide ? copysign<f64>(1, factor) : factor);
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
    store<i32>(largest, <i32>isWide, WIDE);
    for (let lane = 0; lane < 8; lane++) {
      store<f32>(largest + ((<usize>lane) << 2), LOWEST);
      store<f64>(largest + ((<usize>lane) << 3), lowest, LARGEST);
      if (i + lane < count)
        store<i32>(largest + ((<usize>lane) << 2), load<i32>(limits + ((<usize>(i + lane)) << 2)), LIMITS);
    }
    record = largest + END;
  }
}

/** Adds the weights of a tile to the totals of four queries, and brings what was there to its largest scores. */
@inline
function accumulate(total: v128, shrink: v128, sums: usize, state: usize): void {
  v128.store(state, f32x4.add(f32x4.mul(v128.load(state, TOTALS), shrink), total), TOTALS);
  for (let at = sums; at < state; at += 32) v128.store(at, f32x4.mul(v128.load(at), shrink));
}

/**
 * Turns the scores of four queries and of `count` keys from `first` on into weights, and brings the sums, the
 * totals and the largest scores in the record of these queries up to them. All addresses are of lanes within
 * rows of eight.
 */
function weighLanes(scores: usize, first: i32, count: i32, sums: usize, state: usize): void {
  const end = scores + ((<usize>count) << 5);
  const limits = v128.load(state, LIMITS);
  if (v128.any_true(i32x4.lt_s(limits, i32x4.splat(first + count)))) {
    const hidden = f32x4.splat(-Infinity);
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
    const weight = exp2(f32x4.sub(v128.load(at), largest));
    v128.store(at, weight);
    total = f32x4.add(total, weight);
  }
  accumulate(total, exp2(f32x4.sub(before, largest)), sums, state);
}

/**
 * The same from scores [count, 4] in float64; the weights go to `weights`, and the largest scores are at `wide`.
 */
function weighWideLanes(
  scores: usize,
  first: i32,
  count: i32,
  factor: f64,
  isPower: bool,
  wide: usize,
  sums: usize,
  state: usize,
  weights: usize,
): void {
  const end = scores + ((<usize>count) << 5);
  const limits = v128.load(state, LIMITS);
  const hidden = f64x2.splat(isPower ? 0 : -Infinity);
  const before0 = v128.load(wide);
  const before1 = v128.load(wide, 16);
  let largest0 = before0;
  let largest1 = before1;
  let key = i32x4.splat(first);
  for (let at = scores; at < end; at += 32) {
    const seen = i32x4.lt_s(key, limits);
    key = i32x4.add(key, i32x4.splat(1));
    let score0 = v128.load(at);
    let score1 = v128.load(at, 16);
    if (isPower) {
      score0 = f64x2.abs(score0);
      score1 = f64x2.abs(score1);
    }
    score0 = v128.bitselect(score0, hidden, v128.shuffle<i32>(seen, seen, 0, 0, 1, 1));
    score1 = v128.bitselect(score1, hidden, v128.shuffle<i32>(seen, seen, 2, 2, 3, 3));
    v128.store(at, score0);
    v128.store(at, score1, 16);
    largest0 = f64x2.pmax(largest0, score0);
    largest1 = f64x2.pmax(largest1, score1);
  }
  v128.store(wide, largest0);
  v128.store(wide, largest1, 16);
  let total = f32x4.splat(0);
  for (let at = scores; at < end; at += 32) {
    const weight = weighWide(v128.load(at), v128.load(at, 16), largest0, largest1, factor, isPower);
    v128.store(weights, weight);
    weights += 32;
    total = f32x4.add(total, weight);
  }
  accumulate(total, weighWide(before0, before1, largest0, largest1, factor, isPower), sums, state);
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

/** Four numbers of each of `count` rows, `stride` bytes apart, as float64. */
function promote(source: usize, count: i32, stride: usize, target: usize): void {
  for (let i = 0; i < count; i++) {
    v128.store(target, f64x2.promote_low_f32x4(v128.load64_zero(source)));
    v128.store(target, f64x2.promote_low_f32x4(v128.load64_zero(source, 8)), 16);
    source += stride;
    target += 32;
  }
}

/** Scores [count, 4] of a tile of keys, in float64, for four queries. */
function scoreWideTile(keys: usize, count: i32, d: i32, queries: usize, scores: usize): void {
  for (let j = 0; j < count; j += 4) {
    setProduct<f64>(keys, queries, d, scores);
    keys += (<usize>d) << 5;
    scores += 128;
  }
}

/** Bytes that `attendTile` works in: weights [TILE, 8], and in float64 scores [TILE, 4], queries [d, 4] and keys [TILE, d]. */
export function workBytes(d: i32): usize {
  return (<usize>TILE << 6) + ((<usize>d) << 5) + ((<usize>TILE * d) << 3);
}

/**
 * Adds the tile of `count` keys from `first` on to the records of groups. Weights are exp2(factor score), or
 * |score|^factor; `work` is memory of `workBytes`.
 */
export function attendTile(
  keys: usize,
  values: usize,
  first: i32,
  count: i32,
  d: i32,
  dv: i32,
  factor: f64,
  isPower: bool,
  record: usize,
  groups: i32,
  work: usize,
): void {
  const scores = work + ((<usize>TILE) << 5);
  const queries = scores + ((<usize>TILE) << 5);
  const wideKeys = queries + ((<usize>d) << 5);
  let isPromoted = false;
  const firsts = i32x4.splat(first);
  for (let g = 0; g < groups; g++) {
    const sums = sumsOf(record, d);
    const largest = largestOf(record, d, dv);
    const seen0 = i32x4.gt_s(v128.load(largest, LIMITS), firsts);
    const seen1 = i32x4.gt_s(v128.load(largest, LIMITS + 16), firsts);
    if (v128.any_true(v128.or(seen0, seen1))) {
      if (load<i32>(largest, WIDE)) {
        if (!isPromoted) promote(keys, ((count + 3) & ~3) / 4 * d, 16, wideKeys);
        isPromoted = true;
        for (let half: usize = 0; half < 32; half += 16) {
          promote(record + half, d, 32, queries);
          scoreWideTile(wideKeys, count, d, queries, scores);
          const wide = largest + LARGEST + 2 * half;
          weighWideLanes(scores, first, count, abs(factor), isPower, wide, sums + half, largest + half, work + half);
        }
      } else {
        scoreTile(keys, count, d, record, work);
        for (let half: usize = 0; half < 32; half += 16)
          weighLanes(work + half, first, count, sums + half, largest + half);
      }
      let columns = values;
      for (let at = sums; at < largest; at += 128) {
        addProduct<f32>(columns, work, count, at);
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
