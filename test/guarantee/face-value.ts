/** Numbers at face value: keys that are heavy along a direction below their own rounding, judged by exact arithmetic alone. */
import { power, sensitivities, universalSet } from '../../src/index.js';
import { exactLeverage } from '../oracle/exact.js';
import { fromRows, tensor } from '../oracle/matrix.js';
import type { Random } from '../oracle/random.js';
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

export const checkFaceValue: Check = (random) => {
  const n = random.integer(1, 24);
  const d = random.integer(2, 6);
  const matrix = fromRows(random.pick([nearlyDependent, nearlyRepeated])(random, n, d));
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
  const { lower, upper } = flat(sensitivities(tensor(matrix), { p: 2 }));
  for (let j = 0; j < n; j++)
    claim(
      truth.compare(j, upper[j]) <= 0 && (lower[j] === 0 || truth.compare(j, lower[j]) >= 0),
      () => `${n} x ${d}: key ${j} of exact score ${truth.scores[j]} is not in [${lower[j]}, ${upper[j]}]`,
    );
};
