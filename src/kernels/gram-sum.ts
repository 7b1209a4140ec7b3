/** A sum of Grams of blocks in a fixed binary tree: the same bytes whenever the same blocks come in the same order. */

/**
 * Level l holds the sum of 2^l blocks or nothing: adjacent equals are added, as in a binary number. So an entry goes through at most
 * log2(blocks) + 1 additions, and O(width^2 log(blocks)) numbers are held.
 */
export class GramSum {
  /** Memory of what has been added to others. */
  private readonly spare: Float64Array[] = [];

  constructor(
    readonly width: number,
    readonly levels: (Float64Array | undefined)[] = [],
  ) {}

  /** Memory for the next Gram, [width, width], with anything in it. */
  room(): Float64Array {
    return this.spare.pop() ?? new Float64Array(this.width * this.width);
  }

  /** Adds the Gram of a block, or the sum of 2^level of them; `sum` belongs to the tree from then on. */
  add(sum: Float64Array, level = 0): void {
    for (let other = this.levels[level]; other; other = this.levels[++level]) {
      addTo(sum, other);
      this.spare.push(other);
      this.levels[level] = undefined;
    }
    this.levels[level] = sum;
  }

  /** [width, width] row-major: the sum of everything. */
  total(): Float64Array {
    const total = new Float64Array(this.width * this.width);
    for (const sum of this.levels) if (sum) addTo(total, sum);
    return total;
  }
}

/** Adds to one tree all that another holds, lowest level first. */
export function addSums(sums: GramSum, other: GramSum): void {
  other.levels.forEach((sum, level) => {
    if (!sum) return;
    const copy = sums.room();
    copy.set(sum);
    sums.add(copy, level);
  });
}

/** target += other. */
export function addTo(target: Float64Array, other: Float64Array): void {
  for (let i = 0; i < target.length; i++) target[i] += other[i];
}
