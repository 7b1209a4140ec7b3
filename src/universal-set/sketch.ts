/**
 * One mergeable summary for batch, stream, parts and checkpoints: the Gram of all keys and the few that may still be heavy
 * (docs/algorithms.md, section 6).
 */
import { BLOCK_ROWS } from '../kernels/kernels.js';
import {
  checkEpsilon,
  checkOptionsObject,
  type Floats,
  headsOf,
  type KeyMatrix,
  type Keys,
} from '../keys.js';
import type { GramFactor } from '../scores/gram-factor.js';
import { parseWeight } from '../weights/parse.js';
import { power } from '../weights/power.js';
import { checkWeight, type WeightFunction } from '../weights/weight.js';
import { IndexedRows } from './indexed-rows.js';
import { type PeelingPlan, peelingPlan } from './peeling.js';
import { Ranges } from './ranges.js';
import { type Candidate, type UniversalSet, universalSetOf } from './result.js';
import { Screen } from './screen.js';
import { type Found, type HeavyRows, heavyByFactor, heavyByHeld, refuseOtherRows } from './second-pass.js';
import { shapeOf } from './shape.js';
import { type Description, readSketch, sketchBytes } from './sketch-bytes.js';
import { type Finished, Summary } from './summary.js';
import { tensorDimension } from './tensor-power.js';
import { universalSet } from './universal-set.js';

/** What a sketch is for. */
export interface SketchOptions {
  /** Columns of the keys. */
  readonly d: number;
  /** Keep every key that can reach this score, in (0, 1]. */
  readonly epsilon: number;
  /** Weight function; power(2) unless given. */
  readonly f?: WeightFunction;
  /** Queries with an offset, f(<q,k> + b): adds the intercept column. */
  readonly centre?: boolean;
}

const OPTIONS = ['d', 'epsilon', 'f', 'centre'] as const;

/** The largest dimension of symmetric tensors that a sketch takes. */
const MOST_COLUMNS = 4096;
/** The most rounds of peeling. */
const MOST_LEVELS = 4096;
/** Thresholds of peeling are lowered by rounding. */
const SLACK = 1e-11;

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
 * then a superset, and says so, keys that may be light even among these are `undecided`, and up to 4 d^max(1, p/2)/epsilon + 2048 rows are held. Keys that
 * not even doubled precision tells apart are decided by whole numbers of some 110 d bits, in seconds instead of milliseconds for d = 64.
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
  private readonly columns: number;
  private readonly order: number;
  private readonly plan: PeelingPlan | undefined;
  private readonly levels: readonly Summary[];
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
    this.columns = d + Number(centre);
    const degree = 2 * Math.max(1, Math.ceil(f.growth / 2));
    this.order = degree / 2;
    // |x|^p with even p is bounded by its tensors; every other f is peeled.
    this.plan = f.power === degree ? undefined : peelingPlan(epsilon, { ...f, growth: degree });
    const { rounds, threshold } = this.plan ?? { rounds: 1, threshold: () => epsilon };
    const width = tensorDimension(this.columns, this.order);
    if (width > MOST_COLUMNS)
      throw new RangeError(
        `UniversalSetSketch: at most ${MOST_COLUMNS} columns are taken, got ${width}${this.order > 1 ? `, those of the tensors of ${f.name}` : ''}`,
      );
    if (rounds > MOST_LEVELS)
      throw new RangeError(
        `UniversalSetSketch: epsilon must be at least 1/${MOST_LEVELS} for f = ${f.name}, got ${epsilon}`,
      );
    const shape = shapeOf(d, centre, this.order);
    this.levels = chain(rounds, (round, next) => new Summary(shape, threshold(round), next));
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
    const { data, indices } = allRows(this.levels[0]).sorted();
    return { indices, keys: { data, shape: [indices.length, this.d] } };
  }

  /**
   * Inserts keys [n, d] as rows offset .. offset + n - 1 of the stream; right after the last ones unless given. O(n D^2) a level.
   *
   * @throws TypeError or RangeError, one line: for another number of columns, rows that were inserted already or offsets beyond 2^53, and
   * nothing is inserted then; for a number that is not finite, and then `rows` tells how many rows before it are in.
   */
  insert(keys: Keys, offset: number = this.contents.position): void {
    const matrix = this.matrixOf(keys, 'insert');
    const { ranges } = this.contents;
    checkOffset(offset, matrix.n, 'insert');
    refuseOverlap(ranges, offset, offset + matrix.n, 'insert');
    this.secondPass = undefined;
    const insert = (rows: Floats, start: number, end: number) => {
      this.levels[0].insert(rows, consecutive(offset + start, end - start));
      ranges.add(offset + start, offset + end);
      this.contents.position = offset + end;
    };
    eachPiece(matrix, insert, BLOCK_ROWS - this.levels[0].open.count);
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
    this.levels.forEach((level, r) => {
      level.merge(other.levels[r]);
    });
    for (const [start, end] of other.contents.ranges.list) ranges.add(start, end);
    this.contents.position = Math.max(this.contents.position, other.contents.position);
  }

  /**
   * The universal set of all rows inserted; more can be inserted afterwards. `rank` is exact where the Gram certifies the scores, and otherwise the
   * most that it can be.
   *
   * @throws RangeError where no row was inserted.
   */
  finish(): UniversalSet {
    const { rows, d, f, epsilon, plan } = this;
    if (rows === 0) throw new RangeError('finish: the sketch must have rows, got none');
    const levels = chain(this.levels.length, (round, next) => this.levels[round].clone(next));
    if (levels[0].held.count + levels[0].open.count === rows) return this.batchSet(levels[0]);
    const rounds: Finished[] = [];
    for (const level of levels) {
      rounds.push(level.finish());
      if (rounds.at(-1)?.kept.length === 0) break;
    }
    const [{ kept, factor, margin }] = rounds;
    const rank = Math.min(rows, this.rankOf(factor));
    const dimension = tensorDimension(rank, this.order);
    if (plan)
      return universalSetOf(rows, d, f.name, {
        rank,
        epsilon,
        kept: this.narrowed(rounds),
        guarantee: 'superset',
        scoreKind: 'upper',
        margin: rounds.reduce((most, round) => Math.max(most, round.margin), 0),
        sizeBound: dimension * plan.size * (1 + SLACK),
      });
    const exact = this.order === 1 && factor !== undefined;
    return universalSetOf(rows, d, f.name, {
      rank,
      epsilon,
      kept,
      guarantee: exact ? 'minimal' : 'superset',
      scoreKind: exact ? 'exact' : 'upper',
      margin,
      total: exact ? rank : undefined,
      sizeBound: dimension / epsilon,
    });
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
    const matrix = this.matrixOf(keys, 'filter');
    if (this.f.power !== 2)
      throw new RangeError(`filter: the sketch must be for f = power:2, got ${this.f.name}`);
    checkOffset(offset, matrix.n, 'filter');
    if (!this.contents.ranges.covers(offset, offset + matrix.n))
      throw new RangeError(
        `filter: the keys must be rows of the sketch, and rows ${offset} to ${offset + matrix.n - 1} are not all in it`,
      );
    refuseOtherRows(allRows(this.levels[0]), matrix, offset);
    this.secondPass ??= this.screenOfAll() ?? this.setOfHeld();
    return this.secondPass instanceof Screen
      ? heavyByFactor(this.secondPass, this.levels[0].shape, matrix, offset)
      : heavyByHeld(this.secondPass, matrix, offset);
  }

  private screenOfAll(): Screen | undefined {
    if (this.rows === 0) throw new RangeError('filter: the sketch must have rows, got none');
    const [level] = this.levels;
    const { factor } = level.clone().finish();
    return factor && new Screen(factor, level.shape.width, this.epsilon);
  }

  private setOfHeld(): Found[] {
    const { indices, scores, undecided, guarantee } = this.finish();
    const open = new Set(guarantee === 'minimal' ? undecided : indices);
    return indices.map((index, i) => ({ index, score: scores[i], undecided: open.has(index) }));
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
    return sketchBytes(this.description, { ...this.contents, levels: this.levels }, note);
  }

  /**
   * The sketch of bytes. What is expected of it can be said; a weight function of one's own has to be.
   *
   * @throws TypeError or RangeError, one line: for bytes that are damaged, cut off, of another version, or not as expected.
   */
  static fromBytes(bytes: Uint8Array, expected: Partial<SketchOptions> = {}): UniversalSetSketch {
    if (!(bytes instanceof Uint8Array))
      throw new TypeError(`fromBytes: needs a Uint8Array, got ${String(bytes)}`);
    checkOptionsObject(expected, 'fromBytes', '{ epsilon: 0.05 }', OPTIONS);
    const { description, note, fill } = readSketch(bytes, 'fromBytes');
    const { d, epsilon, centre } = description;
    const sketch = new UniversalSetSketch({
      d,
      epsilon,
      centre,
      f: expected.f ?? parseWeight(description.f),
    });
    refuseDifferent({ ...sketch.description, ...asDescribed(expected) }, description, 'fromBytes');
    const contents = { ...sketch.contents, levels: sketch.levels };
    fill(contents);
    sketch.contents.position = contents.position;
    sketch.readNote = note;
    return sketch;
  }

  private get description(): Description {
    const { d, epsilon, f, centre } = this;
    return { d, epsilon, f: f.name, growth: f.growth, lowerGrowth: f.lowerGrowth ?? 0, centre };
  }

  private matrixOf(keys: Keys, caller: string): KeyMatrix {
    const { flat, d, list } = headsOf(keys, `${caller}: keys`);
    if (!flat) throw new RangeError(`${caller}: keys must be [n, d], got [batch, heads, n, d]`);
    if (d !== this.d) throw new RangeError(`${caller}: keys must have ${this.d} columns, got ${d}`);
    return list[0].matrix;
  }

  /** While every row is held, the set is that of `universalSet`. */
  private batchSet(level: Summary): UniversalSet {
    const { data, indices } = allRows(level).sorted();
    const { epsilon, f, centre } = this;
    const set = universalSet(
      { data, shape: [indices.length, this.d] },
      { epsilon, f, centre, exact: f.power === 2 },
    );
    const place = (i: number) => indices[i];
    return { ...set, indices: set.indices.map(place), undecided: set.undecided.map(place) };
  }

  /** Rank of the keys: that of their tensors is C(rank + order - 1, order). */
  private rankOf(factor: GramFactor | undefined): number {
    let rank = this.columns;
    if (factor)
      while (tensorDimension(rank, this.order) > this.levels[0].shape.width - factor.zero.length) rank--;
    return rank;
  }

  /** What the rounds took, less what is not even heavy among these few. */
  private narrowed(rounds: readonly Finished[]): Candidate[] {
    const { d, f, epsilon, centre } = this;
    const candidates: Candidate[] = [];
    const all = new IndexedRows(d);
    let bound = 1;
    rounds.forEach(({ kept, rows, largest }, round) => {
      // A heavy row that stands in a round has f-sensitivity at most 1/(1/s + round), s the largest score there.
      bound = Math.min(bound, 1 / (1 / largest + round));
      for (const { index } of kept) candidates.push({ index, upper: Math.max(epsilon, bound) });
      all.append(rows.rows, rows.indices);
    });
    if (candidates.length === 0) return candidates;
    const among = universalSet({ data: all.data, shape: [all.count, d] }, { epsilon, f, centre });
    return among.indices.map((i, t) => ({
      index: candidates[i].index,
      upper: Math.min(candidates[i].upper, among.scores[t]),
    }));
  }
}

function checkedOptions(options: SketchOptions): Required<SketchOptions> {
  const caller = 'UniversalSetSketch';
  checkOptionsObject(options, caller, '{ d: 64, epsilon: 0.05 }', OPTIONS);
  const { d, epsilon, f = power(2), centre = false } = options;
  if (!(Number.isSafeInteger(d) && d > 0))
    throw new RangeError(`${caller}: d must be a positive whole number, got ${d}`);
  checkEpsilon(epsilon, caller);
  checkWeight(f, caller);
  return { d, epsilon, f, centre };
}

/** The levels of a cascade: what one drops goes to the next. */
function chain(count: number, make: (round: number, next?: Summary) => Summary): Summary[] {
  const levels: Summary[] = [];
  for (let round = count - 1; round >= 0; round--) levels.unshift(make(round, levels[0]));
  return levels;
}

/** The rows that a level holds, and those of its open block. */
function allRows({ held, open, shape }: Summary): IndexedRows {
  const all = new IndexedRows(shape.d);
  all.append(held.data, held.indices);
  all.append(open.data, open.indices);
  return all;
}

/** Visits the rows of a matrix in pieces of a block, the first one of `first` rows: what fills an open block. */
function eachPiece(
  matrix: KeyMatrix,
  visit: (rows: Floats, start: number, end: number) => void,
  first = BLOCK_ROWS,
): void {
  for (let start = 0, next = first; start < matrix.n; start = next, next += BLOCK_ROWS) {
    const end = Math.min(matrix.n, next);
    visit(matrix.rows(start, end), start, end);
  }
}

/** start, start + 1, ...: a loop, as `from` with a callback takes as long as the scores. */
function consecutive(start: number, count: number): Float64Array {
  const indices = new Float64Array(count);
  for (let i = 0; i < count; i++) indices[i] = start + i;
  return indices;
}

function checkOffset(offset: number, n: number, caller: string): void {
  if (!(Number.isSafeInteger(offset) && offset >= 0 && Number.isSafeInteger(offset + n)))
    throw new RangeError(
      `${caller}: offset must be a whole number with offset + n below 2^53, got ${String(offset)}`,
    );
}

function refuseOverlap(ranges: Ranges, start: number, end: number, caller: string): void {
  const found = ranges.overlap(start, end);
  if (found)
    throw new RangeError(
      `${caller}: each row may come once, and rows ${found[0]} to ${found[1] - 1} are in the sketch already`,
    );
}

function asDescribed({ d, epsilon, centre }: Partial<SketchOptions>): Partial<Description> {
  return Object.fromEntries(
    Object.entries({ d, epsilon, centre }).filter(([, value]) => value !== undefined),
  );
}

function refuseDifferent(own: Description, other: Description, caller: string): void {
  for (const name of ['d', 'f', 'epsilon', 'centre', 'growth', 'lowerGrowth'] as const)
    if (own[name] !== other[name])
      throw new RangeError(`${caller}: both must have the same ${name}, got ${own[name]} and ${other[name]}`);
}
