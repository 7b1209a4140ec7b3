/** The codecs of Parquet's pages: each unpacks to the length that the page says, and to no more. */
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { decompress as unpackZstdFrame } from 'fzstd';
import { snappyUncompressor } from 'hysnappy';
import type { Fail } from './damage.js';
import { unpackLz4, unpackLz4Raw } from './lz4.js';

type Unpack = (packed: Uint8Array, size: number, fail: Fail) => Uint8Array;

/** Three bytes of Snappy copy 64 at most. */
const MOST_SNAPPY = 22;
/** The window that Zstandard's own tools take unless they are told otherwise. */
const MOST_WINDOW = 2 ** 27;

const CODECS: Readonly<Record<string, Unpack>> = {
  UNCOMPRESSED: (packed) => packed,
  SNAPPY: unpackSnappy,
  GZIP: (packed, size) => gunzipSync(packed, { maxOutputLength: Math.max(1, size) }),
  BROTLI: (packed, size) => brotliDecompressSync(packed, { maxOutputLength: Math.max(1, size) }),
  ZSTD: unpackZstd,
  LZ4: unpackLz4,
  LZ4_RAW: unpackLz4Raw,
};

/** Names of the codecs that are read, as the metadata write them. */
export const CODEC_NAMES: readonly string[] = Object.keys(CODECS);

/** The bytes of a page, `size` of them, unpacked; one line where they are not what was packed. */
export function unpack(codec: string, packed: Uint8Array, size: number, fail: Fail): Uint8Array {
  const problem = (rule: string): never => {
    throw new Problem(rule);
  };
  let bytes: Uint8Array;
  try {
    bytes = CODECS[codec](packed, size, problem);
  } catch (error) {
    // The libraries say what is wrong with codes of their own.
    return fail(error instanceof Problem ? error.message : `its ${codec} data are damaged`);
  }
  if (bytes.length !== size)
    fail(`its ${codec} data give ${bytes.length} bytes, the page should have ${size}`);
  return bytes;
}

class Problem extends Error {}

let snappy: ReturnType<typeof snappyUncompressor> | undefined;

function unpackSnappy(packed: Uint8Array, size: number, fail: Fail): Uint8Array {
  if (size > MOST_SNAPPY * packed.length) fail(`${packed.length} bytes of Snappy cannot give ${size}`);
  let length = 0;
  for (let i = 0, more = true; more && i < 5; i++) {
    length += (packed[i] & 127) * 2 ** (7 * i);
    more = packed[i] > 127;
  }
  if (length !== size) fail(`its SNAPPY data give ${length} bytes, the page should have ${size}`);
  // Its memory is that of the largest page, and serves for all.
  snappy ??= snappyUncompressor();
  return snappy(packed, size);
}

/** One frame (RFC 8878, section 3.1.1), whose header is checked before anything is allocated for it. */
function unpackZstd(packed: Uint8Array, size: number, fail: Fail): Uint8Array {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  if (view.getUint32(0, true) !== 0xfd2fb528) fail('its ZSTD data do not begin as a frame does');
  const flags = view.getUint8(4);
  const single = (flags >> 5) & 1;
  const dictionary = [0, 1, 2, 4][flags & 3];
  const width = flags >> 6 ? 1 << (flags >> 6) : single;
  const at = 6 - single + dictionary;
  if (!single) {
    const base = 2 ** (10 + (packed[5] >> 3));
    if (base + (base / 8) * (packed[5] & 7) > MOST_WINDOW)
      fail(`its ZSTD data need a window of more than ${MOST_WINDOW} bytes`);
  }
  let length: number | undefined;
  if (width === 1) length = view.getUint8(at);
  else if (width === 2) length = view.getUint16(at, true) + 256;
  else if (width === 4) length = view.getUint32(at, true);
  else if (width === 8) length = Number(view.getBigUint64(at, true));
  if (length !== undefined && length !== size)
    fail(`its ZSTD data give ${length} bytes, the page should have ${size}`);
  return length === 0 ? new Uint8Array(0) : unpackZstdFrame(packed);
}
