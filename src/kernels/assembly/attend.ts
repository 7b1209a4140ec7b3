/**
 * Attention of groups of queries over tiles of keys, in float32, with a running maximum: the weights of a
 * tile are formed, used and forgotten.
 *
 * A weight is 2^x of an exponent x <= 0, and an error of x is a relative error of the weight. Scores in float32
 * are off by some 2^-24 |q| |k|, so x is formed from them only where that is little, see NARROW. Where it is not,
 * and for power weights, where x is a logarithm of scores that may cancel, scores and exponents are float64, and
 * only then float32 goes on: such groups of queries are called wide.
 *
 * Queries lie in records, see records.ts. Keys are packed in panels of four, each [d, 4]; values in tiles of TILE
 * keys and panels of four columns, each [TILE, 4].
 */
import { exp2, weighWide } from './exponents';
import { TILE } from './packing';
import { END, LARGEST, LIMITS, largestOf, sumsOf, TOTALS, WIDE } from './records';
import { addOffsets, addWideOffsets, allHidden, promote, scoreTile, scoreWideTile } from './scores';
import { addProduct } from './tile';

export { packKeys, packValues, TILE } from './packing';
export { begin, finish, largestNorm, normalisers, recordBytes } from './records';

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

/** Bytes that `attendTile` works in: weights [TILE, 8], and in float64 scores [TILE, 4], queries [d, 4] and keys [TILE, d]. */
export function workBytes(d: i32): usize {
  return (<usize>TILE << 6) + ((<usize>d) << 5) + ((<usize>TILE * d) << 3);
}

/**
 * Adds the tile of `count` keys from `first` on to the records of groups. Weights are exp2(factor score), or
 * |score|^factor; `work` is memory of `workBytes`. `offsets`, where they are not at zero, are float64 that are added to the logarithms
 * (base 2) of the weights: one for each key, or [TILE, 8] for each group.
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
  offsets: usize,
  byQuery: bool,
  record: usize,
  groups: i32,
  work: usize,
): void {
  const scores = work + ((<usize>TILE) << 5);
  const queries = scores + ((<usize>TILE) << 5);
  const wideKeys = queries + ((<usize>d) << 5);
  const size = abs(factor);
  let isPromoted = false;
  const firsts = i32x4.splat(first);
  for (let g = 0; g < groups; g++) {
    const sums = sumsOf(record, d);
    const largest = largestOf(record, d, dv);
    const seen0 = i32x4.gt_s(v128.load(largest, LIMITS), firsts);
    const seen1 = i32x4.gt_s(v128.load(largest, LIMITS + 16), firsts);
    if (v128.any_true(v128.or(seen0, seen1)) && !(byQuery && allHidden(offsets, count << 3))) {
      if (load<i32>(largest, WIDE)) {
        if (!isPromoted) promote(keys, ((count + 3) & ~3) / 4 * d, 16, wideKeys);
        isPromoted = true;
        for (let half: usize = 0; half < 32; half += 16) {
          promote(record + half, d, 32, queries);
          scoreWideTile(wideKeys, count, d, queries, scores);
          if (offsets)
            addWideOffsets(scores, count, byQuery ? offsets + 2 * half : offsets, byQuery, size, isPower);
          const isRatio = isPower && !offsets;
          const wide = largest + LARGEST + 2 * half;
          weighWideLanes(scores, first, count, size, isRatio, wide, sums + half, largest + half, work + half);
        }
      } else {
        scoreTile(keys, count, d, record, work);
        if (offsets) addOffsets(work, count, offsets, byQuery);
        for (let half: usize = 0; half < 32; half += 16)
          weighLanes(work + half, first, count, sums + half, largest + half);
      }
      let columns = values;
      for (let at = sums; at < largest; at += 128) {
        addProduct<f32>(columns, work, count, at);
        columns += (<usize>TILE) << 4;
      }
    }
    if (byQuery) offsets += (<usize>TILE) << 6;
    record = largest + END;
  }
}
