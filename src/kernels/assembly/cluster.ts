/** The nearest of some centres for each point, in float32: the centre c with the largest <x,c> - |c|^2 / 2; and what Lloyd's iterations make of it. */
import { setProduct } from './tile';
import { packFour } from './transpose';

export { matmul, matmulBytes } from './matmul';
export { centre, spread } from './points';

/** Points that are compared with four centres at a time; packed in groups of eight, they stay in the first-level cache. */
export const POINTS: i32 = 64;

/**
 * Bytes that `nearest` works in: products [4, 8], for each group points [d, 8], largest
 * scores [8] and their centres [8], and 32 bytes that packing goes beyond the last one.
 */
export function workBytes(d: i32): usize {
  return 160 + <usize>(POINTS >> 3) * groupBytes(d);
}

@inline
function groupBytes(d: i32): usize {
  return ((<usize>d) << 5) + 64;
}

/**
 * Centres [count, d] as panels of four, each [d, 4] and the halves of the four squared norms behind it. Those that fill the last
 * panel up have infinite norms: nothing is near them. What is read beyond the last row and column does not matter.
 */
export function packCentres(centres: usize, count: i32, d: i32, target: usize): void {
  const stride = (<usize>d) << 2;
  for (let j = 0; j < count; j += 4) {
    packFour(centres, d, target, 16);
    let sum = f32x4.splat(0);
    const end = target + (stride << 2);
    for (let at = target; at < end; at += 16) sum = f32x4.add(sum, f32x4.mul(v128.load(at), v128.load(at)));
    const left = i32x4.gt_s(i32x4.splat(count - j), i32x4(0, 1, 2, 3));
    v128.store(end, v128.bitselect(f32x4.mul(sum, f32x4.splat(0.5)), f32x4.splat(Infinity), left));
    centres += stride << 2;
    target = end + 16;
  }
}

/** Points [8, d] as [d, 8], with no centre yet. */
function begin(points: usize, d: i32, group: usize): void {
  const stride = (<usize>d) << 2;
  for (let half: usize = 0; half < 32; half += 16) {
    packFour(points, d, group + half, 32);
    points += stride << 2;
  }
  const best = group + ((<usize>d) << 5);
  v128.store(best, f32x4.splat(-Infinity));
  v128.store(best, f32x4.splat(-Infinity), 16);
  v128.store(best, i32x4.splat(0), 32);
  v128.store(best, i32x4.splat(0), 48);
}

/** Takes what is better among four centres from `first` on, for the four points of a half; the lower one of equals stays. */
@inline
function improve(products: usize, norms: usize, first: i32, best: usize): void {
  let score = v128.load(best);
  let centre = v128.load(best, 32);
  for (let j = 0; j < 4; j++) {
    const next = f32x4.sub(v128.load(products), v128.load_splat<f32>(norms));
    const better = f32x4.gt(next, score);
    score = v128.bitselect(next, score, better);
    centre = v128.bitselect(i32x4.splat(first + j), centre, better);
    products += 32;
    norms += 4;
  }
  v128.store(best, score);
  v128.store(best, centre, 32);
}

/**
 * The numbers (int32) of the centres that are nearest to points [count, d], the lower one of equals. There is room for a multiple of
 * eight of both, and for three numbers more than the points have.
 */
export function nearest(
  points: usize,
  count: i32,
  d: i32,
  centres: usize,
  centreCount: i32,
  out: usize,
  work: usize,
): void {
  const bytes = groupBytes(d);
  const norms = (<usize>d) << 4;
  const best = (<usize>d) << 5;
  const groups = work + 128;
  for (let i = 0; i < count; i += POINTS) {
    const end = groups + (<usize>((min(count - i, POINTS) + 7) >> 3)) * bytes;
    for (let group = groups; group < end; group += bytes) {
      begin(points, d, group);
      points += (<usize>d) << 5;
    }
    let panel = centres;
    for (let j = 0; j < centreCount; j += 4) {
      for (let group = groups; group < end; group += bytes) {
        setProduct<f32>(panel, group, d, work);
        improve(work, panel + norms, j, group + best);
        improve(work + 16, panel + norms, j, group + best + 16);
      }
      panel += norms + 16;
    }
    for (let group = groups; group < end; group += bytes) {
      v128.store(out, v128.load(group + best, 32));
      v128.store(out, v128.load(group + best, 48), 16);
      out += 32;
    }
  }
}

/**
 * |x - c|^2 over the first d columns of points [count, ], c of the centres the one with the point's number, zero where that is negative; rows of
 * both are `stride` bytes apart. In float32 from the differences, stored as float64.
 */
export function distances(
  points: usize,
  count: i32,
  d: i32,
  stride: i32,
  centres: usize,
  numbers: usize,
  out: usize,
): void {
  const bytes = (<usize>d) << 2;
  for (let i = 0; i < count; i++) {
    const number = load<i32>(numbers);
    let square: f32 = 0;
    if (number >= 0) {
      let centre = centres + <usize>number * stride;
      let sum = f32x4.splat(0);
      let point = points;
      const end = points + bytes;
      for (; point + 16 <= end; point += 16) {
        const difference = f32x4.sub(v128.load(point), v128.load(centre));
        sum = f32x4.add(sum, f32x4.mul(difference, difference));
        centre += 16;
      }
      const pairs = f32x4.add(sum, v128.shuffle<f32>(sum, sum, 2, 3, 0, 1));
      square = f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
      for (; point < end; point += 4) {
        const difference = load<f32>(point) - load<f32>(centre);
        square += difference * difference;
        centre += 4;
      }
    }
    store<f64>(out, <f64>square);
    points += stride;
    numbers += 4;
    out += 8;
  }
}

/** Adds points [count, d], times their weights unless these are at zero, to the sums [, d] that have their numbers, unless these are negative; in float64. */
export function addToSums(
  points: usize,
  count: i32,
  d: i32,
  numbers: usize,
  weights: usize,
  sums: usize,
): void {
  const bytes = (<usize>d) << 2;
  for (let i = 0; i < count; i++) {
    const number = load<i32>(numbers + ((<usize>i) << 2));
    if (number < 0) {
      points += bytes;
      continue;
    }
    let sum = sums + ((<usize>number * bytes) << 1);
    const weight: f64 = weights ? load<f64>(weights + ((<usize>i) << 3)) : 1;
    const factor = f64x2.splat(weight);
    const end = points + bytes;
    for (; points + 16 <= end; points += 16) {
      const low = f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(points)), factor);
      const high = f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(points, 8)), factor);
      v128.store(sum, f64x2.add(v128.load(sum), low));
      v128.store(sum, f64x2.add(v128.load(sum, 16), high), 16);
      sum += 32;
    }
    for (; points < end; points += 4) {
      store<f64>(sum, load<f64>(sum) + <f64>load<f32>(points) * weight);
      sum += 8;
    }
  }
}
