/** Leverage scores while rows are added one by one, in coordinates where the Gram began as the identity (docs/algorithms.md, section 6). */
import { UNIT_ROUNDOFF } from './gram.js';
import type { PrefixFactor } from './growing-gram.js';

/** What a new row y does: every score s = z^T P z becomes s - <z,h>^2, h the direction, its own is `score`. */
export interface RankOne {
  readonly image: Float64Array;
  readonly direction: Float64Array;
  readonly score: number;
}

/** Where computed scores leave no doubt: below `light` the key is not heavy, from `heavy` on it is. */
export interface Thresholds {
  readonly light: number;
  readonly heavy: number;
}

/** The relative error of P from which a new factor is due. */
const MOST_DELTA = 1e-7;

/**
 * Scores against G + (rows added since), z = W k, P ~ (I + sum of y y^T)^-1. The bounds are those of section 6: (1 - delta) H^-1 <= P <=
 * (1 + delta) H^-1 in the Loewner order, because the exact update is monotone, and each step's rounding counts |H| times.
 */
export class RankOneScores {
  readonly width: number;
  private readonly p: Float64Array;
  private readonly y: Float64Array;
  private readonly direction: Float64Array;
  private rows = 0;
  /** |H| <= 1 + sum of |y|^2. */
  private size = 1;
  private delta = 0;
  /** |computed s - z^T P z| <= drift (largest |z|^2). */
  private drift: number;
  private largest = 1.01;
  /** |computed z - W k| <= away. */
  private away: number;
  /** |W G W^T - I|, and what the rounding of the rows added has made of it. */
  private gramError: number;

  constructor(private readonly factor: PrefixFactor) {
    const r = factor.columns.length;
    this.width = r;
    this.p = new Float64Array(r * r);
    for (let i = 0; i < r; i++) this.p[i * r + i] = 1;
    this.y = new Float64Array(r);
    this.direction = new Float64Array(r);
    this.drift = (r + 4) * UNIT_ROUNDOFF;
    this.away = this.roundingOf(1);
    this.gramError = factor.gramError;
  }

  /** Rows added. */
  get steps(): number {
    return this.rows;
  }

  /** z = W k into `out` at `offset`; returns |z|^2. O(d^2). */
  image(row: Float64Array, out: Float64Array, offset: number): number {
    const { columns, inverse } = this.factor;
    const r = this.width;
    let square = 0;
    for (let i = 0; i < r; i++) {
      let sum = 0;
      for (let j = 0; j <= i; j++) sum += inverse[i * r + j] * row[columns[j]];
      out[offset + i] = sum;
      square += sum * sum;
    }
    return square;
  }

  /**
   * Takes a row into P; undefined, with nothing changed, where it has an entry in a column that was zero, or is so large that P
   * would be too inaccurate. `image` and `direction` hold until the next call. O(d^2).
   */
  add(row: Float64Array): RankOne | undefined {
    const r = this.width;
    const p = this.p;
    const y = this.y;
    const direction = this.direction;
    const reach = this.reachOf(row);
    const square = this.image(row, y, 0) * (1 + (r + 4) * UNIT_ROUNDOFF);
    if (!(reach < Number.POSITIVE_INFINITY && square < 1e12)) return undefined;
    direction.fill(0);
    for (let i = 0; i < r; i++) {
      const part = y[i];
      for (let j = 0, at = i * r; j < r; j++) direction[j] += part * p[at++];
    }
    let [along, length2] = [0, 0];
    for (let i = 0; i < r; i++) {
      along += direction[i] * y[i];
      length2 += direction[i] * direction[i];
    }
    const pivot = 1 + along;
    const length = Math.sqrt(square);
    const g = Math.sqrt(length2);
    const size = this.size + square;
    // Errors of g = P y and of <y,g>, and what they and the subtraction itself do to P.
    const ofG = 1.1 * r * Math.sqrt(r) * UNIT_ROUNDOFF * length;
    const ofPivot = length * ofG + 1.1 * (r + 2) * UNIT_ROUNDOFF * length * g + 2 * UNIT_ROUNDOFF * pivot;
    const step =
      1.1 * ((2 * g * ofG + ofG * ofG) / pivot + (g / pivot) ** 2 * ofPivot) +
      1.1 * (Math.sqrt(r) + 8) * UNIT_ROUNDOFF;
    const delta = this.delta + step * size;
    if (!(delta <= MOST_DELTA && ofPivot <= 0.01 * pivot)) return undefined;

    const root = Math.sqrt(pivot);
    for (let i = 0; i < r; i++) direction[i] /= root;
    for (let i = 0, at = 0; i < r; i++) {
      const part = direction[i];
      for (let j = 0; j < r; j++) p[at++] -= part * direction[j];
    }
    const away = this.roundingOf(reach);
    this.rows++;
    this.size = size;
    this.delta = delta;
    this.drift += step + (1.1 * ofPivot) / pivot ** 2 + (3 * r + 20) * UNIT_ROUNDOFF;
    this.largest = Math.max(this.largest, square);
    this.away = Math.max(this.away, away);
    this.gramError += 2 * length * away + away * away;
    return { image: y, direction, score: along / pivot };
  }

  /** The thresholds of computed scores at an epsilon, for all keys in the Gram. */
  thresholds(epsilon: number): Thresholds {
    const { delta, away, gramError } = this;
    const error = this.drift * this.largest;
    const rounding = 16 * UNIT_ROUNDOFF;
    const below = Math.max(0, Math.sqrt(epsilon * (1 - gramError)) - away) ** 2 * (1 - delta);
    const above = (Math.sqrt(epsilon * (1 + gramError)) + away) ** 2 * (1 + delta);
    return {
      light: below * (1 - rounding) - error * (1 + rounding),
      heavy: (above + error) * (1 + rounding),
    };
  }

  /** |computed W k - W k| for entries up to `reach` times the norms of their columns; underflow included. */
  private roundingOf(reach: number): number {
    return this.factor.growth * ((this.width + 2) * UNIT_ROUNDOFF * reach + 2 ** -500);
  }

  /** The largest entry in units of its column's norm, at least 1; infinite in a column without a norm. */
  private reachOf(row: Float64Array): number {
    const { columns, sizes } = this.factor;
    let reach = 1;
    for (let c = 0, i = 0; c < row.length; c++)
      if (columns[i] === c) reach = Math.max(reach, Math.abs(row[c]) / sizes[i++]);
      else if (row[c] !== 0) return Number.POSITIVE_INFINITY;
    return reach;
  }
}
