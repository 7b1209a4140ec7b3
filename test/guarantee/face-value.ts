/** Numbers at face value: keys that are heavy along a direction below their own rounding, judged by exact arithmetic alone. */
import { power, sensitivities, universalSet } from '../../src/index.js';
import { type ExactLeverage, exactLeverage } from '../oracle/exact.js';
import { fromRows, type Matrix, tensor } from '../oracle/matrix.js';
import { nearPlane } from '../oracle/near-plane.js';
import type { Random } from '../oracle/random.js';
import { sensitivityOf } from '../oracle/sensitivity.js';
import { type Check, claim, drawEpsilon, flat } from './check.js';

/** Rows whose last entry is a combination of the others but for a relative 1e-8 to 1e-18 of it in some of them. */
function nearlyDependent(random: Random, n: number, d: number): number[][] {
  const combination = Array.from({ length: d - 1 }, () => random.gaussian());
  return Array.from({ length: n }, () => {
    const row = combination.map(() => random.gaussian());
    const last = row.reduce((sum, entry, c) => sum + entry * combination[c], 0);
    const off = random.chance(0.2) ? 10 ** (-8 - 10 * random.uniform()) * random.gaussian() : 0;
    return [...row, last * (1 + off)];
  });
}

/** Integer rows and multiples of them by powers of two, one of them off by a little. */
function nearlyRepeated(random: Random, n: number, d: number): number[][] {
  const base = Array.from({ length: random.integer(1, d) }, () =>
    Array.from({ length: d }, () => random.integer(-3, 3)),
  );
  const rows = Array.from({ length: n }, () => {
    const factor = 2 ** random.integer(-40, 3);
    return random.pick(base).map((entry) => entry * factor);
  });
  const chosen = random.integer(0, n - 1);
  rows[chosen] = rows[chosen].map((entry) => entry + random.gaussian() * 10 ** (-20 * random.uniform()));
  return rows;
}

/** Rounded to float32, unless a number is beyond its range. */
function inSinglePrecision(matrix: Matrix): Matrix {
  const data = Float32Array.from(matrix.data);
  return data.every(Number.isFinite) ? { ...matrix, data } : matrix;
}

/**
 * Rows of whole numbers of low rank, some of them off by 1 or by 10^-10 to 10^-300 where they are zero, and rows as near to a plane as those of `nearPlane`; columns
 * and rows scaled by powers of two, columns copied, rows repeated.
 */
function nearPlanes(random: Random, n: number, d: number): number[][] {
  const most = 2 ** random.integer(2, 24);
  const whole = () => random.integer(-most, most);
  const base = Array.from({ length: random.integer(1, d - 1) }, () =>
    Array.from({ length: d }, () => (random.chance(0.3) ? 0 : whole())),
  );
  const [share, reach, columns] = [
    random.pick([0.1, 0.5, 1]),
    random.pick([0, 60, 300]),
    random.pick([0, 40, 150]),
  ];
  const off = () => (random.chance(share) ? random.pick([1, -1]) * 10 ** -(10 + 290 * random.uniform()) : 0);
  const plane =
    d === 3 && random.chance(0.5) ? nearPlane(random, n, random.pick([0.3, 1, 30])).data : undefined;
  const rows = Array.from({ length: n }, (_, j) => {
    if (plane) return Array.from(plane.subarray(3 * j, 3 * j + 3));
    const factors = base.map(whole);
    const row = base[0].map((_, c) => factors.reduce((sum, factor, i) => sum + factor * base[i][c], 0));
    return row.map((x) => (x === 0 ? off() : x + Math.round(off() * 1e10)));
  });
  const scales = rows[0].map(() => 2 ** random.integer(-columns, columns));
  const copied = random.chance(0.3);
  return rows.map((_, j) => {
    const row = rows[random.chance(0.2) ? random.integer(0, n - 1) : j];
    const scale = random.chance(0.2) ? 2 ** random.integer(-reach, reach) : 1;
    return row.map((x, c) => (copied && c === 0 ? row[1] * scales[1] : x * scales[c]) * scale);
  });
}

export const checkFaceValue: Check = (random) => {
  const n = random.integer(1, 24);
  const d = random.integer(2, 8);
  const make = random.pick([nearlyDependent, nearlyRepeated, nearPlanes]);
  const drawn = fromRows(make(random, n, d));
  const matrix = random.chance(0.2) ? inSinglePrecision(drawn) : drawn;
  const truth = exactLeverage(matrix);
  const epsilon = drawEpsilon(random, truth.scores);
  const exact = random.chance(0.2);
  const set = flat(universalSet(tensor(matrix), exact ? { epsilon, f: power(2), exact } : { epsilon }));
  for (let j = 0; j < n; j++)
    claim(
      truth.compare(j, epsilon) < 0 || set.indices.includes(j),
      () =>
        `${n} x ${d}, epsilon ${epsilon}: key ${j} of exact score ${truth.scores[j]} is lost, ${set.guarantee}`,
    );
  for (const [i, j] of set.indices.entries())
    claim(
      truth.compare(j, set.scores[i]) <= 0,
      () =>
        `${n} x ${d}, epsilon ${epsilon}: key ${j} of exact score ${truth.scores[j]} is given ${set.scores[i]}`,
    );
  if (random.chance(0.7)) return;
  checkPowers(random, matrix, truth);
  const { lower, upper } = flat(sensitivities(tensor(matrix), { p: 2 }));
  for (let j = 0; j < n; j++)
    claim(
      truth.compare(j, upper[j]) <= 0 && (lower[j] === 0 || truth.compare(j, lower[j]) >= 0),
      () => `${n} x ${d}: key ${j} of exact score ${truth.scores[j]} is not in [${lower[j]}, ${upper[j]}]`,
    );
};

/** Rounding of the oracle. */
const SLACK = 1e-8;

/** Other powers, against convex programmes over the exact basis. */
function checkPowers(random: Random, matrix: Matrix, truth: ExactLeverage): void {
  const p = random.pick([1, 1.5, 3, 4, 6]);
  const { lower, upper } = flat(sensitivities(tensor(matrix), { p }));
  const ends = Array.from(upper, (_, j) => sensitivityOf(truth.basis, matrix.n, j, p, random));
  const epsilon = drawEpsilon(
    random,
    ends.map((end) => end.lower),
  );
  const exact = random.chance(0.5);
  const { indices } = flat(universalSet(tensor(matrix), { epsilon, f: power(p), exact }));
  ends.forEach((end, j) => {
    const about = () =>
      `${matrix.n} x ${matrix.d}, p ${p}: key ${j} of sensitivity ${end.lower} to ${end.upper} is in [${lower[j]}, ${upper[j]}]`;
    claim(lower[j] <= upper[j] && !(end.lower * (1 - SLACK) > upper[j]), about);
    // Where squares of a row underflow the oracle knows no upper end.
    claim(!(end.upper > 0 && lower[j] * (1 - SLACK) > end.upper), about);
    claim(
      indices.includes(j) || !(end.lower * (1 - SLACK) >= epsilon),
      () => `${about()}, lost at epsilon ${epsilon}, exact ${exact}`,
    );
  });
}
