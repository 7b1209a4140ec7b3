/** Rows that are held for want of a decision, brought down to what the theory allows by exact arithmetic (docs/algorithms.md, section 6). */
import { SomeRows } from '../kernels/some-rows.js';
import type { KeyMatrix } from '../keys.js';
import { exactScores } from '../scores/exact-scores.js';
import type { Steps } from '../steps.js';
import type { Candidate } from './result.js';

/** Upper ends are rounded up, thresholds down. */
const ROUNDING = 1e-12;

/**
 * What of `kept`, rows of a matrix that may reach epsilon for f(x) = |x|^p, p = 2, 4, ..., certainly contains those that do, and is at most
 * max(2 d^{p/2}/epsilon, their number): nothing changes where they are no more than that, as they are unless keys are so nearly rank-deficient
 * that not even doubled precision tells rows from rounding.
 *
 * Among n' rows sigma_j <= n'^{p/2-1} tau_j^{p/2} (Lewis weights of 1, section 3), so that at most d (n'^{p/2-1}/epsilon)^{2/p} remain, which are
 * judged again: that is fewer as long as n' > d^{p/2}/epsilon.
 */
export function* thinned(
  matrix: KeyMatrix,
  kept: readonly Candidate[],
  { p, epsilon }: { p: number; epsilon: number },
): Steps<readonly Candidate[]> {
  const most = (2 * matrix.d ** (p / 2)) / epsilon;
  if (kept.length <= most) return kept;
  // Rows are read in ascending order.
  let left = [...kept].sort((a, b) => a.index - b.index);
  while (left.length > most) {
    const lewis = left.length ** (p / 2 - 1);
    const scores = yield* exactScores(
      new SomeRows(
        matrix,
        left.map(({ index }) => index),
      ),
    );
    left = left
      .map((row, i) => {
        const upper = lewis * scores[i] ** (p / 2) * (1 + ROUNDING);
        return { ...row, upper: Math.min(row.upper, upper) };
      })
      .filter(({ upper }) => !(upper < epsilon));
  }
  return left;
}
