/**
 * Keys and values as the products of register tiles read them. Packing works on 4 x 4 pieces and does not mind edges: what it
 * reads and writes beyond them is overwritten by the next piece or lies in lanes that no result depends on. So arrays of rows
 * have room for a multiple of eight rows, and for three numbers more.
 */
import { demoted } from './exponents';
import { packFour, storeTransposed } from './transpose';

/** Keys that are weighed at a time; their scores, [TILE, 8], stay in the first-level cache. */
export const TILE: i32 = 128;

/** Keys [count, d] as panels of four. */
export function packKeys(keys: usize, count: i32, d: i32, target: usize): void {
  const stride = (<usize>d) << 2;
  for (let j = 0; j < count; j += 4) {
    packFour(keys, d, target, 16);
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

/** Eight rows of `width` numbers, times a factor, as [width, 8]: the lanes of a group. */
export function packLanes(rows: usize, width: i32, factor: f64, target: usize): void {
  const stride = (<usize>width) << 2;
  const factors = f64x2.splat(factor);
  for (let half: usize = 0; half < 32; half += 16) {
    for (let c: usize = 0; c < stride; c += 16) {
      const source = rows + c;
      storeTransposed(
        scaled(source, factors),
        scaled(source + stride, factors),
        scaled(source + 2 * stride, factors),
        scaled(source + 3 * stride, factors),
        target + (c << 3) + half,
        32,
      );
    }
    rows += stride << 2;
  }
}

/** The reverse: lanes [width, 8], each times a factor of its own, as eight rows. */
export function unpackLanes(lanes: usize, width: i32, factors0: v128, factors1: v128, rows: usize): void {
  const stride = (<usize>width) << 2;
  const last = (<usize>(width - 1) & ~3) << 2;
  for (let half: usize = 0; half < 32; half += 16) {
    const factors = half ? factors1 : factors0;
    // From the last columns to the first: the next row overwrites what is written beyond the end of a row.
    for (let c = <isize>last; c >= 0; c -= 16) {
      const source = lanes + (c << 3) + half;
      storeTransposed(
        f32x4.mul(v128.load(source), factors),
        f32x4.mul(v128.load(source, 32), factors),
        f32x4.mul(v128.load(source, 64), factors),
        f32x4.mul(v128.load(source, 96), factors),
        rows + c,
        stride,
      );
    }
    rows += stride << 2;
  }
}
