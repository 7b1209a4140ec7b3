/**
 * Quadratic forms of rows in float32: shift |y|^2 + |P y|^2 - |M y|^2 for y the scaled row, of a sub-block of up to 64 rows.
 *
 * Without P and M the rows are read as they come. Otherwise they are transposed into groups of eight, column after column, so
 * that a register tile multiplies four rows of P or M by eight rows of the block and no sum runs across a register.
 */
import { addSquares } from './tile';
import { storeTransposed } from './transpose';

/** Four numbers of a row times their scales, in float32; the scales have the type of the rows. */
@inline
function scaled<T>(row: usize, scale: usize): v128 {
  if (sizeof<T>() == 4) return f32x4.mul(v128.load(row), v128.load(scale));
  const low = f32x4.demote_f64x2_zero(f64x2.mul(v128.load(row), v128.load(scale)));
  const high = f32x4.demote_f64x2_zero(f64x2.mul(v128.load(row, 16), v128.load(scale, 16)));
  return v128.shuffle<f64>(low, high, 0, 2);
}

/** Rows as groups of eight; what lies beyond the last row is read, and reaches no result of a row. */
function toGroups<T>(rows: usize, count: i32, d: i32, scale: usize, groups: usize): void {
  const stride = <usize>d * sizeof<T>();
  const even = d & ~3;
  for (let i = 0; i < count; i += 4) {
    let target = groups;
    let source = rows;
    let scales = scale;
    for (let c = 0; c < even; c += 4) {
      storeTransposed(
        scaled<T>(source, scales),
        scaled<T>(source + stride, scales),
        scaled<T>(source + 2 * stride, scales),
        scaled<T>(source + 3 * stride, scales),
        target,
        32,
      );
      source += 4 * sizeof<T>();
      scales += 4 * sizeof<T>();
      target += 128;
    }
    for (let c = even; c < d; c++) {
      for (let k: usize = 0; k < 4; k++)
        store<f32>(target + (k << 2), <f32>(load<T>(source + k * stride) * load<T>(scales)));
      source += sizeof<T>();
      scales += sizeof<T>();
      target += 32;
    }
    rows += 4 * stride;
    // The second half of a group, or the next group.
    groups += i & 4 ? (<usize>d << 5) - 16 : 16;
  }
}

/** out[i] = shift |y_i|^2 of rows as they come, four at a time. */
function squaredNorms<T>(rows: usize, count: i32, d: i32, scale: usize, shift: f32, out: usize): void {
  const stride = <usize>d * sizeof<T>();
  const even = d & ~3;
  for (let i = 0; i < count; i += 4) {
    let s0 = f32x4.splat(0);
    let s1 = f32x4.splat(0);
    let s2 = f32x4.splat(0);
    let s3 = f32x4.splat(0);
    let source = rows;
    let scales = scale;
    for (let c = 0; c < even; c += 4) {
      const x0 = scaled<T>(source, scales);
      s0 = f32x4.add(s0, f32x4.mul(x0, x0));
      const x1 = scaled<T>(source + stride, scales);
      s1 = f32x4.add(s1, f32x4.mul(x1, x1));
      const x2 = scaled<T>(source + 2 * stride, scales);
      s2 = f32x4.add(s2, f32x4.mul(x2, x2));
      const x3 = scaled<T>(source + 3 * stride, scales);
      s3 = f32x4.add(s3, f32x4.mul(x3, x3));
      source += 4 * sizeof<T>();
      scales += 4 * sizeof<T>();
    }
    const s01 = f32x4.add(v128.shuffle<f32>(s0, s1, 0, 4, 1, 5), v128.shuffle<f32>(s0, s1, 2, 6, 3, 7));
    const s23 = f32x4.add(v128.shuffle<f32>(s2, s3, 0, 4, 1, 5), v128.shuffle<f32>(s2, s3, 2, 6, 3, 7));
    let sum = f32x4.add(v128.shuffle<f64>(s01, s23, 0, 2), v128.shuffle<f64>(s01, s23, 1, 3));
    for (let c = even; c < d; c++) {
      const factor = load<T>(scales);
      let x = f32x4.splat(<f32>(load<T>(source) * factor));
      x = f32x4.replace_lane(x, 1, <f32>(load<T>(source + stride) * factor));
      x = f32x4.replace_lane(x, 2, <f32>(load<T>(source + 2 * stride) * factor));
      x = f32x4.replace_lane(x, 3, <f32>(load<T>(source + 3 * stride) * factor));
      sum = f32x4.add(sum, f32x4.mul(x, x));
      source += sizeof<T>();
      scales += sizeof<T>();
    }
    v128.store(out, f32x4.mul(sum, f32x4.splat(shift)));
    rows += 4 * stride;
    out += 16;
  }
}

/** out[i] = shift |y_i|^2 from groups. */
function groupNorms(groups: usize, count: i32, d: i32, shift: f32, out: usize): void {
  const factor = f32x4.splat(shift);
  for (let i = 0; i < count; i += 8) {
    let low = f32x4.splat(0);
    let high = f32x4.splat(0);
    const end = groups + (<usize>d << 5);
    for (; groups < end; groups += 32) {
      const x0 = v128.load(groups);
      const x1 = v128.load(groups, 16);
      low = f32x4.add(low, f32x4.mul(x0, x0));
      high = f32x4.add(high, f32x4.mul(x1, x1));
    }
    v128.store(out, f32x4.mul(low, factor));
    v128.store(out, f32x4.mul(high, factor), 16);
    out += 32;
  }
}

/** out[i] += |A y_i|^2 from A in tiles of four rows, of depths[t] columns each; returns where the tiles end. */
function addForm(groups: usize, count: i32, d: i32, tiles: usize, depths: usize, end: usize, out: usize): usize {
  for (; depths < end; depths += 4) {
    const depth = load<i32>(depths);
    let group = groups;
    let target = out;
    for (let i = 0; i < count; i += 8) {
      addSquares<f32>(tiles, group, depth, target);
      group += <usize>d << 5;
      target += 32;
    }
    tiles += (<usize>depth) << 4;
  }
  return tiles;
}

/**
 * out[i] = shift |y_i|^2 + |P y_i|^2 - |M y_i|^2 for rows [count, d] in float64 (wide) or float32 and y_i = scale y, scale [d] of
 * their type. P and then M come as `plus` and `minus` tiles; `groups` and `subtracted` are working memory. Up to seven rows
 * beyond the last are read.
 */
export function quadratic(
  rows: usize,
  wide: bool,
  count: i32,
  d: i32,
  scale: usize,
  shift: f32,
  tiles: usize,
  depths: usize,
  plus: i32,
  minus: i32,
  groups: usize,
  subtracted: usize,
  out: usize,
): void {
  if (plus + minus == 0) {
    if (wide) squaredNorms<f64>(rows, count, d, scale, shift, out);
    else squaredNorms<f32>(rows, count, d, scale, shift, out);
    return;
  }
  if (wide) toGroups<f64>(rows, count, d, scale, groups);
  else toGroups<f32>(rows, count, d, scale, groups);
  if (shift == 0) memory.fill(out, 0, 256);
  else groupNorms(groups, count, d, shift, out);
  const middle = depths + ((<usize>plus) << 2);
  const rest = addForm(groups, count, d, tiles, depths, middle, out);
  if (minus == 0) return;
  memory.fill(subtracted, 0, 256);
  addForm(groups, count, d, rest, middle, middle + ((<usize>minus) << 2), subtracted);
  for (let i: usize = 0; i < 256; i += 16)
    v128.store(out + i, f32x4.sub(v128.load(out + i), v128.load(subtracted + i)));
}
