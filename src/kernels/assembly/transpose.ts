/** The transposition of 4 x 4 float32, of which packing is made. */

/** Stores the transpose of the matrix with rows r0 .. r3 as rows `stride` bytes apart. */
export function storeTransposed(r0: v128, r1: v128, r2: v128, r3: v128, target: usize, stride: usize): void {
  const low01 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
  const low23 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
  const high01 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
  const high23 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
  v128.store(target, v128.shuffle<f64>(low01, low23, 0, 2));
  v128.store(target + stride, v128.shuffle<f64>(low01, low23, 1, 3));
  v128.store(target + 2 * stride, v128.shuffle<f64>(high01, high23, 0, 2));
  v128.store(target + 3 * stride, v128.shuffle<f64>(high01, high23, 1, 3));
}

/** Four rows of d numbers as columns, [d, 4], in rows `step` bytes apart; up to three numbers beyond the end of a row are read and written. */
export function packFour(rows: usize, d: i32, target: usize, step: usize): void {
  const stride = (<usize>d) << 2;
  for (const end = rows + stride; rows < end; rows += 16) {
    storeTransposed(
      v128.load(rows),
      v128.load(rows + stride),
      v128.load(rows + 2 * stride),
      v128.load(rows + 3 * stride),
      target,
      step,
    );
    target += step << 2;
  }
}
