/** LZ4 blocks (https://github.com/lz4/lz4, doc/lz4_Block_format.md), as Parquet has them: bare, or in the frames of Hadoop. */
import type { Fail } from './damage.js';

/** Unpacks one block, which must fill the output exactly. */
function unpackBlock(packed: Uint8Array, out: Uint8Array, fail: Fail): void {
  let at = 0;
  let filled = 0;
  const byte = () => (at < packed.length ? packed[at++] : fail('its LZ4 data end too early'));
  const lengthFrom = (start: number) => {
    let length = start;
    if (start === 15)
      for (let more = 255; more === 255; ) {
        more = byte();
        length += more;
      }
    return length;
  };
  while (at < packed.length) {
    const token = byte();
    const literals = lengthFrom(token >> 4);
    if (literals > packed.length - at || literals > out.length - filled)
      fail('its LZ4 data are longer than they should be');
    out.set(packed.subarray(at, at + literals), filled);
    at += literals;
    filled += literals;
    if (at === packed.length) break;
    const offset = byte() | (byte() << 8);
    const length = lengthFrom(token & 15) + 4;
    if (offset === 0 || offset > filled) fail('its LZ4 data point to before their beginning');
    if (length > out.length - filled) fail('its LZ4 data are longer than they should be');
    // A copy may overlap itself: then it repeats what it has just written.
    if (offset >= length) out.copyWithin(filled, filled - offset, filled - offset + length);
    else for (let i = filled; i < filled + length; i++) out[i] = out[i - offset];
    filled += length;
  }
  if (filled !== out.length) fail('its LZ4 data are shorter than they should be');
}

/** Unpacks a bare block (LZ4_RAW). */
export function unpackLz4Raw(packed: Uint8Array, size: number, fail: Fail): Uint8Array {
  const out = new Uint8Array(size);
  unpackBlock(packed, out, fail);
  return out;
}

/** Unpacks what is called LZ4: frames of Hadoop, each with two lengths, or a bare block where the bytes are no such frames. */
export function unpackLz4(packed: Uint8Array, size: number, fail: Fail): Uint8Array {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const frames: { from: number; to: number; length: number }[] = [];
  let total = 0;
  for (let at = 0; at < packed.length; ) {
    if (packed.length - at < 8) return unpackLz4Raw(packed, size, fail);
    const [length, bytes] = [view.getUint32(at), view.getUint32(at + 4)];
    if (bytes > packed.length - at - 8 || length > size - total) return unpackLz4Raw(packed, size, fail);
    frames.push({ from: at + 8, to: at + 8 + bytes, length });
    total += length;
    at += 8 + bytes;
  }
  if (total !== size) return unpackLz4Raw(packed, size, fail);
  const out = new Uint8Array(size);
  let filled = 0;
  for (const { from, to, length } of frames) {
    unpackBlock(packed.subarray(from, to), out.subarray(filled, filled + length), fail);
    filled += length;
  }
  return out;
}
