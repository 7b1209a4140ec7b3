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
 * draws, then resized by linear interpolation between pixel centres; where it shrinks, by means over triangles as wide as
 * a new pixel on each side (what pillow calls bilinear, and PyTorch bilinear with antialias).
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
  const rows = sourcesFor(height, image[0]);
  const columns = sourcesFor(width, image[1]);
  const across = new Float64Array(height * image[1]);
  let at = 0;
  for (let c = 0; c < channels; c++) {
    const [middle, scale] = [mean, std].map((each) => (typeof each === 'number' ? each : each[c]));
    const plane = set.pixels.subarray((index * channels + c) * size, (index * channels + c + 1) * size);
    for (let y = 0; y < height; y++)
      columns.forEach((column, x) => {
        let sum = 0;
        for (const { place, weight } of column) sum += weight * pixel(plane, y, place);
        across[y * image[1] + x] = sum;
      });
    for (const row of rows)
      for (let x = 0; x < image[1]; x++) {
        let sum = 0;
        for (const { place, weight } of row) sum += weight * across[place * image[1] + x];
        out[at++] = (sum / 255 - middle) / scale;
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

/** A pixel along one side, and its share of a new one. */
interface Source {
  readonly place: number;
  readonly weight: number;
}

/** For each of `to` places those of `from` that it is made of. */
function sourcesFor(from: number, to: number): Source[][] {
  const factor = from / to;
  return Array.from({ length: to }, (_, i) => {
    const centre = ((i + 0.5) * from) / to - 0.5;
    return factor <= 1 ? neighbours(centre, from) : triangle(centre, factor, from);
  });
}

/** The two that a place lies between. */
function neighbours(centre: number, from: number): Source[] {
  const inside = Math.min(from - 1, Math.max(0, centre));
  const place = Math.floor(inside);
  const share = inside - place;
  return [
    { place, weight: 1 - share },
    { place: Math.min(from - 1, place + 1), weight: share },
  ];
}

/** All within a radius, with weights that fall to zero at its end and sum to one. */
function triangle(centre: number, radius: number, from: number): Source[] {
  const first = Math.max(0, Math.ceil(centre - radius));
  const last = Math.min(from - 1, Math.floor(centre + radius));
  const sources = Array.from({ length: last - first + 1 }, (_, i) => ({
    place: first + i,
    weight: 1 - Math.abs(first + i - centre) / radius,
  }));
  const sum = sources.reduce((sum, { weight }) => sum + weight, 0);
  return sources.map(({ place, weight }) => ({ place, weight: weight / sum }));
}
