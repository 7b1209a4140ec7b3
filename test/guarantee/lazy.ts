/** The lazy set of many keys against scores by an independent factorisation: no key is lost, in any order of the rows and at any scale. */
import { run, type UniversalSet, universalSet } from '../../src/index.js';
import { matrixOver } from '../../src/keys.js';
import { lazySet } from '../../src/universal-set/lazy.js';
import { universalSetOf } from '../../src/universal-set/result.js';
import { type Matrix, tensor } from '../oracle/matrix.js';
import { qrLeverage } from '../oracle/orthogonal.js';
import type { Random } from '../oracle/random.js';
import { type Check, claim, claimWellFormed, flat, neighbour } from './check.js';

type Make = (random: Random, n: number, d: number) => Float64Array;

function fill(n: number, d: number, entry: (i: number, c: number) => number): Float64Array {
  const data = new Float64Array(n * d);
  for (let i = 0; i < n; i++) for (let c = 0; c < d; c++) data[i * d + c] = entry(i, c);
  return data;
}

const gaussian: Make = (random, n, d) => fill(n, d, () => random.gaussian());

/** Rows of Gaussian numbers times a factor each. */
const rowScaled = (random: Random, n: number, d: number, factor: (i: number) => number): Float64Array => {
  const factors = Float64Array.from({ length: n }, (_, i) => factor(i));
  return fill(n, d, (i) => factors[i] * random.gaussian());
};

const student: Make = (random, n, d) =>
  rowScaled(random, n, d, () => Math.sqrt(2 / (random.gaussian() ** 2 + random.gaussian() ** 2)));

/** Rows in the order of a key. */
function sortedBy(data: Float64Array, d: number, key: (row: Float64Array) => number): Float64Array {
  const rows = Array.from({ length: data.length / d }, (_, i) => data.subarray(i * d, (i + 1) * d));
  const keys = new Map(rows.map((row) => [row, key(row)]));
  rows.sort((a, b) => (keys.get(a) as number) - (keys.get(b) as number));
  const out = new Float64Array(data.length);
  rows.forEach((row, i) => {
    out.set(row, i * d);
  });
  return out;
}

const square = (row: Float64Array) => row.reduce((sum, x) => sum + x * x, 0);

/** Keys that a part of the rows describes badly, or filters in float32. */
const makers: Readonly<Record<string, Make>> = {
  gaussian,
  'student-2': student,
  'column scales to 1e-4': (random, n, d) => {
    const scales = Array.from({ length: d }, () => 10 ** (-4 * random.uniform()));
    return student(random, n, d).map((x, i) => x * scales[i % d]);
  },
  'hidden small directions': (random, n, d) => {
    const sizes = Array.from({ length: d }, (_, c) => (c % 3 === 1 ? 1e-3 : 1));
    const rare = Array.from({ length: n }, () => random.chance(3 / n));
    const data = fill(n, d, (i, c) => random.gaussian() * (rare[i] ? 1 : sizes[c]));
    return mixed(random, data, d);
  },
  'an almost zero column': (random, n, d) => {
    const rare = Array.from({ length: n }, () => random.chance(2 / n));
    const size = random.pick([0, 1e-12, 1e-6]);
    return fill(n, d, (i, c) => (c === d - 1 ? (rare[i] ? 1 : size * random.gaussian()) : random.gaussian()));
  },
  'mean and outliers': (random, n, d) => {
    const mean = Array.from({ length: d }, () => 20 * random.gaussian());
    const factors = Array.from({ length: n }, () => (random.chance(5 / n) ? 30 : 1));
    return fill(n, d, (i, c) => mean[c] + factors[i] * random.gaussian());
  },
  'sorted by norm': (random, n, d) => sortedBy(student(random, n, d), d, square),
  'sorted by norm, falling': (random, n, d) => sortedBy(student(random, n, d), d, (row) => -square(row)),
  'sorted clusters': (random, n, d) => {
    const count = random.integer(2, 12);
    const centres = Array.from({ length: count }, () =>
      Array.from({ length: d }, () => 8 * random.gaussian()),
    );
    // Uneven: the last clusters hold a few rows only.
    const of = (i: number) => Math.min(count - 1, Math.floor(-Math.log2(1 - i / n)));
    return fill(n, d, (i, c) => centres[of(i)][c] + 0.2 * random.gaussian());
  },
  periodic: (random, n, d) => {
    const period = random.pick([32, 64, 128]);
    return fill(n, d, (i) => random.gaussian() * (i % period === 0 ? 12 : 1));
  },
  // The subset and the candidates hold all there is, so that scores against them are exact, to the last bit of epsilon.
  specks: (random, n, d) => rowScaled(random, n, d, () => (random.chance(0.08) ? 1 : 1e-7)),
  'few huge rows': (random, n, d) => rowScaled(random, n, d, () => (random.chance(3 / n) ? 1e5 : 1)),
  'all heavy in their time': (random, n, d) => {
    // Blocks of rows that live in one direction each.
    const length = Math.ceil(n / d);
    return fill(n, d, (i, c) => (Math.floor(i / length) === c ? 3 : 0.01) * random.gaussian());
  },
  'scales of rows': (random, n, d) => rowScaled(random, n, d, () => 10 ** (3 * random.gaussian())),
  'condition 1e6': (random, n, d) => {
    const data = fill(n, d, (_, c) => random.gaussian() * 10 ** (d === 1 ? 0 : (-6 * c) / (d - 1)));
    return mixed(random, data, d);
  },
};

/** K (I - 2 v v^T) (I - 2 w w^T): other coordinates, the same scores up to rounding of the keys. */
function mixed(random: Random, data: Float64Array, d: number): Float64Array {
  const out = data.slice();
  for (let k = 0; k < 2; k++) {
    const v = Float64Array.from({ length: d }, () => random.gaussian());
    const norm = square(v);
    for (let i = 0; i < out.length; i += d) {
      let dot = 0;
      for (let c = 0; c < d; c++) dot += v[c] * out[i + c];
      for (let c = 0; c < d; c++) out[i + c] -= ((2 * dot) / norm) * v[c];
    }
  }
  return out;
}

function drawMatrix(random: Random): { matrix: Matrix; epsilon: number; name: string } {
  const name = random.pick(Object.keys(makers));
  const wide = random.chance(0.01);
  const d = wide ? random.integer(32, 128) : random.integer(1, 8);
  // Small epsilon with few columns only: the number of rows grows with d/epsilon.
  const least = wide ? 0.2 : d <= 2 ? 0.005 : 0.04;
  const epsilon = 0.3 * (least / 0.3) ** random.uniform();
  // Above 16 d/epsilon, where a part of the rows is enough.
  const n = Math.ceil((16 * d) / epsilon) + random.integer(1, 200) * 2 + 1;
  const data = makers[name](random, n, d);
  return { matrix: { data: random.chance(0.6) ? Float32Array.from(data) : data, n, d }, epsilon, name };
}

export const checkLazy: Check = (random) => {
  const { matrix, epsilon: drawn, name } = drawMatrix(random);
  const { n, d } = matrix;
  const { scores, condition } = qrLeverage(matrix);
  const error = 1e-13 * Math.min(condition, 1e6);
  // One of the scores to the last bit, or anything.
  const near = Array.from(scores.keys()).filter((j) => scores[j] > drawn / 2 && scores[j] < 0.5);
  const epsilon =
    near.length > 0 && random.chance(0.5)
      ? neighbour(scores[near[random.integer(0, near.length - 1)]], random.integer(-1, 1))
      : drawn;
  const set = lazily(matrix, epsilon);
  const label = `${name}, ${n} x ${d}${matrix.data instanceof Float32Array ? ' float32' : ''}, epsilon ${epsilon}, ${set.guarantee}`;
  claimWellFormed(set.indices, set.scores, n);
  const kept = new Map(set.indices.map((j, i) => [j, set.scores[i]]));
  for (let j = 0; j < n; j++) {
    const score = kept.get(j);
    const truth = () => `${label}: key ${j} of score ${scores[j]} +- ${error}`;
    if (score === undefined) claim(!(scores[j] - error > epsilon), () => `${truth()} is lost`);
    else if (set.scoreKind === 'upper')
      claim(score >= scores[j] - error && score >= epsilon, () => `${truth()} has the upper score ${score}`);
  }
  // Only where all rows are taken after all can keys be undecided.
  claim(
    kept.size - set.undecided.length <= set.sizeBound * (1 + 1e-12),
    () => `${label}: ${kept.size} keys over the bound ${set.sizeBound}, margin ${set.margin}`,
  );
  claimLazy(set, label);
};

/** What universalSet does of much work, on few rows. */
function lazily(matrix: Matrix, epsilon: number): UniversalSet {
  const { data, n, d } = matrix;
  const found = run(lazySet(matrixOver(data, n, d), epsilon));
  return found
    ? universalSetOf(n, d, 'power:2', found)
    : flat(universalSet(tensor(matrix), { epsilon, exact: true }));
}

function claimLazy({ guarantee, scoreKind, total, rank }: UniversalSet, label: string): void {
  claim(guarantee !== 'none' && (scoreKind === 'exact') === (guarantee === 'minimal'), () => label);
  claim(total === null || total === rank, () => `${label}: total ${total}`);
}
