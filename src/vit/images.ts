/** Labelled images in memory, and what becomes of one on its way into a model: moved, mirrored, resized, normalised. */
import { crc32 } from '../io/crc32.js';
import type { Random } from '../random.js';
import type { VitShape } from './config.js';

/** Images of one size. */
export interface ImageSet {
  readonly count: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** [count, channels, height, width]. */
  readonly pixels: Uint8Array;
  /** [count]. */
  readonly labels: Uint8Array;
}

/** The first `count` images of a set; all of them where it has no more, or for null. */
export function firstOfSet(set: ImageSet, count: number | null): ImageSet {
  if (count === null || count >= set.count) return set;
  const size = set.pixels.length / set.count;
  return {
    ...set,
    count,
    pixels: set.pixels.subarray(0, count * size),
    labels: set.labels.subarray(0, count),
  };
}

/** What tells sets of images from others, wherever they lie: their sizes, and the CRC-32 of pixels and labels. */
export function fingerprintOf(sets: readonly ImageSet[]): string {
  return sets
    .map(({ count, channels, height, width, pixels, labels }) => {
      const digest = crc32(labels, crc32(pixels)).toString(16).padStart(8, '0');
      return `${[count, channels, height, width].join('x')} ${digest}`;
    })
    .join(', ');
}

/** Random changes of training images. */
export interface Augmentation {
  /** Moved by up to this many pixels, each way and each direction equally likely; zeros come in. */
  readonly shift: number;
  /** Mirrored left to right, half of the time. */
  readonly flip: boolean;
}

/** Pixel values p in 0 .. 255 become (p / 255 - mean) / std; by one number each, or by one for each channel. */
export interface Normalisation {
  readonly mean: number | readonly number[];
  readonly std: number | readonly number[];
}

/**
 * Image `index` of a set as a model takes it, [channels, height, width], written to `out`: changed at random if there are
 * draws, then resized by linear interpolation between pixel centres (as align_corners = false does elsewhere).
 */
export function prepareImage(
  set: ImageSet,
  index: number,
  { image }: VitShape,
  { mean, std }: Normalisation,
  out: Float32Array,
  change?: { readonly augmentation: Augmentation; readonly random: Random },
): void {
  const { channels, height, width } = set;
  const move = change ? moveOf(change.augmentation, change.random) : { down: 0, right: 0, mirrored: false };
  const size = height * width;
  const rows = weightsFor(height, image[0]);
  const columns = weightsFor(width, image[1]);
  let at = 0;
  for (let c = 0; c < channels; c++) {
    const [middle, scale] = [mean, std].map((each) => (typeof each === 'number' ? each : each[c]));
    const plane = set.pixels.subarray((index * channels + c) * size, (index * channels + c + 1) * size);
    for (const row of rows)
      for (const column of columns) {
        const [top, bottom] = [row.low, row.high].map(
          (y) =>
            (1 - column.share) * pixel(plane, y, column.low) + column.share * pixel(plane, y, column.high),
        );
        out[at++] = (((1 - row.share) * top + row.share * bottom) / 255 - middle) / scale;
      }
  }

  function pixel(plane: Uint8Array, y: number, x: number): number {
    const row = y - move.down;
    const column = (move.mirrored ? width - 1 - x : x) - move.right;
    return row >= 0 && row < height && column >= 0 && column < width ? plane[row * width + column] : 0;
  }
}

function moveOf({ shift, flip }: Augmentation, random: Random) {
  const draw = () => Math.floor(random.uniform() * (2 * shift + 1)) - shift;
  return { down: draw(), right: draw(), mirrored: flip && random.uniform() < 0.5 };
}

/** For each of `to` places the two of `from` that it lies between, and its share of the second. */
function weightsFor(from: number, to: number): { low: number; high: number; share: number }[] {
  return Array.from({ length: to }, (_, i) => {
    const place = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5));
    const low = Math.floor(place);
    return { low, high: Math.min(from - 1, low + 1), share: place - low };
  });
}
