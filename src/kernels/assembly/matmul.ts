/**
 * Products of float32 matrices, C = A B or C += A B, where A and B may be stored transposed: operands in packed panels, blocks that
 * fit the caches, and the register tile.
 *
 * A block of B, DEPTH x COLUMNS, is packed in panels of eight columns, each [depth, 8]; a block of A, ROWS x DEPTH, in panels of
 * four rows, each [depth, 4]. A panel of B stays in the first-level cache while the panels of A pass by from the second. Each entry
 * of C is a sum over the depth in order, interrupted every DEPTH terms: the same whatever else is computed beside it.
 */
import { addRows, setProduct, setRows } from './tile';
import { storeTransposed } from './transpose';

const DEPTH: i32 = 256;
const ROWS: i32 = 128;
const COLUMNS: i32 = 512;

/** Bytes of the memory that `matmul` works in. */
export function matmulBytes(): usize {
  return PANELS_B + (<usize>(DEPTH * COLUMNS) << 2);
}

/** Where in that memory the parts are: a tile for edges, the panels of A, the panels of B. */
const PANELS_A: usize = 128;
const PANELS_B: usize = PANELS_A + (<usize>(DEPTH * ROWS) << 2);

/** Panels of `width` rows of a matrix whose rows are `stride` bytes apart: [depth, width] from [width, depth]; zeros beyond `count` rows. */
@inline
function packAcross(source: usize, stride: usize, count: i32, depth: i32, width: i32, target: usize): void {
  const panel = <usize>width << 2;
  for (let first = 0; first < count; first += width) {
    for (let lane = 0; lane < width; lane += 4) {
      const left = count - first - lane;
      let row = source + <usize>(first + lane) * stride;
      let at = target + (<usize>lane << 2);
      const zero = f32x4.splat(0);
      let i = 0;
      for (; i + 4 <= depth; i += 4) {
        storeTransposed(
          left > 0 ? v128.load(row) : zero,
          left > 1 ? v128.load(row + stride) : zero,
          left > 2 ? v128.load(row + 2 * stride) : zero,
          left > 3 ? v128.load(row + 3 * stride) : zero,
          at,
          panel,
        );
        row += 16;
        at += panel << 2;
      }
      for (; i < depth; i++) {
        store<f32>(at, left > 0 ? load<f32>(row) : 0);
        store<f32>(at, left > 1 ? load<f32>(row + stride) : 0, 4);
        store<f32>(at, left > 2 ? load<f32>(row + 2 * stride) : 0, 8);
        store<f32>(at, left > 3 ? load<f32>(row + 3 * stride) : 0, 12);
        row += 4;
        at += panel;
      }
    }
    target += <usize>depth * panel;
  }
}

/** The same of columns: panels [depth, width] from [depth, count], whose rows are `stride` bytes apart. */
@inline
function packAlong(source: usize, stride: usize, count: i32, depth: i32, width: i32, target: usize): void {
  for (let first = 0; first < count; first += width) {
    let row = source + (<usize>first << 2);
    if (first + width <= count) {
      for (let i = 0; i < depth; i++) {
        v128.store(target, v128.load(row));
        if (width == 8) v128.store(target, v128.load(row, 16), 16);
        row += stride;
        target += <usize>width << 2;
      }
    } else {
      for (let i = 0; i < depth; i++) {
        for (let lane = 0; lane < width; lane++)
          store<f32>(
            target + (<usize>lane << 2),
            first + lane < count ? load<f32>(row + (<usize>lane << 2)) : 0,
          );
        row += stride;
        target += <usize>width << 2;
      }
    }
  }
}

/** A tile at the edge of C: what lies beyond `rows` and `columns` is left alone. */
function edge(tile: usize, c: usize, stride: usize, rows: i32, columns: i32, accumulate: bool): void {
  for (let i = 0; i < rows; i++) {
    for (let j: usize = 0; j < (<usize>columns << 2); j += 4) {
      const sum = load<f32>(tile + j);
      store<f32>(c + j, accumulate ? load<f32>(c + j) + sum : sum);
    }
    tile += 32;
    c += stride;
  }
}

/**
 * C [m, n] = or += A B with A [m, depth], or [depth, m] where it is stored transposed, and B [depth, n] or [n, depth]. Strides are
 * numbers between the beginnings of stored rows; `work` has `matmulBytes` bytes.
 */
export function matmul(
  a: usize,
  strideA: i32,
  transposedA: bool,
  b: usize,
  strideB: i32,
  transposedB: bool,
  c: usize,
  strideC: i32,
  m: i32,
  n: i32,
  depth: i32,
  accumulate: bool,
  work: usize,
): void {
  const bytesA = <usize>strideA << 2;
  const bytesB = <usize>strideB << 2;
  const bytesC = <usize>strideC << 2;
  for (let column = 0; column < n; column += COLUMNS) {
    const columns = min(COLUMNS, n - column);
    for (let start = 0; start < depth; start += DEPTH) {
      const length = min(DEPTH, depth - start);
      const adds = accumulate || start > 0;
      const panelsB = work + PANELS_B;
      if (transposedB)
        packAcross(b + <usize>column * bytesB + (<usize>start << 2), bytesB, columns, length, 8, panelsB);
      else packAlong(b + <usize>start * bytesB + (<usize>column << 2), bytesB, columns, length, 8, panelsB);
      for (let row = 0; row < m; row += ROWS) {
        const rows = min(ROWS, m - row);
        const panelsA = work + PANELS_A;
        if (transposedA)
          packAlong(a + <usize>start * bytesA + (<usize>row << 2), bytesA, rows, length, 4, panelsA);
        else packAcross(a + <usize>row * bytesA + (<usize>start << 2), bytesA, rows, length, 4, panelsA);
        for (let j = 0; j < columns; j += 8) {
          const panelB = panelsB + (<usize>(j * length) << 2);
          let target = c + <usize>row * bytesC + (<usize>(column + j) << 2);
          let panelA = panelsA;
          for (let i = 0; i < rows; i += 4) {
            if (i + 4 <= rows && j + 8 <= columns) {
              if (adds) addRows<f32>(panelA, panelB, length, target, bytesC);
              else setRows<f32>(panelA, panelB, length, target, bytesC);
            } else {
              setProduct<f32>(panelA, panelB, length, work);
              edge(work, target, bytesC, min(4, rows - i), min(8, columns - j), adds);
            }
            panelA += <usize>length << 4;
            target += bytesC << 2;
          }
        }
      }
    }
  }
}
