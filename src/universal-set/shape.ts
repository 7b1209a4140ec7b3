/** What is counted of the rows of a sketch: themselves, with an intercept column, or their tensor powers (docs/algorithms.md, section 6). */
import type { KeyMatrix } from '../keys.js';
import { centred } from '../scores/centred.js';
import { DEFAULT_BUDGET } from '../scores/sensitivity.js';
import type { Steps } from '../steps.js';
import { powerSet } from './powers.js';
import { quadraticSet } from './quadratic.js';
import type { Candidate } from './result.js';
import { tensorDimension, tensorPower, tensorRounding } from './tensor-power.js';
import { thinned } from './thinned.js';

/** What the levels of a sketch have in common. */
export interface Shape {
  /** Columns of the rows that come in. */
  readonly d: number;
  /** Columns of their images, and relative rounding of the images in units of u. */
  readonly width: number;
  readonly noise: number;
  /** The images whose leverage scores count. */
  image(rows: KeyMatrix): KeyMatrix;
  /**
   * Rows of a matrix, by ascending position, that may reach a threshold among themselves; all others certainly do not. At most
   * 2 d^order/threshold of them. For order 1 those that do not certainly reach it have a lower end of 0.
   */
  judge(rows: KeyMatrix, threshold: number): Steps<readonly Candidate[]>;
}

/** For |x|^(2 order). */
export function shapeOf(d: number, centre: boolean, order: number): Shape {
  const plain = (rows: KeyMatrix) => (centre ? centred(rows) : rows);
  const columns = d + Number(centre);
  return {
    d,
    width: tensorDimension(columns, order),
    noise: tensorRounding(order),
    image: (rows) => tensorPower(plain(rows), order),
    *judge(rows, epsilon) {
      const matrix = plain(rows);
      const { kept } =
        order === 1
          ? yield* quadraticSet(matrix, 'finish: keys', { exact: true, epsilon })
          : yield* powerSet(matrix, 'finish: keys', 2 * order, {
              epsilon,
              exact: false,
              budget: DEFAULT_BUDGET,
            });
      const found = kept.map(
        ({ index, lower = epsilon, upper }): Candidate =>
          order === 1 && lower < epsilon ? { index, lower: 0, upper } : { index, upper },
      );
      found.sort((a, b) => a.index - b.index);
      return yield* thinned(matrix, found, { p: 2 * order, epsilon });
    },
  };
}
