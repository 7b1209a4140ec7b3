/** The bytes of a sketch: little-endian, with a version in front and a CRC-32 behind. */
import { crc32 } from '../io/crc32.js';
import { GramSum } from '../kernels/gram-sum.js';
import type { Floats } from '../keys.js';
import type { GramFactor } from '../scores/gram-factor.js';
import type { IndexedRows } from './indexed-rows.js';
import type { Ranges } from './ranges.js';
import { Screen } from './screen.js';
import type { Summary } from './summary.js';

/** What a sketch is of: two sketches with the same description can be merged. */
export interface Description {
  readonly d: number;
  readonly epsilon: number;
  readonly f: string;
  readonly growth: number;
  readonly lowerGrowth: number;
  readonly centre: boolean;
}

/** What a sketch holds. */
export interface Contents {
  readonly ranges: Ranges;
  position: number;
  readonly levels: readonly Summary[];
}

const MAGIC = 'levSKTCH';
const VERSION = 2;
const HEADER_BYTES = MAGIC.length + 4;
const CRC_BYTES = 4;

/** Whether bytes begin as those of a sketch do. */
export function isSketch(bytes: Uint8Array): boolean {
  return String.fromCharCode(...bytes.subarray(0, MAGIC.length)) === MAGIC;
}

/** The bytes of a sketch, with a note. */
export function sketchBytes(
  description: Description,
  { ranges, position, levels }: Contents,
  note: string,
): Uint8Array {
  const writer = new Writer();
  for (const letter of MAGIC) writer.byte(letter.charCodeAt(0));
  writer.whole(VERSION);
  const { d, epsilon, f, growth, lowerGrowth, centre } = description;
  writer.text(f);
  writer.text(note);
  writer.doubles([d, epsilon, growth, lowerGrowth, Number(centre), position, ranges.list.length]);
  writer.doubles(ranges.list.flat());
  writer.doubles([levels.length]);
  for (const level of levels) writeLevel(writer, level);
  return writer.finish();
}

/**
 * Reads what `sketchBytes` wrote: description and note first, then, by `fill`, the contents into an empty sketch of that description.
 *
 * @throws RangeError, one line, for bytes that are not a whole, undamaged sketch of this version.
 */
export function readSketch(
  bytes: Uint8Array,
  where: string,
): { description: Description; note: string; fill: (contents: Contents) => void } {
  const refuse = (rule: string): never => {
    throw new RangeError(`${where}: ${rule}`);
  };
  if (!isSketch(bytes)) refuse('the bytes must be those of a sketch');
  if (bytes.length < HEADER_BYTES + CRC_BYTES) refuse('the sketch must be whole, got its beginning only');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint32(MAGIC.length, true);
  if (version !== VERSION) refuse(`the sketch must be of version ${VERSION}, got ${version}`);
  const end = bytes.length - CRC_BYTES;
  if (crc32(bytes.subarray(0, end)) !== view.getUint32(end, true))
    refuse('the sketch must be undamaged and whole, its checksum does not fit');
  const reader = new Reader(view, HEADER_BYTES, end, refuse);
  const f = reader.text();
  const note = reader.text();
  const [d, epsilon, growth, lowerGrowth, centre, position, rangeCount] = reader.doubles(7);
  return {
    description: { d, epsilon, f, growth, lowerGrowth, centre: centre === 1 },
    note,
    fill(contents) {
      contents.position = reader.wholeIn(position, 0, Number.MAX_SAFE_INTEGER);
      for (let i = 0; i < rangeCount; i++) {
        const [start, stop] = reader.doubles(2);
        reader.wholeIn(start, i === 0 ? 0 : contents.ranges.list[i - 1][1] + 1, Number.MAX_SAFE_INTEGER);
        contents.ranges.add(start, reader.wholeIn(stop, start + 1, Number.MAX_SAFE_INTEGER));
      }
      reader.wholeIn(reader.doubles(1)[0], contents.levels.length, contents.levels.length);
      for (const level of contents.levels) readLevel(reader, level, contents.ranges);
      if (!reader.atEnd()) refuse('the sketch must end where its contents end');
    },
  };
}

function writeLevel(writer: Writer, level: Summary): void {
  const { rows, sums, open, held, screen, pruneHeld, pruneRows } = level;
  writer.doubles([rows, pruneHeld, pruneRows, sums ? sums.levels.length : -1]);
  for (const sum of sums?.levels ?? []) {
    writer.doubles([sum ? 1 : 0]);
    if (sum) writer.doubles(sum);
  }
  writer.doubles([screen ? 1 : 0]);
  if (screen) {
    const { factor, absolute, relative, growth, zero } = screen.factor;
    writer.doubles([screen.threshold, absolute, relative, growth, zero.length]);
    writer.doubles(zero);
    writer.doubles(factor);
  }
  writeRows(writer, open);
  writeRows(writer, held);
}

function readLevel(reader: Reader, level: Summary, ranges: Ranges): void {
  const { width, d } = level.shape;
  const [rows, pruneHeld, pruneRows, depth] = reader.doubles(4);
  level.rows = reader.wholeIn(rows, 0, ranges.total);
  level.pruneHeld = reader.wholeIn(pruneHeld, 1, Number.MAX_SAFE_INTEGER);
  level.pruneRows = reader.wholeIn(pruneRows, 1, Number.MAX_SAFE_INTEGER);
  reader.wholeIn(depth, -1, 64);
  if (depth === -1) level.sums = undefined;
  else
    level.sums = new GramSum(
      width,
      Array.from({ length: depth }, () =>
        reader.wholeIn(reader.doubles(1)[0], 0, 1) === 1 ? reader.finite(width * width) : undefined,
      ),
    );
  if (reader.wholeIn(reader.doubles(1)[0], 0, 1) === 1) {
    const [threshold, absolute, relative, growth, zeros] = reader.finite(5);
    const zero = Array.from(reader.doubles(reader.wholeIn(zeros, 0, width)), (c) =>
      reader.wholeIn(c, 0, width - 1),
    );
    const factor: GramFactor = { factor: reader.finite(width * width), absolute, relative, growth, zero };
    level.screen = new Screen(factor, width, threshold);
  }
  readRows(reader, level.open, d, ranges);
  readRows(reader, level.held, d, ranges);
}

function writeRows(writer: Writer, { data, indices, count }: IndexedRows): void {
  const single = data instanceof Float32Array;
  writer.doubles([count, single ? 4 : 8]);
  writer.doubles(indices);
  if (single) writer.singles(data);
  else writer.doubles(data);
}

function readRows(reader: Reader, target: IndexedRows, d: number, ranges: Ranges): void {
  const [count, size] = reader.doubles(2);
  reader.wholeIn(count, 0, ranges.total);
  const indices = reader.doubles(count);
  for (const index of indices) {
    reader.wholeIn(index, 0, Number.MAX_SAFE_INTEGER);
    if (!ranges.overlap(index, index + 1))
      reader.refuse(`it must hold only rows of its ranges, got row ${index}`);
  }
  target.append(size === 4 ? reader.singles(count * d) : reader.finite(count * d), indices);
}

/** Bytes that grow. */
class Writer {
  private view = new DataView(new ArrayBuffer(1024));
  private length = 0;

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
class Reader {
  constructor(
    private readonly view: DataView,
    private at: number,
    private readonly end: number,
    private readonly fail: (rule: string) => never,
  ) {}

  refuse(rule: string): never {
    return this.fail(`the sketch is not valid: ${rule}`);
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

  atEnd(): boolean {
    return this.at === this.end;
  }
}
