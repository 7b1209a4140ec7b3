/** Leverage scores of small matrices against those of the factor that any matrix has. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { kernels, useKernels } from '../kernels/load.js';
import { referenceKernels } from '../kernels/reference.js';
import { type KeyMatrix, matrixOver } from '../keys.js';
import { randomStream } from '../random.js';
import { run } from '../steps.js';
import { centred } from './centred.js';
import { factorize, marginAt } from './factor.js';
import { leverageScores, scoresOf } from './leverage.js';
import { smallLeverage } from './small-leverage.js';

/** By the factor of any matrix. */
function careful(keys: KeyMatrix, isCentred: boolean) {
  const factor = run(factorize(isCentred ? centred(keys) : keys, 'keys'));
  return { scores: run(scoresOf(factor)), rank: factor.rank, margin: marginAt(factor, 1) };
}

function draw(n: number, d: number, seed: number, change = (x: number, _i: number, _c: number) => x) {
  const random = randomStream(seed);
  return Float64Array.from({ length: n * d }, (_, at) => change(random.normal(), Math.floor(at / d), at % d));
}

const usual = kernels();

describe.each([usual, referenceKernels])('on $name', (these) => {
  beforeEach(() => void useKernels(these));
  afterEach(() => void useKernels(usual));

  it('gives the bytes of the factor, centred or not, at any scale', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.oneof(fc.integer({ min: 1, max: 24 }), fc.constantFrom(64, 65)),
        fc.oneof(fc.integer({ min: 2, max: 40 }), fc.constantFrom(197, 400)),
        fc.boolean(),
        fc.boolean(),
        fc.constantFrom(1e-100, 1e-3, 1, 1e100),
        (seed, d, more, isCentred, single, size) => {
          const n = d + more;
          const data = draw(n, d, seed, (x, i, c) => size * (x + 3) * 2 ** (c % 5) * (i % 7 === 0 ? 9 : 1));
          const keys = matrixOver(single ? Float32Array.from(data) : data, n, d);
          const found = smallLeverage(keys, isCentred);
          if (!found) return;
          const expected = careful(keys, isCentred);
          expect(found.scores).toEqual(expected.scores);
          expect(found.rank).toBe(expected.rank);
          expect(Math.abs(found.margin - expected.margin)).toBeLessThan(1e-12);
        },
      ),
      { numRuns: 40 },
    );
  });
});

it('takes the heads of a vision transformer, with a common mean as it may be', () => {
  for (const [n, d] of [
    [197, 64],
    [197, 16],
    [785, 16],
    [1024, 64],
  ])
    for (const isCentred of [false, true]) {
      expect(smallLeverage(matrixOver(draw(n, d, n), n, d), isCentred)).toBeDefined();
      const spread = draw(n, d, n, (x, _i, c) => x + (c > 0 ? 100 : 0));
      expect(smallLeverage(matrixOver(spread, n, d), isCentred)).toBeDefined();
    }
});

it('gives 1 to each of fewer keys than columns, as the factor does, at any scale of rows and columns', () => {
  for (const [n, d] of [
    [1, 2],
    [3, 5],
    [50, 64],
    [63, 64],
  ])
    for (const isCentred of [false, true]) {
      // With a column of ones short rows are nearly that alone.
      const step = isCentred ? 0 : 3;
      const data = draw(n, d, n, (x, i, c) => x * 10 ** (step * (i % 4) - 20 * (c % 3)));
      const keys = matrixOver(data, n, d);
      const found = smallLeverage(keys, isCentred);
      expect(found).toBeDefined();
      const { scores, rank, margin } = careful(keys, isCentred);
      expect(found!.scores).toEqual(scores);
      expect(found!.rank).toBe(rank);
      expect(Math.abs(found!.margin - margin)).toBeLessThan(1e-12);
    }
});

it('leaves to the factor what a Gram cannot tell', () => {
  const hostile: [string, KeyMatrix][] = [
    [
      'duplicate columns',
      matrixOver(
        draw(40, 2, 1, (x, i) => 0 * x + Math.sin(i)),
        40,
        2,
      ),
    ],
    [
      'a zero column',
      matrixOver(
        draw(40, 3, 2, (x, _i, c) => (c === 1 ? 0 : x)),
        40,
        3,
      ),
    ],
    ['zero keys', matrixOver(new Float64Array(80), 40, 2)],
    [
      'huge keys',
      matrixOver(
        draw(40, 2, 3, (x) => x * 1e200),
        40,
        2,
      ),
    ],
    [
      'tiny keys',
      matrixOver(
        draw(40, 2, 3, (x) => x * 1e-200),
        40,
        2,
      ),
    ],
    [
      'a tiny component',
      matrixOver(
        draw(40, 2, 4, (x, _i, c) => (c === 1 ? 1 + x * 1e-9 : 1)),
        40,
        2,
      ),
    ],
    ['fewer keys than columns, two the same', matrixOver(draw(3, 5, 5).copyWithin(5, 0, 5), 3, 5)],
    ['fewer keys than columns, one zero', matrixOver(draw(3, 5, 5).fill(0, 5, 10), 3, 5)],
    ['more columns than rows of a block', matrixOver(draw(2, 1025, 6), 2, 1025)],
    ['more rows than a block', matrixOver(draw(1025, 2, 6), 1025, 2)],
    [
      'NaN',
      matrixOver(
        draw(40, 2, 7, (x, i) => (i === 9 ? Number.NaN : x)),
        40,
        2,
      ),
    ],
    [
      'infinity',
      matrixOver(
        draw(40, 2, 7, (x, i) => (i === 9 ? Number.POSITIVE_INFINITY : x)),
        40,
        2,
      ),
    ],
  ];
  for (const [name, keys] of hostile) expect(smallLeverage(keys, false), name).toBeUndefined();
  expect(() =>
    leverageScores({ data: hostile.find(([name]) => name === 'NaN')![1].rows(0, 40), shape: [40, 2] }),
  ).toThrow('leverageScores: keys must be finite, got NaN at row 9, column 0');
});
