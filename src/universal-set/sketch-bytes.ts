/** The bytes of a sketch: little-endian, with a version in front and a CRC-32 behind. */
import { GramSum } from '../kernels/gram-sum.js';
import type { GramFactor } from '../scores/gram-factor.js';
import type { IndexedRows } from './indexed-rows.js';
import type { Ranges } from './ranges.js';
import { Screen } from './screen.js';
import { isOf, type Kind, Reader, Writer } from './sealed-bytes.js';
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

const SKETCH: Kind = { magic: 'levSKTCH', version: 2, noun: 'sketch' };

/** Whether bytes begin as those of a sketch do. */
export function isSketch(bytes: Uint8Array): boolean {
  return isOf(SKETCH, bytes);
}

/** The bytes of a sketch, with a note. */
export function sketchBytes(
  description: Description,
  { ranges, position, levels }: Contents,
  note: string,
): Uint8Array {
  const writer = new Writer(SKETCH);
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
  const reader = new Reader(bytes, SKETCH, where);
  const f = reader.text();
  const note = reader.text();
  const [d, epsilon, growth, lowerGrowth, centre, position, rangeCount] = reader.doubles(7);
  return {
    description: { d, epsilon, f, growth, lowerGrowth, centre: centre === 1 },
    note,
    fill(contents) {
      contents.position = reader.wholeIn(position, 0, Number.MAX_SAFE_INTEGER);
      readRanges(reader, rangeCount, contents.ranges);
      reader.wholeIn(reader.doubles(1)[0], contents.levels.length, contents.levels.length);
      for (const level of contents.levels) readLevel(reader, level, contents.ranges);
      reader.close();
    },
  };
}

/** Reads `count` ranges of rows, ascending and apart, into a list that is empty. */
export function readRanges(reader: Reader, count: number, ranges: Ranges): void {
  for (let i = 0; i < count; i++) {
    const [start, stop] = reader.doubles(2);
    reader.wholeIn(start, i === 0 ? 0 : ranges.list[i - 1][1] + 1, Number.MAX_SAFE_INTEGER);
    ranges.add(start, reader.wholeIn(stop, start + 1, Number.MAX_SAFE_INTEGER));
  }
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
