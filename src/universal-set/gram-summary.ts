/**
 * The Gram of some of the rows and nothing else: what the first of two passes over them leaves, 4 d^2 bytes whatever their number
 * (docs/algorithms.md, section 6).
 */
import { GramSum } from '../kernels/gram-sum.js';
import { BLOCK_ROWS } from '../kernels/kernels.js';
import type { Keys } from '../keys.js';
import { summationDepth } from '../scores/gram.js';
import { type GramFactor, gramFactor } from '../scores/gram-factor.js';
import { BlockGrams, checkFinite } from './block-grams.js';
import { consecutive, IndexedRows } from './indexed-rows.js';
import { Ranges } from './ranges.js';
import { isOf, type Kind, Reader, Writer } from './sealed-bytes.js';
import { type Shape, shapeOf } from './shape.js';
import { readRanges } from './sketch-bytes.js';
import { checkOffset, matrixOf, refuseOverlap } from './sketch-options.js';

const GRAM: Kind = { magic: 'levGRAM2', version: 1, noun: 'Gram' };

/** The most columns, as of a sketch. */
const MOST_COLUMNS = 4096;
/** More additions than any tree has. */
const MOST_DEPTH = 2 ** 32;

/** What a Gram is of. */
interface Rows {
  readonly shape: Shape;
  readonly centre: boolean;
  readonly ranges: Ranges;
}

/** Whether bytes begin as those of a Gram do. */
export function isGram(bytes: Uint8Array): boolean {
  return isOf(GRAM, bytes);
}

/** The Gram of the rows of some ranges, which other such Grams can be added to. The same tree of additions gives the same bytes. */
export class GramSummary {
  /**
   * @param sum - [width, width]; undefined where squares left the range of float64
   * @param depth - additions that an entry of it has been through at most
   */
  constructor(
    private readonly of: Rows,
    private sum: Float64Array | undefined,
    private additions: number,
  ) {}

  /** Columns of the rows. */
  get d(): number {
    return this.of.shape.d;
  }

  /** Whether an intercept column is counted beside them. */
  get centre(): boolean {
    return this.of.centre;
  }

  get shape(): Shape {
    return this.of.shape;
  }

  get rows(): number {
    return this.of.ranges.total;
  }

  /** Which rows these are. */
  get ranges(): Ranges {
    return this.of.ranges;
  }

  get gram(): Float64Array | undefined {
    return this.sum;
  }

  get depth(): number {
    return this.additions;
  }

  /**
   * Adds the Gram of other rows.
   *
   * @throws RangeError, one line, for other columns, another `centre`, or rows that both have; nothing is added then.
   */
  merge(other: GramSummary): void {
    for (const name of ['d', 'centre'] as const)
      if (this[name] !== other[name])
        throw new RangeError(`merge: both must have the same ${name}, got ${this[name]} and ${other[name]}`);
    for (const [start, end] of other.ranges.list) refuseOverlap(this.ranges, start, end, 'merge');
    const { sum } = this;
    if (sum && other.sum) for (let i = 0; i < sum.length; i++) sum[i] += other.sum[i];
    else this.sum = undefined;
    this.additions = Math.max(this.additions, other.additions) + 1;
    for (const [start, end] of other.ranges.list) this.ranges.add(start, end);
  }

  /** W with tau_j = |W x_j|^2 for rows x_j of it, and what is proved of that; undefined where the Gram does not say: of low rank, or too ill-conditioned. */
  factor(): GramFactor | undefined {
    const { width, noise } = this.shape;
    return this.sum && gramFactor(this.sum, width, this.depth, noise);
  }

  /** The Gram as bytes, little-endian, with version and checksum; `fromBytes` gives the same again. */
  toBytes(): Uint8Array {
    const { ranges, sum, shape } = this;
    const writer = new Writer(GRAM);
    writer.doubles([this.d, Number(this.centre), this.depth, ranges.list.length]);
    writer.doubles(ranges.list.flat());
    writer.doubles([sum ? 1 : 0]);
    for (let i = 0; sum && i < shape.width; i++)
      writer.doubles(sum.subarray(i * shape.width, i * shape.width + i + 1));
    return writer.finish();
  }

  /** @throws RangeError, one line, for bytes that are damaged, cut off or of another version. */
  static fromBytes(bytes: Uint8Array): GramSummary {
    const reader = new Reader(bytes, GRAM, 'fromBytes');
    const [d, centre, depth, count] = reader.doubles(4);
    reader.wholeIn(centre, 0, 1);
    reader.wholeIn(depth, 1, MOST_DEPTH);
    const ranges = new Ranges();
    const shape = shapeOf(reader.wholeIn(d, 1, MOST_COLUMNS - centre), centre === 1, 1);
    readRanges(reader, count, ranges);
    const known = reader.wholeIn(reader.doubles(1)[0], 0, 1) === 1;
    const sum = known ? readTriangle(reader, shape.width) : undefined;
    reader.close();
    return new GramSummary({ shape, centre: centre === 1, ranges }, sum, depth);
  }
}

/** A symmetric matrix of its lower triangle, row by row. */
function readTriangle(reader: Reader, width: number): Float64Array {
  const matrix = new Float64Array(width * width);
  for (let i = 0; i < width; i++)
    reader.finite(i + 1).forEach((entry, j) => {
      matrix[i * width + j] = matrix[j * width + i] = entry;
    });
  return matrix;
}

/** Rows in, piece by piece, and at the end their Gram. Blocks are cut from what comes, so that the pieces do not matter. */
export class GramPass {
  private readonly shape: Shape;
  private readonly ranges = new Ranges();
  private readonly blocks: BlockGrams;
  private readonly open: IndexedRows;
  private sums: GramSum | undefined;

  constructor(
    d: number,
    private readonly centre: boolean,
  ) {
    if (d + Number(centre) > MOST_COLUMNS)
      throw new RangeError(`GramPass: at most ${MOST_COLUMNS} columns are taken, got ${d + Number(centre)}`);
    this.shape = shapeOf(d, centre, 1);
    this.blocks = new BlockGrams(this.shape);
    this.open = new IndexedRows(d);
    this.sums = new GramSum(this.shape.width);
  }

  /**
   * Takes keys [n, d] as rows offset .. offset + n - 1. O(n d^2).
   *
   * @throws TypeError or RangeError, one line: for another number of columns, rows that came already, or a number that is not finite.
   */
  insert(keys: Keys, offset: number): void {
    const matrix = matrixOf(keys, this.shape.d, 'insert');
    const { n } = matrix;
    checkOffset(offset, n, 'insert');
    refuseOverlap(this.ranges, offset, offset + n, 'insert');
    for (let start = 0; start < n; ) {
      const end = Math.min(n, start + BLOCK_ROWS - this.open.count);
      this.open.append(matrix.rows(start, end), consecutive(offset + start, end - start));
      if (this.open.count === BLOCK_ROWS) this.close();
      start = end;
    }
    if (n > 0) this.ranges.add(offset, offset + n);
  }

  /** The Gram of all rows that came. */
  finish(): GramSummary {
    if (this.open.count > 0) this.close();
    const { shape, ranges } = this;
    const sum = this.sums?.total();
    return new GramSummary({ shape, centre: this.centre, ranges }, sum, summationDepth(ranges.total));
  }

  /** Adds the Gram of the block. */
  private close(): void {
    const { data, indices, d } = this.open;
    const gram = this.sums && this.blocks.gramOf(this.blocks.imageOf(data), this.sums.room());
    // A Gram tells of every number that is not finite, by its diagonal.
    if (!gram) checkFinite(data, indices, d);
    if (gram) this.sums?.add(gram);
    else this.sums = undefined;
    this.open.clear();
  }
}
