/**
 * One mergeable summary for batch, stream, parts and checkpoints: the Gram of all keys and the few that may still be heavy
 * (docs/algorithms.md, section 6).
 */
import { BLOCK_ROWS } from '../kernels/kernels.js';
import { checkOptionsObject, type Floats, type Keys } from '../keys.js';
import { run, type Steps } from '../steps.js';
import { parseWeight } from '../weights/parse.js';
import type { WeightFunction } from '../weights/weight.js';
import { setOfLevels } from './finish.js';
import { consecutive } from './indexed-rows.js';
import { allRows, clonesOf, emptyLevels, type Levels } from './levels.js';
import { Ranges } from './ranges.js';
import type { UniversalSet } from './result.js';
import { Screen } from './screen.js';
import {
  type Found,
  foundIn,
  type HeavyRows,
  heavyByFactor,
  heavyByHeld,
  refuseOtherRows,
} from './second-pass.js';
import { type Description, readSketch, sketchBytes } from './sketch-bytes.js';
import {
  asDescribed,
  checkedOptions,
  checkOffset,
  matrixOf,
  refuseDifferent,
  refuseOverlap,
  SKETCH_OPTIONS,
  type SketchOptions,
} from './sketch-options.js';

/**
 * A summary of keys that come in parts, in any number and order, from which {@link UniversalSetSketch.finish} gives the universal set of
 * all of them. One pass, no randomness, no failure probability: no key is lost.
 *
 * f(x) = x^2: the minimal set, equal to that of `universalSet` up to keys within the rounding margin. f(x) = |x|^p, p even: a superset by the leverage
 * scores of symmetric tensors, D = C(d + p/2 - 1, p/2) columns, at most 4096. Other f: a superset by a cascade of such summaries, one for each
 * round of peeling (at most 1/epsilon of them).
 *
 * Memory: for each level the Gram in at most 44 sums of D^2 numbers (the binary digits of the number of blocks) and at most
 * 2 D/epsilon + 2048 rows, whatever n is. O(n D^2) time a level. Where keys are too ill-conditioned for a float64 Gram (some millions after column
 * scaling), or span fewer than d dimensions, the keys that are held are judged among themselves, in doubled precision if need be: the result is
 * then a superset, and says so, keys that may be light even among these are `undecided` (even p above 2: only where they are more than `sizeBound`, which is
 * then d^(p/2)/epsilon), and up to 4 d^max(1, p/2)/epsilon + 2048 rows are held. Keys that
 * not even doubled precision tells apart are decided by whole numbers of some 110 d bits, in seconds instead of milliseconds for d = 64: `insertSteps` and
 * `finishSteps` let others run meanwhile.
 *
 * Results do not depend on how rows are cut into parts of one stream; the same tree of merges gives the same bytes.
 *
 * @throws TypeError or RangeError, one line, for wrong options.
 *
 * @example
 * ```ts
 * import { UniversalSetSketch } from 'levattention';
 *
 * const first = new UniversalSetSketch({ d: 2, epsilon: 0.5 });
 * first.insert({ data: Float32Array.of(4, 0, 0, 1), shape: [2, 2] });
 * const second = new UniversalSetSketch({ d: 2, epsilon: 0.5 });
 * second.insert({ data: Float32Array.of(0, 1, 1, 1, 1, -1), shape: [3, 2] }, 2);
 * first.merge(UniversalSetSketch.fromBytes(second.toBytes()));
 * first.finish().indices; // => [0]
 * ```
 */
export class UniversalSetSketch {
  readonly d: number;
  readonly epsilon: number;
  readonly f: WeightFunction;
  readonly centre: boolean;
  private readonly levels: Levels;
  /** What came, and where the next rows go. */
  private readonly contents = { ranges: new Ranges(), position: 0 };
  /** The note in the bytes that the sketch was read from. */
  private readNote = '';
  /** What `filter` judges by, until rows are added. */
  private secondPass: Screen | readonly Found[] | undefined;

  constructor(options: SketchOptions) {
    const { d, epsilon, f, centre } = checkedOptions(options);
    this.d = d;
    this.epsilon = epsilon;
    this.f = f;
    this.centre = centre;
    this.levels = emptyLevels(d, epsilon, f, centre);
  }

  /** Rows inserted so far. */
  get rows(): number {
    return this.contents.ranges.total;
  }

  /** Which rows these are: ranges [start, end), ascending, neighbours joined. */
  get ranges(): readonly (readonly [start: number, end: number])[] {
    return this.contents.ranges.list.map(([start, end]) => [start, end]);
  }

  /** Copies of the rows that the sketch holds, in the order of their indices: those that may still be heavy, and the last ones. */
  get held(): {
    readonly indices: Float64Array;
    readonly keys: { readonly data: Floats; readonly shape: number[] };
  } {
    const { data, indices } = allRows(this.levels.list[0]).sorted();
    return { indices, keys: { data, shape: [indices.length, this.d] } };
  }

  /**
   * Inserts keys [n, d] as rows offset .. offset + n - 1 of the stream; right after the last ones unless given. O(n D^2) a level.
   *
   * @throws TypeError or RangeError, one line: for another number of columns, rows that were inserted already or offsets beyond 2^53, and
   * nothing is inserted then; for a number that is not finite, and then `rows` tells how many rows before it are in.
   */
  insert(keys: Keys, offset: number = this.contents.position): void {
    run(this.insertSteps(keys, offset));
  }

  /**
   * {@link UniversalSetSketch.insert} as a generator that yields its progress, for `runAsync`. The sketch is to be left alone until it ends; where it is left
   * off, `rows` tells how many rows are in; the next insertion first does what was left to do, and the sketch is then as if nothing had been.
   */
  *insertSteps(keys: Keys, offset: number = this.contents.position): Steps<void> {
    const matrix = matrixOf(keys, this.d, 'insert');
    const { n } = matrix;
    const { ranges } = this.contents;
    checkOffset(offset, n, 'insert');
    refuseOverlap(ranges, offset, offset + n, 'insert');
    this.secondPass = undefined;
    const [level] = this.levels.list;
    // What an insertion that was left off had still to do.
    yield* level.settle();
    for (let start = 0; start < n; ) {
      const end = Math.min(n, start + BLOCK_ROWS - level.open.count);
      level.add(matrix.rows(start, end), consecutive(offset + start, end - start));
      ranges.add(offset + start, offset + end);
      this.contents.position = offset + end;
      yield* level.settle();
      yield { phase: 'rows', done: end, total: n };
      start = end;
    }
  }

  /**
   * Takes over all rows of another sketch, which is left as it was.
   *
   * @throws TypeError or RangeError, one line, for another d, f, epsilon or centre, or rows that both have; nothing is taken over then.
   */
  merge(other: UniversalSetSketch): void {
    if (!(other instanceof UniversalSetSketch))
      throw new TypeError(`merge: needs a UniversalSetSketch, got ${String(other)}`);
    refuseDifferent(this.description, other.description, 'merge');
    const { ranges } = this.contents;
    for (const [start, end] of other.contents.ranges.list) refuseOverlap(ranges, start, end, 'merge');
    this.secondPass = undefined;
    this.levels.list.forEach((level, r) => {
      level.merge(other.levels.list[r]);
    });
    for (const [start, end] of other.contents.ranges.list) ranges.add(start, end);
    this.contents.position = Math.max(this.contents.position, other.contents.position);
  }

  /**
   * The universal set of all rows inserted; more can be inserted afterwards.
   *
   * `rank` is that of `universalSet` while all rows are held: the numerical rank, which leaves out directions that are rounding of the keys. Later it is
   * exact where the Gram certifies the scores, and otherwise the most that it can be, the number of rows or columns.
   *
   * @throws RangeError where no row was inserted.
   */
  finish(): UniversalSet {
    return run(this.finishSteps());
  }

  /** {@link UniversalSetSketch.finish} as a generator that yields its progress, for `runAsync`. */
  *finishSteps(): Steps<UniversalSet> {
    if (this.rows === 0) throw new RangeError('finish: the sketch must have rows, got none');
    return yield* setOfLevels(this, this.levels, this.rows);
  }

  /**
   * The keys of a second pass over rows of this sketch that can reach epsilon, f(x) = x^2, with their scores against all rows. O(n d^2).
   * Where the Gram does not certify scores (low rank, ill-conditioned keys) these are the rows of `finish` with its upper bounds, as the sketch holds every
   * row that may be heavy; they are `undecided` unless that set is minimal.
   *
   * @throws TypeError or RangeError, one line: for another f or number of columns, or rows that are certainly not of this sketch: where it holds
   * other ones, or whose score would be above 1.
   */
  filter(keys: Keys, offset = 0): HeavyRows {
    return run(this.filterSteps(keys, offset));
  }

  /** {@link UniversalSetSketch.filter} as a generator that yields its progress, for `runAsync`. */
  *filterSteps(keys: Keys, offset = 0): Steps<HeavyRows> {
    const matrix = matrixOf(keys, this.d, 'filter');
    if (this.f.power !== 2)
      throw new RangeError(`filter: the sketch must be for f = power:2, got ${this.f.name}`);
    checkOffset(offset, matrix.n, 'filter');
    if (!this.contents.ranges.covers(offset, offset + matrix.n))
      throw new RangeError(
        `filter: the keys must be rows of the sketch, and rows ${offset} to ${offset + matrix.n - 1} are not all in it`,
      );
    const [level] = this.levels.list;
    refuseOtherRows(allRows(level), matrix, offset);
    this.secondPass ??= (yield* this.screenOfAll()) ?? foundIn(yield* this.finishSteps());
    return this.secondPass instanceof Screen
      ? heavyByFactor(this.secondPass, level.shape, matrix, offset)
      : heavyByHeld(this.secondPass, matrix, offset);
  }

  private *screenOfAll(): Steps<Screen | undefined> {
    const [level] = clonesOf(this.levels);
    const { factor } = yield* level.finish();
    return factor && new Screen(factor, level.shape.width, this.epsilon);
  }

  /** The note that `toBytes` was given, where the sketch is from bytes; empty otherwise. */
  get note(): string {
    return this.readNote;
  }

  /**
   * The sketch as bytes, little-endian, with version and checksum; `fromBytes` gives one that goes on bit for bit. A note has no part in results: it tells
   * the reader of a checkpoint, say, which rows these are.
   */
  toBytes(note = ''): Uint8Array {
    if (typeof note !== 'string')
      throw new TypeError(`toBytes: the note must be a string, got ${String(note)}`);
    return sketchBytes(this.description, { ...this.contents, levels: this.levels.list }, note);
  }

  /**
   * The sketch of bytes. What is expected of it can be said; a weight function of one's own has to be.
   *
   * @throws TypeError or RangeError, one line: for bytes that are damaged, cut off, of another version, or not as expected.
   */
  static fromBytes(bytes: Uint8Array, expected: Partial<SketchOptions> = {}): UniversalSetSketch {
    if (!(bytes instanceof Uint8Array))
      throw new TypeError(`fromBytes: needs a Uint8Array, got ${String(bytes)}`);
    checkOptionsObject(expected, 'fromBytes', '{ epsilon: 0.05 }', SKETCH_OPTIONS);
    const { description, note, fill } = readSketch(bytes, 'fromBytes');
    const { d, epsilon, centre } = description;
    const sketch = new UniversalSetSketch({
      d,
      epsilon,
      centre,
      f: expected.f ?? parseWeight(description.f),
    });
    refuseDifferent({ ...sketch.description, ...asDescribed(expected) }, description, 'fromBytes');
    const contents = { ...sketch.contents, levels: sketch.levels.list };
    fill(contents);
    sketch.contents.position = contents.position;
    sketch.readNote = note;
    return sketch;
  }

  private get description(): Description {
    const { d, epsilon, f, centre } = this;
    return { d, epsilon, f: f.name, growth: f.growth, lowerGrowth: f.lowerGrowth ?? 0, centre };
  }
}
