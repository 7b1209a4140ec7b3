/** Zip archives as .npz files use them (PKWARE APPNOTE 6.3.10): stored and deflated members, zip64, CRC-32. */
import { type ByteSource, bytesOf, partOf, quoted, refuse, sourceOf } from './bytes.js';
import { crc32 } from './crc32.js';
import { inflate } from './inflate.js';

/** A member as the central directory lists it. */
export interface ZipMember {
  readonly name: string;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly compressedSize: number;
  readonly size: number;
  /** Byte at which the member's own header starts. */
  readonly start: number;
}

const LOCAL_HEADER = 0x04034b50;
const CENTRAL_HEADER = 0x02014b50;
const END = 0x06054b50;
const END_64 = 0x06064b50;
const END_64_LOCATOR = 0x07064b50;

const STORED = 0;
const DEFLATED = 8;
/** Flags of encrypted members: plain, strong, and with masked headers. */
const ENCRYPTED = 0x2041;

/** A directory entry has some 60 bytes, so this is a million members. */
const MAX_DIRECTORY = 1 << 26;
/** Bytes that are read at a time for the CRC-32. */
const CHUNK = 1 << 20;

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** A 64-bit number; those that no file has are refused. */
function uint64(view: DataView, at: number, where: string): number {
  const value = Number(view.getBigUint64(at, true));
  return Number.isSafeInteger(value)
    ? value
    : refuse(where, `the zip directory has the size or place ${value}`);
}

/**
 * The members that the central directory lists, without folders.
 *
 * @throws FormatError where the directory is damaged, lies outside the source, spans several disks or has a name twice
 */
export function zipMembers(source: ByteSource, where: string): ZipMember[] {
  const { entries, start, size } = findDirectory(source, where);
  const bytes = bytesOf(source, start, start + size, where);
  const view = viewOf(bytes);
  const members = new Map<string, ZipMember>();
  let at = 0;
  for (let entry = 0; entry < entries; entry++) {
    if (at + 46 > size || view.getUint32(at, true) !== CENTRAL_HEADER)
      refuse(where, `the zip directory is damaged at entry ${entry + 1} of ${entries}`);
    const nameEnd = at + 46 + view.getUint16(at + 28, true);
    const extraEnd = nameEnd + view.getUint16(at + 30, true);
    const next = extraEnd + view.getUint16(at + 32, true);
    if (next > size) refuse(where, `the zip directory ends within entry ${entry + 1} of ${entries}`);
    const name = decodeName(bytes.subarray(at + 46, nameEnd), where);
    if (members.has(name)) refuse(where, `the zip directory has ${quoted(name)} twice`);
    const sizes = memberSizes(view, at, zip64Field(view, nameEnd, extraEnd), where);
    if (sizes.start + 30 + sizes.compressedSize > start)
      refuse(where, `member ${quoted(name)} does not fit before the zip directory`);
    members.set(name, {
      name,
      flags: view.getUint16(at + 8, true),
      method: view.getUint16(at + 10, true),
      crc: view.getUint32(at + 16, true),
      ...sizes,
    });
    at = next;
  }
  if (at !== size) refuse(where, `the zip directory has ${size - at} bytes after its ${entries} entries`);
  return [...members.values()].filter(({ name }) => !name.endsWith('/'));
}

/** Where the record at the end starts, which is followed by a comment of the length that it states; -1 without one. */
function endRecord(tail: DataView): number {
  for (let at = tail.byteLength - 22; at >= 0; at--)
    if (tail.getUint32(at, true) === END && tail.getUint16(at + 20, true) === tail.byteLength - at - 22)
      return at;
  return -1;
}

/** Where the central directory lies and how many entries it has, from the record at the end of the archive. */
function findDirectory(source: ByteSource, where: string): { entries: number; start: number; size: number } {
  const tailStart = Math.max(0, source.byteLength - 22 - 0xffff);
  const tail = viewOf(bytesOf(source, tailStart, source.byteLength, where));
  const at = endRecord(tail);
  if (at < 0) refuse(where, 'the file ends without a zip directory');
  let end = tailStart + at;
  let disks = [tail.getUint16(at + 4, true), tail.getUint16(at + 6, true)];
  let entries = tail.getUint16(at + 10, true);
  let size = tail.getUint32(at + 12, true);
  let start = tail.getUint32(at + 16, true);
  if (at >= 20 && tail.getUint32(at - 20, true) === END_64_LOCATOR) {
    const record = uint64(tail, at - 12, where);
    if (record + 56 > end - 20) refuse(where, `the zip64 record at byte ${record} lies outside the file`);
    const view = viewOf(bytesOf(source, record, record + 56, where));
    if (view.getUint32(0, true) !== END_64) refuse(where, `there is no zip64 record at byte ${record}`);
    end = record;
    disks = [view.getUint32(16, true), view.getUint32(20, true)];
    entries = uint64(view, 32, where);
    size = uint64(view, 40, where);
    start = uint64(view, 48, where);
  }
  if (disks.some((disk) => disk !== 0)) refuse(where, 'the zip archive is split over several files');
  if (start + size > end)
    refuse(where, `the zip directory of ${size} bytes at byte ${start} lies outside the file`);
  if (size > MAX_DIRECTORY)
    refuse(where, `the zip directory has ${size} bytes, the most is ${MAX_DIRECTORY}`);
  return { entries, start, size };
}

/** Sizes and place of the entry at `at`; those of 2^32 - 1 stand in the zip64 extra field, in this order. */
function memberSizes(
  view: DataView,
  at: number,
  extra: DataView,
  where: string,
): Pick<ZipMember, 'size' | 'compressedSize' | 'start'> {
  let used = 0;
  const field = (place: number): number => {
    const value = view.getUint32(at + place, true);
    if (value !== 0xffffffff) return value;
    if (used + 8 > extra.byteLength) refuse(where, 'the zip directory lacks a 64-bit size or place');
    used += 8;
    return uint64(extra, used - 8, where);
  };
  return { size: field(24), compressedSize: field(20), start: field(42) };
}

/** The content of the zip64 field among the extra fields in [start, end); empty without one. */
function zip64Field(view: DataView, start: number, end: number): DataView {
  for (let at = start; at + 4 <= end; at += 4 + view.getUint16(at + 2, true))
    if (view.getUint16(at, true) === 1) {
      const length = Math.min(view.getUint16(at + 2, true), end - at - 4);
      return new DataView(view.buffer, view.byteOffset + at + 4, length);
    }
  return new DataView(new ArrayBuffer(0));
}

function decodeName(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return refuse(where, 'the zip directory has a name that is not UTF-8');
  }
}

/**
 * The bytes of a member. A stored one is a part of the source, which is read once from end to end here for its CRC-32;
 * a deflated one is inflated into memory.
 *
 * @throws FormatError for encrypted members, other methods, damaged data, or data of another size than the directory says
 */
export async function openMember(source: ByteSource, member: ZipMember, where: string): Promise<ByteSource> {
  const { flags, method, size, compressedSize } = member;
  if (flags & ENCRYPTED) refuse(where, 'the member is encrypted');
  if (method !== STORED && method !== DEFLATED)
    refuse(where, `zip method ${method} is neither stored nor deflated`);
  const packed = partOf(source, dataStart(source, member, where), compressedSize);
  if (method === STORED && size !== compressedSize)
    refuse(where, `a stored member of ${size} bytes takes ${compressedSize} bytes`);
  const data = method === STORED ? packed : sourceOf(await inflate(packed, size, where), where);
  if (crcOf(data, where) !== member.crc) refuse(where, 'the CRC-32 is wrong: the member is damaged');
  return data;
}

/** The byte at which a member's data start, after its own header, which must agree with the directory. */
function dataStart(source: ByteSource, member: ZipMember, where: string): number {
  const { name, start, compressedSize } = member;
  const header = viewOf(bytesOf(source, start, start + 30, where));
  if (header.getUint32(0, true) !== LOCAL_HEADER) refuse(where, `there is no zip member at byte ${start}`);
  const nameEnd = start + 30 + header.getUint16(26, true);
  const data = nameEnd + header.getUint16(28, true);
  if (data + compressedSize > source.byteLength) refuse(where, 'the member does not fit into the file');
  const ownName = decodeName(bytesOf(source, start + 30, nameEnd, where), where);
  if (ownName !== name || header.getUint16(8, true) !== member.method)
    refuse(where, `the member's own header, called ${quoted(ownName)}, is not what the directory says`);
  return data;
}

function crcOf(source: ByteSource, where: string): number {
  const buffer = new Uint8Array(Math.min(CHUNK, source.byteLength));
  const room = (length: number): Uint8Array => buffer.subarray(0, length);
  let crc = 0;
  for (let from = 0; from < source.byteLength; from += CHUNK)
    crc = crc32(bytesOf(source, from, Math.min(from + CHUNK, source.byteLength), where, room), crc);
  return crc;
}
