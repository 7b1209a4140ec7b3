/** The register tile that every kernel is made of: products A^T B of packed rows, in float64 or float32. */

/**
 * What becomes of a product P: C = P, C += P, or c += the sum of the squares of each column of P. The rows of C are `stride`
 * bytes apart.
 */
const SET = 0;
const ADD = 1;
const SQUARE = 2;

/**
 * P = A^T B from A [depth, 4], its rows `step` bytes apart, and B [depth, 4] in float64, [depth, 8] in float32, read straight through.
 * The products are added one after the other, each rounded apart from the sum, and the squares row after row.
 * Eight accumulators and a loop that is not unrolled are what the sixteen registers of x86-64 bear: V8 loads
 * all operands of a turn before it multiplies, and spills where there are more.
 */
@inline
function product<T>(a: usize, step: usize, b: usize, depth: i32, c: usize, stride: usize, use: i32): void {
  let p00 = i64x2.splat(0);
  let p01 = i64x2.splat(0);
  let p10 = i64x2.splat(0);
  let p11 = i64x2.splat(0);
  let p20 = i64x2.splat(0);
  let p21 = i64x2.splat(0);
  let p30 = i64x2.splat(0);
  let p31 = i64x2.splat(0);
  const end = a + <usize>depth * step;
  while (a < end) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const a0 = v128.load_splat<T>(a);
    p00 = v128.add<T>(p00, v128.mul<T>(a0, b0));
    p01 = v128.add<T>(p01, v128.mul<T>(a0, b1));
    const a1 = v128.load_splat<T>(a, sizeof<T>());
    p10 = v128.add<T>(p10, v128.mul<T>(a1, b0));
    p11 = v128.add<T>(p11, v128.mul<T>(a1, b1));
    const a2 = v128.load_splat<T>(a, 2 * sizeof<T>());
    p20 = v128.add<T>(p20, v128.mul<T>(a2, b0));
    p21 = v128.add<T>(p21, v128.mul<T>(a2, b1));
    const a3 = v128.load_splat<T>(a, 3 * sizeof<T>());
    p30 = v128.add<T>(p30, v128.mul<T>(a3, b0));
    p31 = v128.add<T>(p31, v128.mul<T>(a3, b1));
    a += step;
    b += 32;
  }
  if (use == SQUARE) {
    let low = v128.load(c);
    low = v128.add<T>(low, v128.mul<T>(p00, p00));
    low = v128.add<T>(low, v128.mul<T>(p10, p10));
    low = v128.add<T>(low, v128.mul<T>(p20, p20));
    low = v128.add<T>(low, v128.mul<T>(p30, p30));
    v128.store(c, low);
    let high = v128.load(c, 16);
    high = v128.add<T>(high, v128.mul<T>(p01, p01));
    high = v128.add<T>(high, v128.mul<T>(p11, p11));
    high = v128.add<T>(high, v128.mul<T>(p21, p21));
    high = v128.add<T>(high, v128.mul<T>(p31, p31));
    v128.store(c, high, 16);
  } else if (use == SET) {
    v128.store(c, p00);
    v128.store(c, p01, 16);
    c += stride;
    v128.store(c, p10);
    v128.store(c, p11, 16);
    c += stride;
    v128.store(c, p20);
    v128.store(c, p21, 16);
    c += stride;
    v128.store(c, p30);
    v128.store(c, p31, 16);
  } else {
    v128.store(c, v128.add<T>(v128.load(c), p00));
    v128.store(c, v128.add<T>(v128.load(c, 16), p01), 16);
    c += stride;
    v128.store(c, v128.add<T>(v128.load(c), p10));
    v128.store(c, v128.add<T>(v128.load(c, 16), p11), 16);
    c += stride;
    v128.store(c, v128.add<T>(v128.load(c), p20));
    v128.store(c, v128.add<T>(v128.load(c, 16), p21), 16);
    c += stride;
    v128.store(c, v128.add<T>(v128.load(c), p30));
    v128.store(c, v128.add<T>(v128.load(c, 16), p31), 16);
  }
}

/** C = A^T B. */
export function setProduct<T>(a: usize, b: usize, depth: i32, c: usize): void {
  product<T>(a, 4 * sizeof<T>(), b, depth, c, 32, SET);
}

/** C += A^T B in float32 where A is half of the columns of [depth, 8]. */
export function addProductOfHalf(a: usize, b: usize, depth: i32, c: usize): void {
  product<f32>(a, 32, b, depth, c, 32, ADD);
}

/** C += A^T B. */
export function addProduct<T>(a: usize, b: usize, depth: i32, c: usize): void {
  product<T>(a, 4 * sizeof<T>(), b, depth, c, 32, ADD);
}

/** C = A^T B in rows `stride` bytes apart. */
export function setRows<T>(a: usize, b: usize, depth: i32, c: usize, stride: usize): void {
  product<T>(a, 4 * sizeof<T>(), b, depth, c, stride, SET);
}

/** C += A^T B in rows `stride` bytes apart. */
export function addRows<T>(a: usize, b: usize, depth: i32, c: usize, stride: usize): void {
  product<T>(a, 4 * sizeof<T>(), b, depth, c, stride, ADD);
}

/** c += the sum of the squares of each column of A^T B. */
export function addSquares<T>(a: usize, b: usize, depth: i32, c: usize): void {
  product<T>(a, 4 * sizeof<T>(), b, depth, c, 0, SQUARE);
}
