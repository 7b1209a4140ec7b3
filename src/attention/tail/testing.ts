/** What the tests of tails share: tails with settings, and shapes of queries, keys and values for each. */
import { randomTensor } from '../testing.js';
import { tailNames } from './index.js';

/** Every kind, two of them with settings as well. */
export const tails = [
  ...tailNames,
  'sample:exact=0.25',
  'clusters:exact=0.25,by=residual,metric=euclidean,keys',
];

const shapes: Record<string, [number[], number[], number[]]> = {
  rectangular: [
    [5, 3],
    [23, 3],
    [23, 2],
  ],
  'as many queries as keys': [
    [40, 4],
    [40, 4],
    [40, 4],
  ],
  'grouped heads': [
    [2, 6, 19, 5],
    [2, 2, 37, 5],
    [2, 2, 37, 4],
  ],
};

/** Every tail on every shape, with and without a causal mask. */
export const cases = tails.flatMap((tail) =>
  Object.entries(shapes).flatMap(([shape, sizes]) =>
    (['none', 'causal'] as const).map((mask) => ({
      name: `${tail}, ${shape}, mask ${mask}`,
      tail,
      mask,
      tensors: sizes.map((size, i) => randomTensor(size, i + 1)),
    })),
  ),
);
