/** Bytes of what goes from machine to machine: little-endian, with kind and version in front and a CRC-32 behind. */
import { crc32 } from '../io/crc32.js';
import type { Floats } from '../keys.js';

/** What the bytes are of. */
export interface Kind {
  /** Eight letters that they begin with. */
  readonly magic: string;
  readonly version: number;
  /** For messages. */
  readonly noun: string;
}

const MAGIC_LENGTH = 8;
const HEADER_BYTES = MAGIC_LENGTH + 4;
const CRC_BYTES = 4;

/** Whether bytes begin as those of a kind do. */
export function isOf({ magic }: Kind, bytes: Uint8Array): boolean {
  return String.fromCharCode(...bytes.subarray(0, MAGIC_LENGTH)) === magic;
}

/** Bytes of a kind that grow. */
export class Writer {
  private view = new DataView(new ArrayBuffer(1024));
  private length = 0;

  constructor({ magic, version }: Kind) {
    for (const letter of magic) this.byte(letter.charCodeAt(0));
    this.whole(version);
  }

  private room(bytes: number): number {
    const at = this.length;
    this.length += bytes;
    if (this.length > this.view.byteLength) {
      const larger = new Uint8Array(Math.max(this.length, 2 * this.view.byteLength));
      larger.set(new Uint8Array(this.view.buffer));
      this.view = new DataView(larger.buffer);
    }
    return at;
  }

  text(value: string): void {
    const bytes = new TextEncoder().encode(value);
    this.whole(bytes.length);
    for (const byte of bytes) this.byte(byte);
  }

  byte(value: number): void {
    const at = this.room(1);
    this.view.setUint8(at, value);
  }

  whole(value: number): void {
    const at = this.room(4);
    this.view.setUint32(at, value, true);
  }

  doubles(values: ArrayLike<number>): void {
    const at = this.room(8 * values.length);
    for (let i = 0; i < values.length; i++) this.view.setFloat64(at + 8 * i, values[i], true);
  }

  singles(values: Float32Array): void {
    const at = this.room(4 * values.length);
    for (let i = 0; i < values.length; i++) this.view.setFloat32(at + 4 * i, values[i], true);
  }

  /** Everything written, and its CRC-32. */
  finish(): Uint8Array {
    this.whole(crc32(new Uint8Array(this.view.buffer, 0, this.length)));
    return new Uint8Array(this.view.buffer.slice(0, this.length));
  }
}

/** Bytes that are read in order; lengths that the bytes cannot have are refused before anything is allocated. */
export class Reader {
  private readonly view: DataView;
  private at = HEADER_BYTES;
  private readonly end: number;

  /** @throws RangeError, one line, for bytes that are not whole, undamaged and of this kind. */
  constructor(
    bytes: Uint8Array,
    private readonly kind: Kind,
    private readonly where: string,
  ) {
    const { noun, version } = kind;
    if (!isOf(kind, bytes)) this.fail(`the bytes must be those of a ${noun}`);
    if (bytes.length < HEADER_BYTES + CRC_BYTES)
      this.fail(`the ${noun} must be whole, got its beginning only`);
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const found = this.view.getUint32(MAGIC_LENGTH, true);
    if (found !== version) this.fail(`the ${noun} must be of version ${version}, got ${found}`);
    this.end = bytes.length - CRC_BYTES;
    if (crc32(bytes.subarray(0, this.end)) !== this.view.getUint32(this.end, true))
      this.fail(`the ${noun} must be undamaged and whole, its checksum does not fit`);
  }

  private fail(rule: string): never {
    throw new RangeError(`${this.where}: ${rule}`);
  }

  refuse(rule: string): never {
    return this.fail(`the ${this.kind.noun} is not valid: ${rule}`);
  }

  private take(bytes: number): number {
    if (!(bytes <= this.end - this.at)) this.refuse(`it must have ${bytes} bytes more than it has`);
    const at = this.at;
    this.at += bytes;
    return at;
  }

  whole(): number {
    return this.view.getUint32(this.take(4), true);
  }

  text(): string {
    const length = this.whole();
    const at = this.take(length);
    return new TextDecoder().decode(new Uint8Array(this.view.buffer, this.view.byteOffset + at, length));
  }

  doubles(count: number): Float64Array {
    const at = this.take(8 * count);
    return Float64Array.from({ length: count }, (_, i) => this.view.getFloat64(at + 8 * i, true));
  }

  finite(count: number): Float64Array {
    return this.checked(this.doubles(count));
  }

  singles(count: number): Float32Array {
    const at = this.take(4 * count);
    return this.checked(
      Float32Array.from({ length: count }, (_, i) => this.view.getFloat32(at + 4 * i, true)),
    );
  }

  private checked<T extends Floats>(values: T): T {
    if (!values.every(Number.isFinite)) this.refuse('its numbers must be finite');
    return values;
  }

  /** A value that must be a whole number of a range. */
  wholeIn(value: number, low: number, high: number): number {
    if (!(Number.isInteger(value) && value >= low && value <= high))
      this.refuse(`it has ${value} where a whole number from ${low} to ${high} must be`);
    return value;
  }

  /** Refuses bytes that are left. */
  close(): void {
    if (this.at !== this.end) this.fail(`the ${this.kind.noun} must end where its contents end`);
  }
}
