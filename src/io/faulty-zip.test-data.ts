/** Zip archives with members that are deflated, in zip64 form, or say something untrue. */
import { crc32 } from './crc32.js';

/** A member, and what its headers say about it where that is not the truth. */
export interface FaultyMember {
  readonly name: string;
  readonly data: Uint8Array;
  /** What is stored for `data`, such as its deflated form with method 8. */
  readonly packed?: Uint8Array;
  readonly nameBytes?: Uint8Array;
  readonly ownName?: string;
  readonly method?: number;
  readonly ownMethod?: number;
  readonly flags?: number;
  readonly crc?: number;
  readonly size?: number;
  readonly packedSize?: number;
  readonly start?: number;
  /** Sizes and place stand in the zip64 extra field. */
  readonly zip64?: boolean;
  /** The zip64 extra field, instead of the true one. */
  readonly extra?: Uint8Array;
}

/** What the archive's end says where it is not the truth. */
export interface FaultyEnd {
  readonly entries?: number;
  readonly directoryStart?: number;
  readonly directorySize?: number;
  readonly disk?: number;
  readonly comment?: string;
  readonly zip64?: boolean;
  readonly recordPlace?: number;
}

type Field = readonly [bytes: 2 | 4 | 8, value: number];

function record(...fields: readonly Field[]): Buffer {
  return Buffer.concat(
    fields.map(([bytes, value]) => {
      const field = Buffer.alloc(8);
      field.writeBigUInt64LE(BigInt(value));
      return field.subarray(0, bytes);
    }),
  );
}

/** The archive's bytes. */
export function faultyZip(members: readonly FaultyMember[], end: FaultyEnd = {}): Uint8Array<ArrayBuffer> {
  const files: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const member of members) {
    const { name, data, packed = data, zip64 = false, flags = 0, crc = crc32(data) } = member;
    const { size = data.length, packedSize = packed.length, start = at, method = 0 } = member;
    const ownName = Buffer.from(member.nameBytes ?? new TextEncoder().encode(member.ownName ?? name));
    const listedName = Buffer.from(member.nameBytes ?? new TextEncoder().encode(name));
    const file = Buffer.concat([
      record([4, 0x04034b50], [2, 45], [2, flags], [2, member.ownMethod ?? method], [4, 0], [4, crc]),
      record([4, packedSize], [4, size], [2, ownName.length], [2, 0]),
      ownName,
      packed,
    ]);
    // Another field comes first, as readers must skip those that they do not know.
    const true64 = Buffer.concat([
      record([2, 0x7075], [2, 1]),
      Buffer.of(7),
      record([2, 1], [2, 24], [8, size], [8, packedSize], [8, start]),
    ]);
    const extra = member.extra ?? (zip64 ? true64 : new Uint8Array(0));
    const listed = (value: number): number => (zip64 ? 0xffffffff : value);
    directory.push(
      Buffer.concat([
        record([4, 0x02014b50], [2, 45], [2, 45], [2, flags], [2, method], [4, 0], [4, crc]),
        record([4, listed(packedSize)], [4, listed(size)], [2, listedName.length], [2, extra.length], [2, 0]),
        record([2, 0], [2, 0], [4, 0], [4, listed(start)]),
        listedName,
        extra,
      ]),
    );
    files.push(file);
    at += file.length;
  }
  const list = Buffer.concat(directory);
  const { entries = members.length, directoryStart = at, directorySize = list.length, disk = 0 } = end;
  const record64 = Buffer.concat([
    record([4, 0x06064b50], [8, 44], [2, 45], [2, 45], [4, disk], [4, disk], [8, entries], [8, entries]),
    record([8, directorySize], [8, directoryStart]),
    record([4, 0x07064b50], [4, 0], [8, end.recordPlace ?? at + list.length], [4, 1]),
  ]);
  const plain = (value: number, limit: number): number => (end.zip64 ? limit : value);
  const comment = Buffer.from(end.comment ?? '');
  return Uint8Array.from(
    Buffer.concat([
      ...files,
      list,
      end.zip64 ? record64 : Buffer.alloc(0),
      record([4, 0x06054b50], [2, end.zip64 ? 0 : disk], [2, end.zip64 ? 0 : disk]),
      record([2, plain(entries, 0xffff)], [2, plain(entries, 0xffff)], [4, plain(directorySize, 0xffffffff)]),
      record([4, plain(directoryStart, 0xffffffff)], [2, comment.length]),
      comment,
    ]),
  );
}
