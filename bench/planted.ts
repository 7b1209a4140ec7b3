/** Rows without end whose universal set is known beforehand: Gaussian ones, and a few that are planted among them. */
import { draw } from './inputs.js';
import { library } from './library.js';

/** Rows that come once, in pieces. */
export interface PlantedRows {
  /** The universal set: indices, ascending. */
  readonly heavy: readonly number[];
  /** The rows in order, [count, d] float32 each; views of one small array, so that making them costs nothing. */
  pieces(): Generator<Float32Array>;
}

/** Rows of a piece at most, and of the array that pieces are views of. */
const PIECE_ROWS = 4096;
const POOL_ROWS = 49_152;
/** Fewer rows would be heavy by themselves. */
export const LEAST_ROWS = 100_000;

/** Where rows of this score, over epsilon, stand: at both ends, in the middle, around the end of a block and of a piece. */
const HEAVY = 1.25;
const LIGHT = 0.8;
const heavyPlaces = (n: number) => [0, 1023, 1024, 4096, n >> 2, Math.floor(n / 3), n - 2, n - 1];
const lightPlaces = (n: number) => [1, n >> 1, n - 3];

/**
 * n rows of d >= 11 numbers, d/n far below epsilon. Most are pieces at random places of a pool: Gaussian rows times 1, 1/2 or 1/4. Each planted row has a column to
 * itself, and there the score s: its square is s/(1 - s) of what all others have in that column.
 */
export function plantedRows(n: number, d: number, epsilon: number): PlantedRows {
  const { uniform } = library.randomStream(2);
  const pool = draw('Gaussian', POOL_ROWS, d, 1);
  let squares = 0;
  for (let i = 0; i < POOL_ROWS; i++) {
    const scale = 2 ** -Math.floor(3 * uniform());
    for (let c = 0; c < d; c++) squares += (pool[i * d + c] *= scale) ** 2;
  }
  const mean = squares / pool.length;
  const heavy = heavyPlaces(n);
  const planted = [...heavy, ...lightPlaces(n)]
    .map((place, c) => {
      const score = (c < heavy.length ? HEAVY : LIGHT) * epsilon;
      const row = new Float32Array(d);
      row[c] = Math.sqrt((score / (1 - score)) * n * mean);
      return { place, row };
    })
    .sort((a, b) => a.place - b.place);
  return {
    heavy,
    *pieces() {
      let at = 0;
      for (const { place, row } of [...planted, { place: n, row: undefined }]) {
        while (at < place) {
          const count = Math.min(PIECE_ROWS, place - at);
          const start = Math.floor(uniform() * (POOL_ROWS - count));
          yield pool.subarray(start * d, (start + count) * d);
          at += count;
        }
        if (row) yield row;
        at++;
      }
    },
  };
}
