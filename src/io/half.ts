/** 16-bit floating-point numbers: IEEE 754 binary16 (F16) and bfloat16 (BF16), the upper half of a float32. */

let halfTable: Uint32Array | undefined;

/** The bits of the float32 that equals a binary16; NaN keeps its payload. */
function widenHalf(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return sign | 0x7f800000 | (fraction << 13);
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  // A subnormal, fraction * 2^-24, is a normal float32: its leading one moves to the hidden bit.
  const shift = Math.clz32(fraction) - 21;
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 1023) << 13);
}

/** out[i] = the float32 that equals the binary16 halves[i]; exact. One table look-up a number. */
export function decodeF16(halves: Uint16Array, out: Float32Array): void {
  halfTable ??= Uint32Array.from({ length: 65536 }, (_, half) => widenHalf(half));
  const table = halfTable;
  const bits = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < halves.length; i++) bits[i] = table[halves[i]];
}

/** out[i] = the float32 that equals the bfloat16 halves[i]; exact. */
export function decodeBF16(halves: Uint16Array, out: Float32Array): void {
  const bits = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i] << 16;
}

const number64 = new DataView(new ArrayBuffer(8));

/** x >= 0 rounded to the nearest multiple, ties to even, of 2^(e - fractionBits); e is its exponent, or `least` if larger. */
function rounded(x: number, fractionBits: number, least: number): number {
  number64.setFloat64(0, x);
  const exponent = Math.max((number64.getUint16(0) >>> 4) - 1023, least);
  // Numbers around this one are 2^(exponent - fractionBits) apart, so that the addition rounds as wanted.
  const anchor = 1.5 * 2 ** (exponent - fractionBits + 52);
  return x + anchor - anchor;
}

function float32Bits(x: number): number {
  number64.setFloat32(0, x);
  return number64.getUint32(0);
}

/** The nearest binary16, ties to even; from 65520 on infinity. */
function narrowToHalf(x: number): number {
  if (Number.isNaN(x)) return 0x7e00;
  const sign = (float32Bits(x) >>> 16) & 0x8000;
  const size = Math.abs(x) < 65536 ? rounded(Math.abs(x), 10, -14) : 65536;
  if (size >= 65536) return sign | 0x7c00;
  if (size < 2 ** -14) return sign | (size * 2 ** 24);
  return sign | ((float32Bits(size) - (112 << 23)) >>> 13);
}

/** The nearest bfloat16, ties to even. */
function narrowToBrain(x: number): number {
  if (Number.isNaN(x)) return 0x7fc0;
  const sign = (float32Bits(x) >>> 16) & 0x8000;
  const size = Math.abs(x) < 2 ** 128 ? rounded(Math.abs(x), 7, -126) : 2 ** 128;
  return sign | (float32Bits(size) >>> 16);
}

/** Binary16 numbers nearest to the given ones. */
export function encodeF16(numbers: ArrayLike<number>): Uint16Array<ArrayBuffer> {
  return Uint16Array.from(numbers, narrowToHalf);
}

/** Bfloat16 numbers nearest to the given ones. */
export function encodeBF16(numbers: ArrayLike<number>): Uint16Array<ArrayBuffer> {
  return Uint16Array.from(numbers, narrowToBrain);
}
