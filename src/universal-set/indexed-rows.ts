/** Rows that are kept with their indices while others go by: a list that grows and is thinned out. */
import { rowsAt } from '../kernels/sieve.js';
import { type Floats, type KeyMatrix, matrixOver } from '../keys.js';

/** Rows of d numbers and where they stand in the stream, [count, d] and [count]. */
export class IndexedRows {
  private values: Floats = new Float32Array(0);
  private places = new Float64Array(0);
  count = 0;

  constructor(readonly d: number) {}

  /** [count, d]: valid until the next change. Float32 as long as all rows were. */
  get data(): Floats {
    return this.values.subarray(0, this.count * this.d);
  }

  /** [count]: valid until the next change. */
  get indices(): Float64Array {
    return this.places.subarray(0, this.count);
  }

  matrix(): KeyMatrix {
    return matrixOver(this.data, this.count, this.d);
  }

  append(rows: Floats, indices: Float64Array): void {
    const { d, count } = this;
    const total = count + indices.length;
    const widen = rows instanceof Float64Array && this.values instanceof Float32Array;
    if (total * d > this.values.length || widen) {
      const room = total * d > this.values.length ? Math.max(total, 2 * count) : this.places.length;
      const values = new (widen || this.values instanceof Float64Array ? Float64Array : Float32Array)(
        room * d,
      );
      values.set(this.data);
      this.values = values;
      const places = new Float64Array(room);
      places.set(this.indices);
      this.places = places;
    }
    this.values.set(rows, count * d);
    this.places.set(indices, count);
    this.count = total;
  }

  /** Keeps the rows at ascending positions, in order. */
  keep(positions: readonly number[]): void {
    const { d, values, places } = this;
    positions.forEach((from, to) => {
      values.copyWithin(to * d, from * d, (from + 1) * d);
      places[to] = places[from];
    });
    this.count = positions.length;
  }

  /** Copies of all rows in the order of their indices. */
  sorted(): { data: Floats; indices: Float64Array } {
    const order = Array.from({ length: this.count }, (_, i) => i).sort(
      (a, b) => this.places[a] - this.places[b],
    );
    const { rows, indices } = this.at(order);
    return { data: rows, indices };
  }

  clear(): void {
    this.count = 0;
  }

  /** Copies of the rows at some positions. */
  at(positions: readonly number[]): { rows: Floats; indices: Float64Array } {
    return pick(this.values, this.places, this.d, positions);
  }
}

/** Copies of the rows of d numbers at some positions, with their indices. */
export function pick(
  rows: Floats,
  indices: Float64Array,
  d: number,
  positions: readonly number[],
): { rows: Floats; indices: Float64Array } {
  return { rows: rowsAt(rows, d, positions), indices: Float64Array.from(positions, (i) => indices[i]) };
}

/** What is not among ascending positions, of `count`. */
export function otherPositions(positions: readonly number[], count: number): number[] {
  const others: number[] = [];
  let next = 0;
  for (let i = 0; i < count; i++)
    if (positions[next] === i) next++;
    else others.push(i);
  return others;
}

/** start, start + 1, ...: a loop, as `from` with a callback takes as long as the scores. */
export function consecutive(start: number, count: number): Float64Array {
  const indices = new Float64Array(count);
  for (let i = 0; i < count; i++) indices[i] = start + i;
  return indices;
}
