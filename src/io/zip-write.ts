/** Writes zip archives of stored members, the plain form that every reader knows (PKWARE APPNOTE 6.3.10, no zip64). */
import { crc32 } from './crc32.js';
import { concatenated } from './write.js';

/** A member to write: its name and its bytes, in parts that follow each other. */
export interface MemberToWrite {
  readonly name: string;
  readonly parts: readonly Uint8Array[];
}

const VERSION = 20;
const UTF8_NAME = 0x0800;
const STORED = 0;
/** Midnight of 1 January 1980, so that the same members give the same bytes. */
const TIME = 0;
const DATE = 0x21;

/** Little-endian numbers one after the other, each in its number of bytes. */
function record(...fields: readonly (readonly [bytes: 2 | 4, value: number])[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(fields.reduce((length, [bytes]) => length + bytes, 0)));
  let at = 0;
  for (const [bytes, value] of fields) {
    if (bytes === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += bytes;
  }
  return new Uint8Array(view.buffer);
}

/**
 * A zip archive of stored members.
 *
 * @throws RangeError where it would need zip64, from 4 GiB or 65535 members on, and for names above 65535 bytes
 */
export function storedZip(members: readonly MemberToWrite[], where: string): Uint8Array<ArrayBuffer> {
  const count = members.length;
  if (count >= 0xffff)
    throw new RangeError(`${where}: ${count} arrays are more than a zip file without zip64 can hold`);
  const files: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  let directorySize = 0;
  for (const { name, parts } of members) {
    const nameBytes = new TextEncoder().encode(name);
    if (nameBytes.length > 0xffff)
      throw new RangeError(`${where}: a name of ${nameBytes.length} bytes is too long`);
    const size = parts.reduce((length, part) => length + part.length, 0);
    const crc = parts.reduce((crc, part) => crc32(part, crc), 0);
    const kind = record([2, VERSION], [2, UTF8_NAME], [2, STORED], [2, TIME], [2, DATE]);
    const sizes = record([4, crc], [4, size], [4, size], [2, nameBytes.length], [2, 0]);
    files.push(record([4, 0x04034b50]), kind, sizes, nameBytes, ...parts);
    const place = record([2, 0], [2, 0], [2, 0], [4, 0], [4, at]);
    directory.push(record([4, 0x02014b50], [2, VERSION]), kind, sizes, place, nameBytes);
    at += 30 + nameBytes.length + size;
    directorySize += 46 + nameBytes.length;
  }
  if (at + directorySize >= 0xffffffff)
    throw new RangeError(`${where}: ${at} bytes are more than a zip file without zip64 can hold`);
  const end = record([4, 0x06054b50], [4, 0], [2, count], [2, count], [4, directorySize], [4, at], [2, 0]);
  return concatenated([...files, ...directory, end], where);
}
