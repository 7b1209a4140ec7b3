/** What a finished sketch says of its set: the rank, the bound of the size, and what is left undecided. */
import { expect, test } from 'vitest';
import { exactLeverage } from '../../test/oracle/exact.js';
import { nearPlane } from '../../test/oracle/near-plane.js';
import { seeded } from '../../test/oracle/random.js';
import { huber } from '../weights/huber.js';
import { power } from '../weights/power.js';
import type { WeightFunction } from '../weights/weight.js';
import type { UniversalSet } from './result.js';
import { UniversalSetSketch } from './sketch.js';

function setOf(
  data: Float64Array,
  d: number,
  epsilon: number,
  f: WeightFunction,
  centre = false,
): UniversalSet {
  const sketch = new UniversalSetSketch({ d, epsilon, f, centre });
  sketch.insert({ data, shape: [data.length / d, d] });
  expect(sketch.held.indices.length).toBeLessThan(sketch.rows);
  return sketch.finish();
}

/** Rows along the axes, in turn, that are followed by rows of zeros. */
const axes = (d: number, rows: number, zeros: number) =>
  Float64Array.from({ length: (rows + zeros) * d }, (_, i) => {
    const j = Math.floor(i / d);
    return Number(j < rows && j % d === i % d);
  });

const weights: [string, WeightFunction][] = [
  ['x^2', power(2)],
  ['|x|^3', power(3)],
  ['x^4', power(4)],
  ['x^6', power(6)],
  ['huber', huber(1)],
];

test.each(weights)('products of columns that never meet are no lack of rank: %s', (_, f) => {
  const many = setOf(axes(3, 9000, 0), 3, 0.9, f);
  expect(many).toMatchObject({ rank: 3, indices: [] });
  const few = setOf(axes(3, 3, 9000), 3, 1, f);
  expect(few).toMatchObject({ rank: 3, indices: [0, 1, 2] });
  expect(few.sizeBound).toBeGreaterThanOrEqual(3 - 1e-9);
});

test.each(weights)('a column of zeros is one: %s', (_, f) => {
  const random = seeded(1);
  const data = Float64Array.from({ length: 27_000 }, () => random.gaussian());
  for (let i = 1; i < data.length; i += 3) data[i] = 0;
  expect(setOf(data, 3, 0.9, f).rank).toBe(2);
  expect(setOf(data, 3, 0.9, f, true).rank).toBe(3);
});

test.each(
  weights,
)('the rank is never below that of the numbers as they are stored, once rows have gone: %s', (_, f) => {
  const random = seeded(4);
  const shapes: ((j: number) => number[])[] = [
    // A direction that is rounding of the keys, a column that is zero but for one row, and one that depends on the others.
    () => [random.gaussian(), 0, 0].map((x, _, [y]) => x || y * (1 + 2 ** -50 * random.gaussian())),
    (j) => [random.gaussian(), Number(j === 77), 1e-200],
    () => [random.integer(-9, 9), random.integer(-9, 9), 0].map((x, c, [a, b]) => (c === 2 ? a - b : x)),
  ];
  for (const row of shapes) {
    const n = 4000;
    const data = Float64Array.from(Array.from({ length: n }, (_, j) => row(j)).flat());
    expect(setOf(data, 3, 0.9, f).rank).toBeGreaterThanOrEqual(exactLeverage({ data, n, d: 3 }).rank);
  }
});

test.each([59, 65])('x^6 of columns to 2^920: what is decided is within the bound, seed %d', (seed) => {
  const random = seeded(seed);
  const [d, epsilon, n] = [4, 0.2, random.integer(1100, 2600)];
  const scales = Array.from({ length: d }, () => 2 ** random.integer(-920, 920));
  const data = Float64Array.from({ length: n * d }, (_, i) => scales[i % d] * random.gaussian());
  const { indices, undecided, sizeBound } = setOf(data, d, epsilon, power(6));
  expect(indices.length - undecided.length).toBeLessThanOrEqual(sizeBound);
});

test('x^4 of rows of many scales: no more keys than the bound, or all are undecided', () => {
  const [d, epsilon] = [3, 0.5];
  let beyond = 0;
  for (let seed = 1; seed <= 20; seed++) {
    const random = seeded(seed);
    const data = new Float64Array(1100 * d);
    // Two rows of each scale, and rows of zeros.
    for (let i = 0; i < 30 * d; i++)
      data[i] = 2 ** (-900 + 120 * Math.floor(i / (2 * d))) * random.gaussian();
    const { indices, undecided, sizeBound } = setOf(data, d, epsilon, power(4));
    expect(undecided).toEqual(indices.length > sizeBound ? indices : []);
    beyond += Number(undecided.length > 0);
  }
  expect(beyond).toBeGreaterThan(0);
});

test('a result leaves the Grams of a cascade as they are, although rows go from level to level for it', () => {
  const { data, n, d } = nearPlane(seeded(2), 8000, 10);
  const sketch = new UniversalSetSketch({ d, epsilon: 0.1, f: huber(1) });
  sketch.insert({ data, shape: [n, d] });
  const before = sketch.toBytes();
  const set = sketch.finish();
  expect(Buffer.compare(sketch.toBytes(), before)).toBe(0);
  expect(sketch.finish()).toEqual(set);
});

test('a set that rounding leaves wide open is not called minimal', () => {
  const random = seeded(2);
  const [n, d] = [5000, 3];
  const data = new Float64Array(n * d);
  for (let j = 0; j < n; j++) {
    const [a, b, c] = [random.gaussian(), random.gaussian(), random.gaussian()];
    data.set([a, b, a + b + 5e-7 * c], j * d);
  }
  const set = setOf(data, d, 0.002, power(2));
  expect(set.margin).toBeGreaterThan(0.01);
  expect(set).toMatchObject({ guarantee: 'superset', scoreKind: 'upper', total: null });
});
