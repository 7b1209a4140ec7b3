/** Where a structure of Thrift's compact protocol ends, and that its parts fit into its bytes: a reader may then trust its lengths. */
import type { Fail } from './damage.js';

/** Structures inside each other; those of Parquet are a handful. */
const MOST_DEPTH = 32;

const [STOP, TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, STRUCT] = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12,
];

/** Thrown where the bytes end before the structure. */
class Ended {}

/**
 * The position after the structure that begins at `at`; undefined where the bytes end before it does. Takes time for the bytes that are there,
 * whatever lengths they claim.
 */
export function structEnd(bytes: Uint8Array, at: number, fail: Fail): number | undefined {
  const walk = new Walk(bytes, at, fail);
  try {
    walk.struct(0);
    return walk.at;
  } catch (error) {
    if (error instanceof Ended) return undefined;
    throw error;
  }
}

class Walk {
  constructor(
    private readonly bytes: Uint8Array,
    public at: number,
    private readonly fail: Fail,
  ) {}

  struct(depth: number): void {
    if (depth > MOST_DEPTH) this.fail('its structures are nested too deeply');
    for (;;) {
      const field = this.byte();
      const type = field & 15;
      if (type === STOP) return;
      // The number of a field is a step from that of the one before, or stands on its own.
      if (field >> 4 === 0) this.skip(this.varintLength());
      // A truth value is in the type of its field.
      if (type !== TRUE && type !== FALSE) this.value(type, depth);
    }
  }

  private value(type: number, depth: number): void {
    if (type === BYTE) this.skip(1);
    else if (type === I16 || type === I32 || type === I64) this.skip(this.varintLength());
    else if (type === DOUBLE) this.skip(8);
    else if (type === BINARY) this.skip(this.varint());
    else if (type === LIST) this.list(depth);
    else if (type === STRUCT) this.struct(depth + 1);
    else this.fail(`it has a field of the unknown type ${type}`);
  }

  private list(depth: number): void {
    const head = this.byte();
    const type = head & 15;
    const size = head >> 4 === 15 ? this.varint() : head >> 4;
    // Every element has a byte at least.
    if (size > this.bytes.length - this.at) throw new Ended();
    if (type === TRUE || type === FALSE) this.skip(size);
    else for (let i = 0; i < size; i++) this.value(type, depth);
  }

  private byte(): number {
    if (this.at >= this.bytes.length) throw new Ended();
    return this.bytes[this.at++];
  }

  private skip(count: number): void {
    if (count > this.bytes.length - this.at) throw new Ended();
    this.at += count;
  }

  /** Bytes of the number that is next. */
  private varintLength(): number {
    for (let length = 1; length <= 10; length++) {
      const at = this.at + length - 1;
      if (at >= this.bytes.length) throw new Ended();
      if (this.bytes[at] < 128) return length;
    }
    return this.fail('it has a number of too many bytes');
  }

  /** A length, which takes at most five bytes. */
  private varint(): number {
    const length = this.varintLength();
    if (length > 5) this.fail('it has a length of too many bytes');
    let value = 0;
    for (let i = 0; i < length; i++) value += (this.bytes[this.at + i] & 127) * 2 ** (7 * i);
    this.at += length;
    return value;
  }
}
