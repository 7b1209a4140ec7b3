/** Between tokens in rows, whose numbers are those of all heads, and heads one after the other. */
import type { Dense } from '../kernels/dense.js';
import type { Floats } from '../keys.js';

/** What is split or joined. */
export interface Split {
  readonly images: number;
  readonly tokens: number;
  readonly heads: number;
  readonly headDim: number;
}

/** heads [B, H, n, d] from rows [B n, H d], whose beginnings are `stride` numbers apart. */
export function splitHeads(dense: Dense, split: Split, rows: Floats, stride: number, heads: Floats): void {
  for (const { row, head } of pieces(split, stride))
    dense.copyRows(
      rows.subarray(row),
      stride,
      heads.subarray(head),
      split.headDim,
      split.tokens,
      split.headDim,
    );
}

/** The inverse. */
export function joinHeads(dense: Dense, split: Split, heads: Floats, rows: Floats, stride: number): void {
  for (const { row, head } of pieces(split, stride))
    dense.copyRows(
      heads.subarray(head),
      split.headDim,
      rows.subarray(row),
      stride,
      split.tokens,
      split.headDim,
    );
}

/** Where each head of each image begins, in rows and in heads. */
function* pieces({ images, tokens, heads, headDim }: Split, stride: number) {
  for (let image = 0; image < images; image++)
    for (let head = 0; head < heads; head++)
      yield {
        row: image * tokens * stride + head * headDim,
        head: (image * heads + head) * tokens * headDim,
      };
}
