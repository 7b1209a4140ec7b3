/** Rows that are held with their positions, and with what is known of their scores, in arrays that grow. */
import type { RankOne, RankOneScores, Thresholds } from '../scores/rank-one.js';

/** Rows of d numbers and their positions in the sequence, ascending. */
export class RowList {
  count = 0;
  indices: Float64Array = new Float64Array(16);
  data: Float64Array;

  constructor(readonly d: number) {
    this.data = new Float64Array(16 * d);
  }

  add(index: number, row: Float64Array): void {
    if (this.count === this.indices.length) {
      this.indices = grown(this.indices);
      this.data = grown(this.data);
    }
    this.indices[this.count] = index;
    this.data.set(row, this.count * this.d);
    this.count++;
  }

  row(i: number): Float64Array {
    return this.data.subarray(i * this.d, (i + 1) * this.d);
  }

  /** Row i takes the place of an earlier one. */
  move(i: number, to: number): void {
    this.indices[to] = this.indices[i];
    this.data.copyWithin(to * this.d, i * this.d, (i + 1) * this.d);
  }
}

/** The keys that are kept, their images under the factor in use, their scores and until when they were certainly heavy. */
export class KeptRows {
  readonly rows: RowList;
  /** [count, width]. */
  images: Float64Array = new Float64Array(0);
  scores: Float64Array = new Float64Array(16);
  /** The last position at which a key was certainly heavy; the one before its own where there is none. */
  until: Float64Array = new Float64Array(16);

  constructor(d: number) {
    this.rows = new RowList(d);
  }

  get count(): number {
    return this.rows.count;
  }

  add(index: number, row: Float64Array): void {
    const i = this.rows.count;
    if (i === this.until.length) {
      this.until = grown(this.until);
      this.scores = grown(this.scores);
    }
    this.rows.add(index, row);
    this.until[i] = index - 1;
  }

  /** New images and scores of all rows, by a new factor. */
  project(scores: RankOneScores): void {
    const { width } = scores;
    const room = this.until.length * width;
    if (this.images.length < room) this.images = new Float64Array(room);
    for (let i = 0; i < this.count; i++)
      this.scores[i] = scores.image(this.rows.row(i), this.images, i * width);
  }

  /** Lowers all scores by what the last row changes, and gives it its image and its own. */
  update({ image, direction, score }: RankOne): void {
    const { scores } = this;
    const width = image.length;
    const last = this.count - 1;
    if (this.images.length < this.count * width) {
      const room = new Float64Array(this.until.length * width);
      room.set(this.images);
      this.images = room;
    }
    const { images } = this;
    const quads = width - (width % 4);
    for (let i = 0, at = 0; i < last; i++) {
      // Four sums side by side: a single one would wait for each of its additions.
      let a = 0;
      let b = 0;
      let c = 0;
      let d = 0;
      let k = 0;
      for (; k < quads; k += 4, at += 4) {
        a += images[at] * direction[k];
        b += images[at + 1] * direction[k + 1];
        c += images[at + 2] * direction[k + 2];
        d += images[at + 3] * direction[k + 3];
      }
      for (; k < width; k++) a += images[at++] * direction[k];
      const along = a + b + (c + d);
      scores[i] -= along * along;
    }
    images.set(image, last * width);
    scores[last] = score;
  }

  /** What the scores say at a position: marks the keys that are certainly heavy, and tells those that are certainly light. */
  judgeScores(position: number, { light, heavy }: Thresholds): (i: number) => boolean {
    const { scores, until } = this;
    for (let i = 0; i < this.count; i++) if (scores[i] >= heavy) until[i] = position;
    // Written so that a NaN would be kept.
    return (i) => scores[i] < light;
  }

  /** Removes the rows that are light; calls `removed` with the position of each and until when it was certainly heavy. */
  sift(light: (i: number) => boolean, width: number, removed: (index: number, until: number) => void): void {
    const { rows, images, scores, until } = this;
    let to = 0;
    for (let i = 0; i < rows.count; i++) {
      if (light(i)) {
        removed(rows.indices[i], until[i]);
        continue;
      }
      if (to < i) {
        rows.move(i, to);
        images.copyWithin(to * width, i * width, (i + 1) * width);
        scores[to] = scores[i];
        until[to] = until[i];
      }
      to++;
    }
    rows.count = to;
  }
}

function grown(array: Float64Array): Float64Array {
  const larger = new Float64Array(array.length * 2);
  larger.set(array);
  return larger;
}
