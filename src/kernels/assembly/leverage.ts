/** The module for leverage scores of small matrices: Gram, factor and scores one after the other, without a copy between them. */
import { gram, scores64, toPanels } from './blocks';
import { cholesky, columnBytes, inverse, scaledColumns } from './triangle';

/** FLUSH_ROWS of kernels.ts. */
const ROWS = 64;

@inline
function subBlockBytes(width: i32): usize {
  return (<usize>((width + 3) >> 2)) << 11;
}

/** Bytes of the panels of n rows. */
export function panelBytes(n: i32, width: i32): usize {
  return <usize>((n + ROWS - 1) / ROWS) * subBlockBytes(width);
}

/** Bytes of what `factor` works with. */
export function workBytes(width: i32): usize {
  return columnBytes(width) * width + ((<usize>width) << 6);
}

/** Column c of panels: 1 in each of `count` rows. */
function fillOnes(panels: usize, count: i32, c: i32): void {
  let at = panels + ((<usize>(c >> 2)) << 11) + ((<usize>(c & 3)) << 3);
  for (let i = 0; i < count; i++) {
    store<f64>(at, 1);
    at += 32;
  }
}

/**
 * Rows [n, d] as panels, sub-block after sub-block, with a column of ones where they are centred; their Gram in tiles, and its diagonal, which
 * is working memory at first.
 */
export function gramOfRows(
  rows: usize,
  wide: bool,
  n: i32,
  d: i32,
  isCentred: bool,
  panels: usize,
  sums: usize,
  diagonal: usize,
): void {
  const width = d + (isCentred ? 1 : 0);
  const tiles = (width + 3) >> 2;
  memory.fill(sums, 0, (<usize>((tiles * (tiles + 1)) >> 1)) << 7);
  for (let c = 0; c < d; c++) store<f64>(diagonal + ((<usize>c) << 3), 1);
  for (let start = 0; start < n; start += ROWS) {
    const count = min(ROWS, n - start);
    toPanels(rows, wide, count, d, diagonal, 0, panels);
    if (isCentred) fillOnes(panels, count, d);
    gram(panels, count, width, sums);
    rows += (<usize>count * d) << (wide ? 3 : 2);
    panels += subBlockBytes(width);
  }
  for (let c = 0; c < width; c++) {
    const tile = sums + ((<usize>(((c >> 2) * ((c >> 2) + 3)) >> 1)) << 7);
    store<f64>(diagonal + ((<usize>c) << 3), load<f64>(tile + 40 * <usize>(c & 3)));
  }
}

/**
 * W scale with W = L^-1, scale G scale = L L^T, in tiles of four rows; | |W| roots |, NaN where a pivot falls to `floor` or below. `work` is working
 * memory.
 */
export function factor(
  sums: usize,
  width: i32,
  scale: usize,
  roots: usize,
  floor: f64,
  work: usize,
  tiles: usize,
): f64 {
  scaledColumns(sums, width, scale, work);
  if (!cholesky(work, width, floor)) return NaN;
  return inverse(work, width, scale, roots, work + columnBytes(width) * width, tiles);
}

/** out[i] = |W x_i|^2 of n rows in panels; `groups` is working memory for a sub-block. Up to 63 numbers beyond the last are written. */
export function scoresOfRows(
  panels: usize,
  n: i32,
  width: i32,
  tiles: usize,
  groups: usize,
  out: usize,
): void {
  for (let start = 0; start < n; start += ROWS) {
    scores64(panels, min(ROWS, n - start), width, tiles, groups, out);
    panels += subBlockBytes(width);
    out += ROWS << 3;
  }
}
