/** Grams of blocks of rows, by what is counted of them; what a Gram cannot say is looked up in its rows. */
import type { BlockKernel } from '../kernels/kernels.js';
import { kernels } from '../kernels/load.js';
import { type Floats, type KeyMatrix, matrixOver } from '../keys.js';
import { hasDigits } from '../scores/screening.js';
import type { Shape } from './shape.js';

/** Takes Grams of blocks of at most BLOCK_ROWS rows. */
export class BlockGrams {
  private kernel: BlockKernel | undefined;

  constructor(private readonly shape: Shape) {}

  /** What is counted of some rows, in memory. */
  imageOf(rows: Floats): KeyMatrix {
    const { d, image, width } = this.shape;
    const count = rows.length / d;
    return matrixOver(image(matrixOver(rows, count, d)).rows(0, count), count, width);
  }

  /** The Gram of a block's images, written to `gram`; undefined where their squares leave the range of float64. */
  gramOf(image: KeyMatrix, gram: Float64Array): Float64Array | undefined {
    const { width } = this.shape;
    const rows = image.rows(0, image.n);
    this.kernel ??= kernels().blocks({ d: width });
    this.kernel.gram(rows, gram);
    for (let c = 0; c < width; c++) {
      if (hasDigits(gram[c * width + c])) continue;
      // Fine only where the column is really zero.
      for (let i = c; i < rows.length; i += width) if (rows[i] !== 0) return undefined;
    }
    return gram;
  }
}

/** @throws RangeError where a number of the rows, [count, d], is not finite; `indices` say which rows these are. */
export function checkFinite(rows: Floats, indices: Float64Array, d: number): void {
  for (let i = 0; i < rows.length; i++)
    if (!Number.isFinite(rows[i]))
      throw new RangeError(
        `insert: keys must be finite, got ${rows[i]} at row ${indices[Math.floor(i / d)]}, column ${i % d}`,
      );
}
