/** Parquet's hybrid of runs and packed bits, in which levels and indices of a dictionary are stored (its Encodings.md, "RLE"). */
import type { Fail } from './damage.js';

/** A number is read with the 32 bits from its byte on, so it has at most this many. */
export const MOST_BITS = 25;

/**
 * Fills `out` with numbers of `width` bits that stand in bytes [start, end). Runs beyond the end of the bytes or of `out` are refused; only
 * packed bits, which come in eights, may hold numbers that nobody wants.
 */
export function decodeRuns(
  bytes: Uint8Array,
  start: number,
  end: number,
  width: number,
  out: Uint8Array | Uint32Array,
  fail: Fail,
): void {
  const count = out.length;
  let at = start;
  let filled = 0;
  while (filled < count) {
    let header = 0;
    for (let i = 0; ; i++) {
      if (at >= end || i === 5) fail(`its runs end after ${filled} of ${count} numbers`);
      const byte = bytes[at++];
      header += (byte & 127) * 2 ** (7 * i);
      if (byte < 128) break;
    }
    const length = Math.floor(header / 2);
    if (header % 2 === 1) {
      const wanted = Math.min(count - filled, 8 * length);
      const taken = length * width;
      if (wanted === 0 || Math.ceil((wanted * width) / 8) > end - at)
        fail(`its runs end after ${filled} of ${count} numbers`);
      unpackBits(bytes, at, width, out, filled, wanted);
      filled += wanted;
      at += taken;
    } else {
      const size = (width + 7) >> 3;
      if (length === 0 || length > count - filled || size > end - at)
        fail(`a run has ${length} numbers where ${count - filled} are left`);
      let value = 0;
      for (let i = 0; i < size; i++) value += bytes[at + i] * 2 ** (8 * i);
      if (value >= 2 ** width) fail(`a run is of the number ${value}, which has more than ${width} bits`);
      out.fill(value, filled, filled + length);
      filled += length;
      at += size;
    }
  }
}

/** `count` numbers of `width` bits each, the lowest bits first. */
function unpackBits(
  bytes: Uint8Array,
  start: number,
  width: number,
  out: Uint8Array | Uint32Array,
  first: number,
  count: number,
): void {
  if (width === 1) {
    for (let i = 0; i < count; i++) out[first + i] = (bytes[start + (i >> 3)] >> (i & 7)) & 1;
    return;
  }
  const mask = 2 ** width - 1;
  for (let i = 0; i < count; i++) {
    const bit = i * width;
    const at = start + Math.floor(bit / 8);
    const word = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
    out[first + i] = (word >>> (bit % 8)) & mask;
  }
}
