/** Cross-entropy of softmax with smoothed labels, its gradient, and whether the largest logit is the right one. */
import type { Floats } from '../keys.js';

/** What some images gave. */
export interface Score {
  /** Sum over the images of -sum_c t_c log p_c. */
  readonly loss: number;
  /** Images whose largest logit is that of their label. */
  readonly correct: number;
}

/**
 * Of logits [B, classes] against labels [B]: t = (1 - smoothing) at the label plus smoothing / classes everywhere.
 * dLogits = share (p - t) where it is given.
 */
export function crossEntropy(
  logits: Floats,
  labels: ArrayLike<number>,
  smoothing: number,
  dLogits?: Floats,
  share = 1,
): Score {
  const count = labels.length;
  const classes = logits.length / count;
  let loss = 0;
  let correct = 0;
  for (let i = 0; i < count; i++) {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    const best = largestAt(row);
    let sum = 0;
    for (let c = 0; c < classes; c++) sum += Math.exp(row[c] - row[best]);
    const logSum = row[best] + Math.log(sum);
    for (let c = 0; c < classes; c++) {
      const target = smoothing / classes + (c === labels[i] ? 1 - smoothing : 0);
      loss += target * (logSum - row[c]);
      if (dLogits) dLogits[i * classes + c] = share * (Math.exp(row[c] - logSum) - target);
    }
    if (best === labels[i]) correct++;
  }
  return { loss, correct };
}

/**
 * Logits, once they are numbers.
 *
 * @throws RangeError where weights are so large that they are not
 */
export function finiteLogits(logits: Floats): Floats {
  const bad = logits.findIndex((value: number) => !Number.isFinite(value));
  if (bad >= 0)
    throw new RangeError(
      `vit: logits must be finite, got ${logits[bad]} at ${bad}: the weights are too large`,
    );
  return logits;
}

/** Where the largest number is; the first one among equals. */
export function largestAt(row: Floats): number {
  let best = 0;
  for (let c = 1; c < row.length; c++) if (row[c] > row[best]) best = c;
  return best;
}
