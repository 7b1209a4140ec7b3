/**
 * One level of a sketch: the Gram of all rows inserted and the rows that may still be heavy (docs/algorithms.md, section 6).
 *
 * A score only falls as rows are added, so a row that is once below the threshold never comes back: it goes to the next level, if there is
 * one. Where the Gram does not certify scores, the rows that are held are judged by themselves: among fewer rows scores are higher.
 */

import { addSums, GramSum } from '../kernels/gram-sum.js';
import { BLOCK_ROWS } from '../kernels/kernels.js';
import type { Floats } from '../keys.js';
import { lowerScore, marginAt, upperScore } from '../scores/factor.js';
import { summationDepth } from '../scores/gram.js';
import { type GramFactor, gramFactor } from '../scores/gram-factor.js';
import { run, type Steps } from '../steps.js';
import { BlockGrams, checkFinite } from './block-grams.js';
import { IndexedRows, otherPositions, pick } from './indexed-rows.js';
import type { Candidate } from './result.js';
import { Screen } from './screen.js';
import type { Shape } from './shape.js';

/** The rows of a level that reach its threshold, and what is known of them. */
export interface Finished {
  readonly kept: readonly Candidate[];
  /** Their rows, same order, with their indices. */
  readonly rows: { readonly rows: Floats; readonly indices: Float64Array };
  /** The largest upper end. */
  readonly largest: number;
  readonly margin: number;
  /** Where the Gram certified the scores: its factor. */
  readonly factor?: GramFactor;
}

/** The Gram of a level and what it holds. */
export class Summary {
  /** Rows in the Gram; those of the open block are still to come. */
  rows = 0;
  /** Undefined where squares of the images left the range of float64. */
  sums: GramSum | undefined;
  readonly open: IndexedRows;
  readonly held: IndexedRows;
  screen: Screen | undefined;
  /** The next pruning: when this many rows are held, or this many rows are in the Gram. */
  pruneHeld: number;
  pruneRows: number;
  private readonly grams: BlockGrams;

  constructor(
    readonly shape: Shape,
    readonly threshold: number,
    readonly next?: Summary,
  ) {
    this.sums = new GramSum(shape.width);
    this.grams = new BlockGrams(shape);
    this.open = new IndexedRows(shape.d);
    this.held = new IndexedRows(shape.d);
    this.pruneHeld = this.pruneRows = this.capacity;
  }

  /** Twice what pruning leaves at most, by the sum of all scores; never more than there are positions. */
  private get capacity(): number {
    const most = Math.ceil((2 * this.shape.width) / this.threshold);
    return Math.max(BLOCK_ROWS, Math.min(most, Number.MAX_SAFE_INTEGER));
  }

  /** A level with the same contents, above `next`. */
  clone(next?: Summary): Summary {
    const copy = new Summary(this.shape, this.threshold, next);
    copy.rows = this.rows;
    // Their memory too is of its own: a tree writes over what it has added to others.
    if (this.sums && copy.sums) addSums(copy.sums, this.sums);
    else copy.sums = undefined;
    copy.open.append(this.open.data, this.open.indices);
    copy.held.append(this.held.data, this.held.indices);
    copy.screen = this.screen;
    copy.pruneHeld = this.pruneHeld;
    copy.pruneRows = this.pruneRows;
    return copy;
  }

  /** Inserts rows in the order given: blocks are cut from what comes, whatever the chunks. */
  insert(rows: Floats, indices: Float64Array): void {
    const { d } = this.shape;
    for (let at = 0; at < indices.length; ) {
      const end = Math.min(indices.length, at + BLOCK_ROWS - this.open.count);
      this.add(rows.subarray(at * d, end * d), indices.subarray(at, end));
      run(this.settle());
      at = end;
    }
  }

  /**
   * Inserts rows that fit into the open block; `settle` is to follow.
   *
   * @throws RangeError where a number is not finite; nothing is inserted then.
   */
  add(rows: Floats, indices: Float64Array): void {
    if (indices.length === BLOCK_ROWS) {
      this.insertBlock(rows, indices);
      return;
    }
    checkFinite(rows, indices, this.shape.d);
    this.open.append(rows, indices);
    if (this.open.count < BLOCK_ROWS) return;
    this.insertBlock(this.open.data, this.open.indices);
    this.open.clear();
  }

  /** Drops rows that are light by now, once enough came to look. Where it is left off before the end it is still due. */
  *settle(): Steps<void> {
    if (this.held.count >= this.pruneHeld || this.rows >= this.pruneRows) yield* this.prune();
  }

  /** Takes over what another level has, which is left as it was. */
  merge(other: Summary): void {
    if (this.sums && other.sums) addSums(this.sums, other.sums);
    else this.sums = undefined;
    this.rows += other.rows;
    // Any Gram of some of the rows gives bounds.
    this.screen ??= other.screen;
    this.held.append(other.held.data, other.held.indices);
    this.pruneHeld = Math.max(this.pruneHeld, other.pruneHeld);
    this.insert(other.open.data, other.open.indices);
    run(this.settle());
  }

  private insertBlock(rows: Floats, indices: Float64Array): void {
    const { d, width } = this.shape;
    const image = this.grams.imageOf(rows);
    const gram = this.sums && this.grams.gramOf(image, this.sums.room());
    // A Gram tells of every number that is not finite, by its diagonal.
    if (!gram) checkFinite(rows, indices, d);
    this.rows += indices.length;
    if (gram) this.sums?.add(gram);
    else {
      this.sums = undefined;
      this.screen = undefined;
    }
    // A column that was zero until now: nothing is known of rows along it.
    const blind = this.screen?.factor.zero.some((c) => gram !== undefined && gram[c * width + c] > 0);
    const passed = blind ? undefined : this.screen?.pass(image);
    if (passed === undefined) this.held.append(rows, indices);
    else {
      this.sendOthers(rows, indices, passed);
      const left = pick(rows, indices, d, passed);
      this.held.append(left.rows, left.indices);
    }
  }

  /** Leaves the rows at some positions, and sends the others to the next level. */
  private pass(rows: IndexedRows, passed: readonly number[]): void {
    this.sendOthers(rows.data, rows.indices, passed);
    rows.keep(passed);
  }

  /** Sends the rows that are not at some positions to the next level, if there is one. */
  private sendOthers(rows: Floats, indices: Float64Array, passed: readonly number[]): void {
    if (!this.next || passed.length === indices.length) return;
    const others = pick(rows, indices, this.shape.d, otherPositions(passed, indices.length));
    this.next.insert(others.rows, others.indices);
  }

  private *prune(): Steps<void> {
    this.pruneRows = this.rows;
    const factor = this.certified(this.sums);
    if (factor) {
      this.screen = new Screen(factor, this.shape.width, this.screened(factor));
      this.pass(this.held, this.screen.pass(this.shape.image(this.held.matrix())));
    }
    if (this.held.count > 0.75 * this.capacity) {
      const kept = yield* this.shape.judge(this.held.matrix(), this.threshold);
      this.pass(
        this.held,
        kept.map(({ index }) => index),
      );
    }
    this.pruneHeld = Math.max(this.capacity, 2 * this.held.count);
    this.pruneRows = Math.max(this.capacity, 4 * this.rows);
  }

  /**
   * Rows are dropped a few margins below the threshold: what rounding cannot decide at the end is then held in every mode, whenever
   * each of them pruned.
   */
  private screened(factor: GramFactor): number {
    return this.threshold * Math.max(0, 1 - 4 * marginAt(factor, this.threshold));
  }

  private certified(sums: GramSum | undefined): GramFactor | undefined {
    return sums && gramFactor(sums.total(), this.shape.width, summationDepth(this.rows), this.shape.noise);
  }

  /** The rows that reach the threshold among all that were inserted. Sends the others on, as the last act of this level. */
  *finish(): Steps<Finished> {
    const { held, open, shape, threshold } = this;
    const sums = this.sums && new GramSum(shape.width, [...this.sums.levels]);
    const gram =
      sums && open.count > 0 ? this.grams.gramOf(this.grams.imageOf(open.data), sums.room()) : undefined;
    if (gram) sums?.add(gram);
    this.rows += open.count;
    const lost = open.count > 0 && gram === undefined;
    held.append(open.data, open.indices);
    open.clear();
    const factor = lost ? undefined : this.certified(sums);
    const kept = factor ? this.above(factor) : yield* shape.judge(held.matrix(), threshold);
    const positions = kept.map(({ index }) => index);
    const rows = held.at(positions);
    this.pass(held, positions);
    return {
      kept: kept.map((candidate, i) => ({ ...candidate, index: rows.indices[i] })),
      rows,
      largest: kept.reduce((most, { upper }) => Math.max(most, upper), 0),
      margin: factor ? marginAt(factor, threshold) : 1,
      factor,
    };
  }

  /** The rows held, by position, whose certified score may reach the threshold. */
  private above(factor: GramFactor): Candidate[] {
    const { width } = this.shape;
    const found: Candidate[] = [];
    const scores = new Screen(factor, width, this.threshold).scores(this.shape.image(this.held.matrix()));
    scores.forEach((score, index) => {
      const upper = upperScore(factor, score);
      if (!(upper < this.threshold)) found.push({ index, lower: lowerScore(factor, score), upper });
    });
    return found;
  }
}
