/** Changes that must not change the set: K -> K A, rows in another order, rows with another sign, zero rows in between. */
import { parseWeight, type UniversalSet, universalSet } from '../../src/index.js';
import { gaussianGrid } from '../oracle/generators.js';
import { type Matrix, tensor } from '../oracle/matrix.js';
import { type Check, claim, flat } from './check.js';

export const checkInvariance: Check = (random) => {
  // Multiples of 2^-9: products with small integers are exact, so the true set stays the very same.
  const [n, d] = [random.integer(1, 60), random.integer(1, 5)];
  const matrix = gaussianGrid(random, n, d);
  const f = parseWeight(
    random.pick(['power:2', 'power:2', 'power:1', 'power:3', 'power:0.5', 'huber:1', 'tukey:2']),
  );
  const epsilon = 0.02 ** random.uniform();
  const exact = f.power === 2;
  const find = (keys: Matrix): UniversalSet => flat(universalSet(tensor(keys), { epsilon, f, exact }));
  const before = find(matrix);

  const change = random.pick(['columns', 'order', 'signs', 'zero rows']);
  const order = Array.from({ length: n }, (_, j) => j);
  if (change === 'order') order.sort(() => random.uniform() - 0.5);
  const at = change === 'zero rows' ? random.integer(0, n) : n;
  const extra = change === 'zero rows' ? random.integer(1, 5) : 0;
  const data = new Float64Array((n + extra) * d);
  const place = (position: number): number => (position < at ? position : position + extra);
  order.forEach((j, position) => {
    const sign = change === 'signs' && random.chance(0.5) ? -1 : 1;
    for (let c = 0; c < d; c++) data[place(position) * d + c] = sign * matrix.data[j * d + c];
  });
  if (change === 'columns')
    for (let step = 0; step < 4; step++) {
      // Adds twice or minus a column to another, or scales one by a power of two.
      const [a, b, factor] = [random.integer(0, d - 1), random.integer(0, d - 1), random.pick([-1, 2])];
      for (let i = 0; i < n; i++)
        if (a === b) data[i * d + a] *= 2 ** (10 * factor);
        else if (step < 2) data[i * d + a] += factor * data[i * d + b];
    }
  const after = find({ data, n: n + extra, d });

  // Keys within the margin of a threshold may go either way; for p = 2 they are named.
  const expected = before.indices.map((j) => place(order.indexOf(j))).sort((x, y) => x - y);
  const open = new Set([...before.undecided.map((j) => place(order.indexOf(j))), ...after.undecided]);
  const settled = (indices: readonly number[]): string => indices.filter((j) => !open.has(j)).join();
  claim(
    settled(expected) === settled(after.indices),
    () => `${change}, ${n} x ${d}, ${f.name}, epsilon ${epsilon}: [${expected}] becomes [${after.indices}]`,
  );
  claim(
    before.rank === after.rank,
    () => `${change}, ${n} x ${d}: rank ${before.rank} becomes ${after.rank}`,
  );
};
