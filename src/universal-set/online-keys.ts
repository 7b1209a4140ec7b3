/** Which keys can still be heavy, as keys arrive one by one: the object behind lifetimes and caches (docs/algorithms.md, section 6). */
import { FLUSH_ROWS } from '../kernels/kernels.js';
import { checkEpsilon, checkOptionsObject, matrixOver } from '../keys.js';
import { GrowingGram } from '../scores/growing-gram.js';
import { independent } from '../scores/independent.js';
import { RankOneScores } from '../scores/rank-one.js';
import { run } from '../steps.js';
import { KeptRows, RowList } from './kept-rows.js';
import { quadraticSet } from './quadratic.js';
import { thinned } from './thinned.js';

/** Options of {@link OnlineKeys}. */
export interface OnlineKeysOptions {
  /** Numbers of a key. */
  readonly d: number;
  /** The threshold of the attention score, in (0, 1]. */
  readonly epsilon: number;
}

/** What a new key changes. */
export interface KeyArrival {
  /** Position of the new key: 0, 1, 2, ... */
  readonly index: number;
  /** Whether it can be heavy now; a key that cannot never will. Where arithmetic leaves it open, true. */
  readonly kept: boolean;
  /** Keys that were kept and certainly cannot be heavy from here on, ascending. */
  readonly expired: readonly number[];
  /** Those of `expired` that may have been light before already: within rounding, or kept for want of a decision. */
  readonly late: readonly number[];
}

/** How much of `rows d^2` a key may go into decisions where no factor is certified: these take some ten times as many multiply-adds. */
const EFFORT = 2 ** 13;

/**
 * Keys of a causal sequence, one by one: after each, the keys j <= t that can be heavy for a query that sees keys 0..t, that is
 * tau_j(K_0..t) >= epsilon for f(x) = x^2. Scores of a growing prefix only fall, so a key that expired never returns.
 *
 * A cache that may drop keys drops `expired`: it then holds `alive`, at most rank/epsilon keys, and no score >= epsilon of any query is ever
 * missed. A cache that decides once, keep or skip, takes the keys with `kept` and ignores `expired`: it holds every key that was heavy at
 * any time, by its online leverage score tau_t(K_0..t) >= epsilon, and at most r (1 + ln(|K|^2/rho^2)) / epsilon of them, r the rank, |K| the
 * spectral norm, rho the smallest distance of a key that raises the rank to the span of those before it. All keys count in the scores,
 * kept or not, and nothing is regularised. On top of both bounds come the keys that are `undecided`.
 *
 * O(d^2 + alive d) a key; memory O(d^2 log n + d^2/epsilon). While the keys so far are dependent or too ill-conditioned for a certified
 * float64 factor, keys are kept, and a key that is not is found out later: every m d^2/8192 keys, and whenever more than
 * 2 d/epsilon + 64 are held, the m that are held say which of them are certainly light. These are all keys so far while they fit,
 * and the kept ones alone beyond, whose scores among themselves are upper bounds.
 *
 * @throws TypeError or RangeError, one line, for wrong options, a key of another length or a number that is not finite.
 * @see docs/algorithms.md, section 6.
 *
 * @example
 * ```ts
 * import { OnlineKeys } from 'levattention';
 *
 * const cache = new OnlineKeys({ d: 2, epsilon: 0.5 });
 * cache.push([1, 0]).kept; // => true
 * cache.push([0, 1]).kept; // => true
 * cache.push([3, 0]).expired; // => [0]
 * cache.push([0, 0.5]).kept; // => false
 * cache.alive; // => [1, 2]
 * ```
 */
export class OnlineKeys {
  readonly d: number;
  readonly epsilon: number;
  private count = 0;
  private reached = 0;
  private readonly gram: GrowingGram;
  private readonly kept: KeptRows;
  /** All rows so far that are not zero, while they fit. */
  private prefix: RowList | undefined;
  private capacity: number;
  /** Certified scores; undefined where there are none. */
  private scores: RankOneScores | undefined;
  private mayBeIndependent = true;
  private failures = 0;
  private nextFactor = 0;
  private nextJudgement = 0;

  constructor(options: OnlineKeysOptions) {
    checkOptionsObject(options, 'OnlineKeys', '{ d: 64, epsilon: 0.05 }', ['d', 'epsilon']);
    const { d, epsilon } = options;
    if (!(Number.isSafeInteger(d) && d > 0))
      throw new RangeError(`OnlineKeys: d must be a positive whole number, got ${d}`);
    checkEpsilon(epsilon, 'OnlineKeys');
    this.d = d;
    this.epsilon = epsilon;
    this.gram = new GrowingGram(d);
    this.kept = new KeptRows(d);
    this.prefix = new RowList(d);
    this.capacity = (2 * d) / epsilon + FLUSH_ROWS;
  }

  /** Keys so far. */
  get n(): number {
    return this.count;
  }

  /** Rank of the keys so far as of the last decision; of the kept ones, where no factor is certified and not all are held. */
  get rank(): number {
    return this.reached;
  }

  /** The keys that are kept, ascending. */
  get alive(): number[] {
    const { indices, count } = this.kept.rows;
    return Array.from(indices.subarray(0, count));
  }

  /** Kept keys that may be light: within rounding, or for want of a decision. */
  get undecided(): number[] {
    return this.alive.filter((_, i) => this.kept.until[i] < this.count - 1);
  }

  /** The next key. */
  push(key: ArrayLike<number>): KeyArrival {
    const row = this.checked(key);
    const index = this.count++;
    if (row.every((entry) => entry === 0)) {
      // Nothing changes: a key that was certainly heavy one position before still is.
      const { until, count } = this.kept;
      for (let i = 0; i < count; i++) if (until[i] === index - 1) until[i] = index;
      return { index, kept: false, expired: [], late: [] };
    }
    this.gram.add(row);
    this.prefix?.add(index, row);
    this.kept.add(index, row);
    const change = this.scores?.add(row);
    if (change) this.kept.update(change);
    else this.refresh(index);
    const { expired, late } = this.decide(index);
    const kept = expired.at(-1) !== index;
    if (!kept) expired.pop();
    if (this.scores?.steps === FLUSH_ROWS) this.refresh(index);
    if (this.prefix && this.prefix.count > this.capacity) this.prefix = undefined;
    return { index, kept, expired, late };
  }

  /** Decides what can be decided now of keys that are kept for want of a decision; what expires is as in the last {@link push}. */
  settle(): Pick<KeyArrival, 'expired' | 'late'> {
    this.nextJudgement = 0;
    return this.count > 0 ? this.decide(this.count - 1) : { expired: [], late: [] };
  }

  private checked(key: ArrayLike<number>): Float64Array {
    const { d } = this;
    if (key === null || typeof key !== 'object' || key.length !== d)
      throw new TypeError(
        `OnlineKeys.push: key must have ${d} numbers, got ${(key as ArrayLike<number> | null)?.length ?? key}`,
      );
    const row = Float64Array.from(key);
    const wrong = row.findIndex((entry) => !Number.isFinite(entry));
    if (wrong >= 0)
      throw new RangeError(
        `OnlineKeys.push: key must be finite, got ${row[wrong]} at row ${this.count}, column ${wrong}`,
      );
    return row;
  }

  /** A new factor of all rows so far, where one can be certified; after failures less and less often, every 64 rows at last. */
  private refresh(index: number): void {
    if (this.scores) [this.failures, this.nextFactor, this.nextJudgement] = [0, index, index];
    this.scores = undefined;
    if (index < this.nextFactor || this.gram.rows < this.gram.width) return;
    const factor = this.gram.factor();
    if (factor) {
      this.scores = new RankOneScores(factor);
      this.kept.project(this.scores);
    } else this.nextFactor = index + Math.min(FLUSH_ROWS, 2 ** Math.max(0, ++this.failures - 4));
  }

  /** Lets the keys go that are certainly light at a position. */
  private decide(index: number): { expired: number[]; late: number[] } {
    const { kept, scores } = this;
    const [expired, late]: number[][] = [[], []];
    let light = (_: number) => false;
    if (scores) {
      this.reached = Math.max(this.reached, scores.width);
      light = kept.judgeScores(index, scores.thresholds(this.epsilon));
    } else if (index >= this.nextJudgement || this.crowded()) light = this.judgeRows(index);
    kept.sift(light, scores?.width ?? 0, (key, until) => {
      expired.push(key);
      if (until < index - 1) late.push(key);
    });
    // Scores are known to a margin only: where more rows stay than there is room for, the next decision waits until there are twice as many.
    if (kept.count > this.capacity) this.capacity = 2 * kept.count;
    return { expired, late };
  }

  private crowded(): boolean {
    return Math.max(this.kept.count, this.prefix?.count ?? 0) > this.capacity;
  }

  /** What the rows that are held say without a factor: all rows so far, or the kept ones, whose Gram is below that of all. */
  private judgeRows(index: number): (i: number) => boolean {
    const { d, epsilon, prefix } = this;
    const { rows, until } = this.kept;
    const held = prefix ?? rows;
    // Whole numbers cost too much for every judgement: only where there is no more room, or at the end.
    const thin = this.crowded() || this.nextJudgement === 0;
    this.nextJudgement = index + Math.ceil((held.count * d * d) / EFFORT);
    this.mayBeIndependent &&= prefix !== undefined && independent(prefix.data, prefix.count, d);
    if (this.mayBeIndependent) {
      until.fill(index, 0, rows.count);
      this.reached = held.count;
      return () => false;
    }
    const matrix = matrixOver(held.data, held.count, d);
    const found = run(quadraticSet(matrix, 'OnlineKeys.push: keys', { epsilon, exact: true }));
    this.reached = Math.max(this.reached, found.rank);
    const heavy = new Map(
      (thin ? run(thinned(matrix, found.kept, { p: 2, epsilon })) : found.kept).map(
        ({ index: i, lower = 0 }) => [held.indices[i], prefix !== undefined && lower >= epsilon],
      ),
    );
    for (let i = 0; i < rows.count; i++) if (heavy.get(rows.indices[i])) until[i] = index;
    return (i) => !heavy.has(rows.indices[i]);
  }
}
