/**
 * The inverse Cholesky factor of a Gram in float64. Each entry is the same sequence of operations as in src/kernels/triangular.ts: the
 * same bits.
 */

/** Bytes between the columns of a triangle: seven numbers beyond the last row at least, and an odd number of cache lines. */
export function columnBytes(width: i32): usize {
  return (<usize>((width + 14) >> 3) | 1) << 6;
}

/** The lower triangle of scale G scale, column after column, from G in 4 x 4 tiles, row after row of tiles. */
export function scaledColumns(sums: usize, width: i32, scale: usize, columns: usize): void {
  const stride = columnBytes(width);
  memory.fill(columns, 0, stride * width);
  for (let i = 0; i < width; i++) {
    const own = load<f64>(scale + ((<usize>i) << 3));
    const tiles = sums + ((<usize>(((i >> 2) * ((i >> 2) + 1)) >> 1)) << 7) + ((<usize>(i & 3)) << 5);
    let target = columns + ((<usize>i) << 3);
    for (let j = 0; j <= i; j++) {
      const sum = load<f64>(tiles + ((<usize>(j >> 2)) << 7) + ((<usize>(j & 3)) << 3));
      store<f64>(target, sum * load<f64>(scale + ((<usize>j) << 3)) * own);
      target += stride;
    }
  }
}

/** C = L L^T in its place, both lower triangles by columns; false where a pivot falls to `floor` or below. Eight rows at a time. */
export function cholesky(columns: usize, width: i32, floor: f64): bool {
  const stride = columnBytes(width);
  for (let j = 0; j < width; j++) {
    const own = columns + <usize>j * stride + ((<usize>j) << 3);
    const end = own + ((<usize>(width - j)) << 3);
    for (let target = own; target < end; target += 64) {
      let sum0 = v128.load(target);
      let sum1 = v128.load(target, 16);
      let sum2 = v128.load(target, 32);
      let sum3 = v128.load(target, 48);
      // Row j of L, and these rows of each column before.
      let entry = columns + ((<usize>j) << 3);
      let source = columns + (target - own) + ((<usize>j) << 3);
      for (let k = 0; k < j; k++) {
        const factor = v128.load64_splat(entry);
        sum0 = f64x2.sub(sum0, f64x2.mul(v128.load(source), factor));
        sum1 = f64x2.sub(sum1, f64x2.mul(v128.load(source, 16), factor));
        sum2 = f64x2.sub(sum2, f64x2.mul(v128.load(source, 32), factor));
        sum3 = f64x2.sub(sum3, f64x2.mul(v128.load(source, 48), factor));
        entry += stride;
        source += stride;
      }
      v128.store(target, sum0);
      v128.store(target, sum1, 16);
      v128.store(target, sum2, 32);
      v128.store(target, sum3, 48);
    }
    const rest = load<f64>(own);
    if (!(rest > floor)) return false;
    const pivot = Math.sqrt(rest);
    const divisor = f64x2.splat(pivot);
    for (let target = own; target < end; target += 16)
      v128.store(target, f64x2.div(v128.load(target), divisor));
    store<f64>(own, pivot);
  }
  return true;
}

/** Rows first to first + 7 of W = L^-1, as [last + 1, 8], from W L = I. */
function inverseRows(columns: usize, width: i32, first: i32, last: i32, rows: usize): void {
  const stride = columnBytes(width);
  memory.fill(rows, 0, (<usize>(last + 1)) << 6);
  for (let j = last; j >= 0; j--) {
    const own = rows + ((<usize>j) << 6);
    if (j >= first) store<f64>(own + ((<usize>(j - first)) << 3), 1);
    let sum0 = v128.load(own);
    let sum1 = v128.load(own, 16);
    let sum2 = v128.load(own, 32);
    let sum3 = v128.load(own, 48);
    const diagonal = columns + <usize>j * stride + ((<usize>j) << 3);
    let entry = diagonal + ((<usize>(last - j)) << 3);
    for (let source = rows + ((<usize>last) << 6); source > own; source -= 64) {
      const factor = v128.load64_splat(entry);
      sum0 = f64x2.sub(sum0, f64x2.mul(v128.load(source), factor));
      sum1 = f64x2.sub(sum1, f64x2.mul(v128.load(source, 16), factor));
      sum2 = f64x2.sub(sum2, f64x2.mul(v128.load(source, 32), factor));
      sum3 = f64x2.sub(sum3, f64x2.mul(v128.load(source, 48), factor));
      entry -= 8;
    }
    const divisor = v128.load64_splat(diagonal);
    v128.store(own, f64x2.div(sum0, divisor));
    v128.store(own, f64x2.div(sum1, divisor), 16);
    v128.store(own, f64x2.div(sum2, divisor), 32);
    v128.store(own, f64x2.div(sum3, divisor), 48);
  }
}

/** Four rows of W scale as a tile of `depth` columns, from [depth, 8]; the sum over these rows of (sum_j |W_ij| roots_j)^2. */
function storeTile(rows: usize, depth: i32, scale: usize, roots: usize, tile: usize): f64 {
  let growth0 = f64x2.splat(0);
  let growth1 = f64x2.splat(0);
  for (let j = 0; j < depth; j++) {
    const root = v128.load64_splat(roots);
    const factor = v128.load64_splat(scale);
    const entry0 = v128.load(rows);
    const entry1 = v128.load(rows, 16);
    growth0 = f64x2.add(growth0, f64x2.mul(f64x2.abs(entry0), root));
    growth1 = f64x2.add(growth1, f64x2.mul(f64x2.abs(entry1), root));
    v128.store(tile, f64x2.mul(entry0, factor));
    v128.store(tile, f64x2.mul(entry1, factor), 16);
    rows += 64;
    scale += 8;
    roots += 8;
    tile += 32;
  }
  const squares = f64x2.add(f64x2.mul(growth0, growth0), f64x2.mul(growth1, growth1));
  return f64x2.extract_lane(squares, 0) + f64x2.extract_lane(squares, 1);
}

/**
 * W scale in tiles of four rows, as `scores64` reads them, for W = L^-1 and L by columns; | |W| roots |. `rows` is working memory
 * [width, 8].
 */
export function inverse(
  columns: usize,
  width: i32,
  scale: usize,
  roots: usize,
  rows: usize,
  tiles: usize,
): f64 {
  let growth: f64 = 0;
  for (let first = 0; first < width; first += 8) {
    inverseRows(columns, width, first, min(first + 8, width) - 1, rows);
    for (let row = first; row < min(first + 8, width); row += 4) {
      const depth = min(row + 4, width);
      growth += storeTile(rows + ((<usize>(row - first)) << 3), depth, scale, roots, tiles);
      tiles += (<usize>depth) << 5;
    }
  }
  return Math.sqrt(growth);
}
