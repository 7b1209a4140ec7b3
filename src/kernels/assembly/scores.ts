/** Scores of a tile of keys for a group of queries, in float32 or float64, and what is added to their logarithms. */
import { demoted, log2OrLess } from './exponents';
import { addProduct, setProduct } from './tile';

/** Dot products in float32 longer than this are added up in pieces, which keeps their rounding errors small. */
export const DEPTH: i32 = 16;

/** Scores [count, 8] of a tile of keys for one group. */
export function scoreTile(keys: usize, count: i32, d: i32, queries: usize, scores: usize): void {
  for (let j = 0; j < count; j += 4) {
    setProduct<f32>(keys, queries, min(d, DEPTH), scores);
    for (let c = DEPTH; c < d; c += DEPTH)
      addProduct<f32>(keys + ((<usize>c) << 4), queries + ((<usize>c) << 5), min(d - c, DEPTH), scores);
    keys += (<usize>d) << 4;
    scores += 128;
  }
}

/** Four numbers of each of `count` rows, `stride` bytes apart, as float64. */
export function promote(source: usize, count: i32, stride: usize, target: usize): void {
  for (let i = 0; i < count; i++) {
    v128.store(target, f64x2.promote_low_f32x4(v128.load64_zero(source)));
    v128.store(target, f64x2.promote_low_f32x4(v128.load64_zero(source, 8)), 16);
    source += stride;
    target += 32;
  }
}

/** Scores [count, 4] of a tile of keys, in float64, for four queries. */
export function scoreWideTile(keys: usize, count: i32, d: i32, queries: usize, scores: usize): void {
  for (let j = 0; j < count; j += 4) {
    setProduct<f64>(keys, queries, d, scores);
    keys += (<usize>d) << 5;
    scores += 128;
  }
}

/** Whether every one of `count` numbers is -Infinity. */
export function allHidden(offsets: usize, count: i32): bool {
  for (const end = offsets + ((<usize>count) << 3); offsets < end; offsets += 8)
    if (load<f64>(offsets) != -Infinity) return false;
  return true;
}

/** Adds offsets of exponents, [count, 8] or one for each key, to scores [count, 8]. */
export function addOffsets(scores: usize, count: i32, offsets: usize, byQuery: bool): void {
  const end = scores + ((<usize>count) << 5);
  if (byQuery) {
    for (; scores < end; scores += 16) {
      const offset = demoted(v128.load(offsets), v128.load(offsets, 16));
      v128.store(scores, f32x4.add(v128.load(scores), offset));
      offsets += 32;
    }
    return;
  }
  for (; scores < end; scores += 32) {
    const offset = f32x4.splat(<f32>load<f64>(offsets));
    v128.store(scores, f32x4.add(v128.load(scores), offset));
    v128.store(scores, f32x4.add(v128.load(scores, 16), offset), 16);
    offsets += 8;
  }
}

/** The same for scores [count, 4] in float64, which with power weights become logarithms of their absolute values first. */
export function addWideOffsets(
  scores: usize,
  count: i32,
  offsets: usize,
  byQuery: bool,
  factor: f64,
  isPower: bool,
): void {
  const unit = f64x2.splat(1 / factor);
  for (const end = scores + ((<usize>count) << 5); scores < end; scores += 32) {
    let score0 = v128.load(scores);
    let score1 = v128.load(scores, 16);
    if (isPower) {
      score0 = log2OrLess(f64x2.abs(score0), true);
      score1 = log2OrLess(f64x2.abs(score1), true);
    }
    let offset0 = v128.load64_splat(offsets);
    let offset1 = offset0;
    if (byQuery) {
      offset0 = v128.load(offsets);
      offset1 = v128.load(offsets, 16);
    }
    v128.store(scores, f64x2.add(score0, f64x2.mul(offset0, unit)));
    v128.store(scores, f64x2.add(score1, f64x2.mul(offset1, unit)), 16);
    offsets += byQuery ? 64 : 8;
  }
}
