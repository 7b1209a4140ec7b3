/** Inflates a raw deflate stream (RFC 1951) of a declared size with the platform's DecompressionStream. */
import { allocate, type ByteSource, bytesOf, refuse } from './bytes.js';

/** Inflated data stay in memory, so there is a limit. */
const MAX_INFLATED = 2 ** 31;
/** Deflate spends at least 2 bits on a copy of 258 bytes. */
const MAX_RATIO = 1032;
/** Bytes that are inflated at a time; a platform may hold all that comes of them. */
const CHUNK = 1 << 16;

/**
 * Inflates a source that must give exactly `size` bytes. Memory is what the source and the result take, and no more if
 * the data would give more.
 *
 * @throws FormatError where the data are damaged, or the size is above 2 GiB, impossible or not what comes out
 */
export async function inflate(source: ByteSource, size: number, where: string): Promise<Uint8Array> {
  const packedSize = source.byteLength;
  if (size > MAX_INFLATED)
    refuse(where, `${size} bytes are too many to inflate (most: ${MAX_INFLATED}): store the member instead`);
  if (size > MAX_RATIO * packedSize)
    refuse(where, `${packedSize} deflated bytes cannot give the ${size} bytes that the directory says`);
  const out = allocate(size, where);
  const packed = chunksOf(bytesOf(source, 0, packedSize, where) as Uint8Array<ArrayBuffer>);
  const reader = packed.pipeThrough(new DecompressionStream('deflate-raw')).getReader();
  let filled = 0;
  for (;;) {
    const chunk = await reader.read().catch(() => refuse(where, 'the deflated data are damaged'));
    if (chunk.done) break;
    if (filled + chunk.value.length > size) {
      await reader.cancel();
      refuse(where, `the member inflates to more than the ${size} bytes that the directory says`);
    }
    out.set(chunk.value, filled);
    filled += chunk.value.length;
  }
  if (filled !== size) refuse(where, `the member inflates to ${filled} bytes, the directory says ${size}`);
  return out;
}

function chunksOf(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at < bytes.length) controller.enqueue(bytes.subarray(at, at + CHUNK));
      else controller.close();
      at += CHUNK;
    },
  });
}
