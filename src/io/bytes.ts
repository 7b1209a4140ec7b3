/** Where the readers take bytes from, in memory or in a file, and the one kind of error they throw. */

/** Bytes that are read by position. */
export interface ByteSource {
  readonly byteLength: number;
  /** What the bytes are called in messages, such as the path of a file. */
  readonly name?: string;
  /**
   * The bytes from `start` up to but not including `end`. A source in memory returns a view. Any other fills what
   * `room(end - start)` gives it, a caller's buffer that serves for block after block, or an array of its own.
   */
  slice(start: number, end: number, room?: Room): Uint8Array;
}

/** Gives a source `length` bytes to fill. */
export type Room = (length: number) => Uint8Array;

/** What a reader or writer says of a file that it refuses: one line with the format, the file and the rule. */
export class FormatError extends Error {
  override readonly name = 'FormatError';
}

/** Throws `where: rule` as a FormatError. */
export function refuse(where: string, rule: string): never {
  throw new FormatError(`${where}: ${rule}`);
}

/** The format and, where it is known, the file: how every message about a source begins. */
export function placeOf(format: string, source: ByteSource): string {
  return source.name === undefined ? format : `${format}: ${visible(source.name)}`;
}

/** Text with codes for control, format and other invisible characters, which could forge or break a line. */
function visible(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (c) => `\\u{${c.codePointAt(0)?.toString(16)}}`);
}

/** Text from a file for a message: visible, and not too long. */
export function printable(text: string): string {
  return text.length > 200 ? `${visible(text.slice(0, 200))}...` : visible(text);
}

/** A name from a file, in quotes. */
export function quoted(name: string): string {
  return `"${printable(name)}"`;
}

/** A source over bytes in memory, without a copy; a source is returned as it is. */
export function sourceOf(bytes: ByteSource | Uint8Array | ArrayBuffer, where: string): ByteSource {
  if (bytes instanceof Uint8Array || bytes instanceof ArrayBuffer) {
    const view = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
    return { byteLength: view.length, slice: (start, end) => view.subarray(start, end) };
  }
  if (
    ArrayBuffer.isView(bytes) ||
    typeof bytes?.slice !== 'function' ||
    !Number.isSafeInteger(bytes.byteLength)
  )
    throw new TypeError(`${where}: needs a Uint8Array, an ArrayBuffer or a ByteSource`);
  return bytes;
}

/** `length` bytes of a source from `start` on, as a source with the same name. */
export function partOf(source: ByteSource, start: number, length: number): ByteSource {
  return {
    byteLength: length,
    name: source.name,
    slice: (from, to, room) => source.slice(start + from, start + to, room),
  };
}

/** Reads [start, end) of a source, and refuses an answer of another length. */
export function bytesOf(
  source: ByteSource,
  start: number,
  end: number,
  where: string,
  room?: Room,
): Uint8Array {
  const bytes = source.slice(start, end, room);
  if (bytes.length !== end - start)
    refuse(where, `asked for bytes ${start} to ${end}, the source gave ${bytes.length} bytes`);
  return bytes;
}

/** A new array of bytes, or one line where there is no room for it. */
export function allocate(length: number, where: string): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(length);
  } catch {
    return refuse(where, `needs ${length} bytes in one array, more than there is room for`);
  }
}
