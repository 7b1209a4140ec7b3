/**
 * Gram and row scores of a sub-block of up to 64 rows, in float64; the Gram also in float32.
 *
 * A sub-block X is kept as panels: panel p holds columns 4p to 4p + 3, 64 rows of four float64. So a register
 * tile reads two panels straight through, and the strides of row-major data, which fall into the same cache
 * sets where d is a power of two, never occur. For dot products along rows the panels are transposed into
 * groups of rows: a group holds, column after column, the entries of its four rows. Panels are not cleared: an entry of a product depends on one row and one column only, so what lies
 * beyond the last row or column reaches no result.
 */
import { addProduct, addProductOfHalf, addSquares, setProduct } from './tile';

/** Bytes of a panel: FLUSH_ROWS of kernels.ts, four float64 or eight float32 each. */
const PANEL: usize = 64 * 32;

/** SINGLE_ROWS of kernels.ts. */
const SINGLE_ROWS = 16;

@inline
function panelsOf(width: i32): i32 {
  return (width + 3) >> 2;
}

/** Two numbers as float64. */
@inline
function pair<T>(address: usize): v128 {
  return sizeof<T>() == 8 ? v128.load(address) : f64x2.promote_low_f32x4(v128.load64_zero(address));
}

function scalePanels<T>(
  rows: usize,
  count: i32,
  d: i32,
  columnScale: usize,
  rowScale: usize,
  panels: usize,
): void {
  const stride = <usize>d * sizeof<T>();
  const tail = d & 3;
  for (let c = 0; c < d - tail; c += 4) {
    const scale0 = v128.load(columnScale);
    const scale1 = v128.load(columnScale, 16);
    let source = rows;
    if (rowScale)
      for (let i: usize = 0; i < (<usize>count) << 5; i += 32) {
        const scale = v128.load64_splat(rowScale + (i >> 2));
        v128.store(panels + i, f64x2.mul(f64x2.mul(pair<T>(source), scale0), scale));
        v128.store(panels + i, f64x2.mul(f64x2.mul(pair<T>(source + 2 * sizeof<T>()), scale1), scale), 16);
        source += stride;
      }
    else
      for (let i: usize = 0; i < (<usize>count) << 5; i += 32) {
        v128.store(panels + i, f64x2.mul(pair<T>(source), scale0));
        v128.store(panels + i, f64x2.mul(pair<T>(source + 2 * sizeof<T>()), scale1), 16);
        source += stride;
      }
    rows += 4 * sizeof<T>();
    columnScale += 32;
    panels += PANEL;
  }
  if (tail) {
    for (let i = 0; i < count; i++) {
      const scale: f64 = rowScale ? load<f64>(rowScale + ((<usize>i) << 3)) : 1;
      for (let c = 0; c < tail; c++) {
        const x = <f64>load<T>(rows + <usize>c * sizeof<T>()) * load<f64>(columnScale + ((<usize>c) << 3));
        store<f64>(panels + ((<usize>((i << 2) + c)) << 3), x * scale);
      }
      rows += stride;
    }
  }
}

/**
 * Rows [count, d] in float64 (wide) or float32 as panels, times columnScale [d] and rowScale [count], which
 * may be null.
 */
export function toPanels(
  rows: usize,
  wide: bool,
  count: i32,
  d: i32,
  columnScale: usize,
  rowScale: usize,
  panels: usize,
): void {
  if (wide) scalePanels<f64>(rows, count, d, columnScale, rowScale, panels);
  else scalePanels<f32>(rows, count, d, columnScale, rowScale, panels);
}

/** Panels as groups of four rows in float64. */
function toGroups64(panels: usize, count: i32, width: i32, groups: usize): void {
  const stride = (<usize>panelsOf(width)) << 7;
  for (let p = 0; p < panelsOf(width); p++) {
    let source = panels + <usize>p * PANEL;
    let target = groups + ((<usize>p) << 7);
    for (let i = 0; i < count; i += 4) {
      const r0 = v128.load(source);
      const r1 = v128.load(source, 32);
      const r2 = v128.load(source, 64);
      const r3 = v128.load(source, 96);
      v128.store(target, v128.shuffle<f64>(r0, r1, 0, 2));
      v128.store(target, v128.shuffle<f64>(r2, r3, 0, 2), 16);
      v128.store(target, v128.shuffle<f64>(r0, r1, 1, 3), 32);
      v128.store(target, v128.shuffle<f64>(r2, r3, 1, 3), 48);
      const s0 = v128.load(source, 16);
      const s1 = v128.load(source, 48);
      const s2 = v128.load(source, 80);
      const s3 = v128.load(source, 112);
      v128.store(target, v128.shuffle<f64>(s0, s1, 0, 2), 64);
      v128.store(target, v128.shuffle<f64>(s2, s3, 0, 2), 80);
      v128.store(target, v128.shuffle<f64>(s0, s1, 1, 3), 96);
      v128.store(target, v128.shuffle<f64>(s2, s3, 1, 3), 112);
      source += 128;
      target += stride;
    }
  }
}

/**
 * X T in panels, from X [count, d] in panels and T [d, width] in panels of d rows; `groups` is working
 * memory.
 */
export function transform(
  panels: usize,
  count: i32,
  d: i32,
  width: i32,
  matrix: usize,
  groups: usize,
  target: usize,
): void {
  toGroups64(panels, count, d, groups);
  const groupBytes = (<usize>panelsOf(d)) << 7;
  for (let p = 0; p < panelsOf(width); p++) {
    const panel = target + <usize>p * PANEL;
    let group = groups;
    for (let i = 0; i < count; i += 4) {
      setProduct<f64>(group, matrix, d, panel + ((<usize>i) << 5));
      group += groupBytes;
    }
    matrix += (<usize>d) << 5;
  }
}

/** sums += X^T X, as the 4 x 4 tiles of the lower triangle, row after row of tiles. */
export function gram(panels: usize, count: i32, width: i32, sums: usize): void {
  for (let a = 0; a < panelsOf(width); a++)
    for (let b = 0; b <= a; b++) {
      addProduct<f64>(panels + <usize>a * PANEL, panels + <usize>b * PANEL, count, sums);
      sums += 128;
    }
}

function panelsOfSingle<T>(rows: usize, count: i32, d: i32, panels: usize): void {
  for (let c = 0; c < d; c += 8) {
    let source = rows;
    for (let i: usize = 0; i < (<usize>count) << 5; i += 32) {
      for (let half: usize = 0; half < 2; half++) {
        const four = source + half * 4 * sizeof<T>();
        v128.store(
          panels + i + (half << 4),
          sizeof<T>() == 4
            ? v128.load(four)
            : v128.shuffle<f64>(
                f32x4.demote_f64x2_zero(v128.load(four)),
                f32x4.demote_f64x2_zero(v128.load(four, 16)),
                0,
                2,
              ),
        );
      }
      source += <usize>d * sizeof<T>();
    }
    rows += 8 * sizeof<T>();
    panels += PANEL;
  }
}

/** sums += a product's left or right four columns: `half` has float32 rows 32 bytes apart. */
function addPromoted(half: usize, sums: usize): void {
  for (const end = sums + 128; sums < end; sums += 32) {
    const x = v128.load(half);
    v128.store(sums, f64x2.add(v128.load(sums), f64x2.promote_low_f32x4(x)));
    const high = f64x2.promote_low_f32x4(v128.shuffle<f64>(x, x, 1, 0));
    v128.store(sums, f64x2.add(v128.load(sums, 16), high), 16);
    half += 32;
  }
}

/**
 * sums += X^T X of rows [count, d] in float64 (wide) or float32, as `gram` has them: entries are rounded to float32, products, their
 * sums over SINGLE_ROWS rows and the sums of these too, and only what those are added to is float64. `panels` and `tile` are working memory. Up to seven numbers beyond the rows are read.
 */
export function gramSingle(
  rows: usize,
  wide: bool,
  count: i32,
  d: i32,
  panels: usize,
  tile: usize,
  sums: usize,
): void {
  if (wide) panelsOfSingle<f64>(rows, count, d, panels);
  else panelsOfSingle<f32>(rows, count, d, panels);
  for (let a = 0; a < panelsOf(d); a++) {
    const left = panels + <usize>(a >> 1) * PANEL + ((<usize>(a & 1)) << 4);
    for (let b = 0; b <= a; b += 2) {
      const right = panels + <usize>(b >> 1) * PANEL;
      memory.fill(tile, 0, 128);
      for (let i = 0; i < count; i += SINGLE_ROWS) {
        const from = (<usize>i) << 5;
        addProductOfHalf(left + from, right + from, min(SINGLE_ROWS, count - i), tile);
      }
      addPromoted(tile, sums);
      sums += 128;
      if (b == a) break;
      addPromoted(tile + 16, sums);
      sums += 128;
    }
  }
}

/** The tiles of the lower triangle as a full symmetric matrix [width, width]. */
export function unpackGram(sums: usize, width: i32, out: usize): void {
  for (let a = 0; a < width; a++) {
    const tiles = sums + ((<usize>(((a >> 2) * ((a >> 2) + 1)) >> 1)) << 7) + ((<usize>(a & 3)) << 5);
    for (let b = 0; b <= a; b++) {
      const sum = load<f64>(tiles + ((<usize>(b >> 2)) << 7) + ((<usize>(b & 3)) << 3));
      store<f64>(out + ((<usize>a * width + b) << 3), sum);
      store<f64>(out + ((<usize>b * width + a) << 3), sum);
    }
  }
}

/**
 * out[i] = |W x_i|^2 of a sub-block in float64; `groups` is working memory. W comes as tiles of four rows: tile t holds, for the
 * first min(4t + 4, width) columns, the entries of its four rows, so that the zeros above the diagonal are neither stored nor
 * multiplied.
 */
export function scores64(
  panels: usize,
  count: i32,
  width: i32,
  factor: usize,
  groups: usize,
  out: usize,
): void {
  toGroups64(panels, count, width, groups);
  const groupBytes = (<usize>panelsOf(width)) << 7;
  memory.fill(out, 0, 64 * sizeof<f64>());
  for (let t = 0; t < panelsOf(width); t++) {
    const depth = min((t << 2) + 4, width);
    let group = groups;
    let target = out;
    for (let i = 0; i < count; i += 4) {
      addSquares<f64>(factor, group, depth, target);
      group += groupBytes;
      target += 32;
    }
    factor += <usize>depth << 5;
  }
}

/** out[i] = |x_i|^2 in float64: the scores where W is the identity; `groups` is working memory. */
export function squaredNorms(panels: usize, count: i32, width: i32, groups: usize, out: usize): void {
  toGroups64(panels, count, width, groups);
  for (let i = 0; i < count; i += 4) {
    let low = f64x2.splat(0);
    let high = f64x2.splat(0);
    for (let column = groups; column < groups + ((<usize>width) << 5); column += 32) {
      const x0 = v128.load(column);
      const x1 = v128.load(column, 16);
      low = f64x2.add(low, f64x2.mul(x0, x0));
      high = f64x2.add(high, f64x2.mul(x1, x1));
    }
    v128.store(out, low);
    v128.store(out, high, 16);
    groups += (<usize>panelsOf(width)) << 7;
    out += 32;
  }
}
