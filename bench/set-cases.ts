/** The keys of which universal sets are measured, drawn and real ones. */
import { type Distribution, draw } from './inputs.js';
import type { Setting } from './peers/setup.js';
import { fashionMnistKeys, type RealKeys, smollm2, smollm2Keys, stories260kKeys } from './real-keys.js';

/** Keys [n, d], and the threshold of the set. */
export interface Case {
  readonly keys: string;
  readonly n: number;
  readonly d: number;
  readonly epsilon: number;
  /** Where the keys are drawn: how. */
  readonly distribution?: Distribution;
  load(setting: Setting): Promise<RealKeys>;
}

function drawn(distribution: Distribution, n: number, d: number, epsilon: number): Case {
  const keys = `${distribution} keys`;
  return { keys, n, d, epsilon, distribution, load: async () => draw(distribution, n, d, n) };
}

/** Ways to draw rows, the plain ones first. */
export const distributions: readonly Distribution[] = [
  'Gaussian',
  't3',
  'coherent',
  'correlated',
  'sorted by norm',
  'sorted by cluster',
];

/** Rows that a part of them may say too little of: the default must not cost much more than the exact set. */
export const awkward: readonly Distribution[] = ['few huge rows', 'condition number 1e6'];

/** Above so many rows memory is short: fewer contestants, and keys in WASM memory are not measured. */
export const MANY_ROWS = 1_000_000;

export const cases: readonly Case[] = [
  ...distributions.map((distribution) => drawn(distribution, 100_000, 64, 0.05)),
  ...awkward.map((distribution) => drawn(distribution, 100_000, 64, 0.05)),
  drawn('Gaussian', 100_000, 128, 0.05),
  drawn('t3', 100_000, 128, 0.05),
  ...distributions.map((distribution) => drawn(distribution, 1_000_000, 64, 0.01)),
  drawn('Gaussian', 10_000_000, 64, 0.01),
  ...smollm2.map(
    ({ name, index }): Case => ({
      keys: name,
      n: 8192,
      d: 64,
      epsilon: 0.015,
      load: (setting) => smollm2Keys(index, setting),
    }),
  ),
  {
    keys: 'Fashion-MNIST in 64 principal components',
    n: 60_000,
    d: 64,
    epsilon: 0.05,
    load: fashionMnistKeys,
  },
  { keys: 'stories260K keys, layer 2, head 0', n: 509, d: 8, epsilon: 0.03, load: stories260kKeys },
];

export const quickCases: readonly Case[] = distributions.map((distribution) =>
  drawn(distribution, 20_000, 64, 0.1),
);

/** A case in one line. */
export function titleOf({ keys, n, d, epsilon }: Case): string {
  return `${keys}, ${n.toLocaleString('en')} x ${d}, epsilon ${epsilon}`;
}
