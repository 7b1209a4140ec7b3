/** Rows of keys that come one after the other, in pieces: what every source of them gives. */
import type { Floats } from '../keys.js';

/** Some rows: [n, d] numbers, valid until the next ones come. */
export interface Rows {
  /** Of the source; its first row is row 0. */
  readonly start: number;
  readonly keys: { readonly data: Floats; readonly shape: readonly [n: number, d: number] };
}

/** Where rows come from. */
export interface RowSource {
  /** Begins messages. */
  readonly name: string;
  readonly d: number;
  /** How many rows there are, where that is known before they have come. */
  readonly n?: number;
  /** Whether the rows can be read more than once, and from any row on. */
  readonly again: boolean;
  /** As long as this is the same the rows are as they were when it was first asked for; undefined where the source cannot tell. */
  identity?(): string | undefined;
  /** The rows at which a part can begin without reading those before it; any unless given. */
  readonly groups?: readonly number[];
  /** Gives back what the source holds open. */
  close?(): void;
  /** Rows from row `from` on, in pieces that end at every multiple of `every`. Standard input has them once, from row 0. */
  rows(options?: { from?: number; every?: number }): AsyncIterable<Rows>;
}

/** Rows and bytes of a piece at most. */
const PIECE_ROWS = 4096;
const PIECE_BYTES = 2 ** 26;

/** The most rows of a piece. */
export function pieceRows(rowBytes: number): number {
  return Math.max(1, Math.min(PIECE_ROWS, Math.floor(PIECE_BYTES / rowBytes)));
}

/** Pieces end at multiples of `most`, so that they hold whole blocks of the kernels, and of `every`. */
export function endOfPiece(start: number, most: number, every: number): number {
  const next = (step: number) => (Math.floor(start / step) + 1) * step;
  return Math.min(next(most), every === Number.POSITIVE_INFINITY ? every : next(every));
}

/** `count` rows of a source from row `start` on, which is then row 0. */
export async function* rowRange(source: RowSource, start: number, count: number): AsyncGenerator<Rows> {
  for await (const { start: at, keys } of source.rows({ from: start })) {
    const rows = Math.min(keys.shape[0], start + count - at);
    yield {
      start: at - start,
      keys: { data: keys.data.subarray(0, rows * source.d), shape: [rows, source.d] },
    };
    if (at + rows === start + count) return;
  }
}
