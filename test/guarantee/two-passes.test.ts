/** Two passes over parts: no key is lost by the Gram of all rows, nor with a part that is not read again, on random and hostile keys. */
import { expect, test } from 'vitest';
import { matrixOver } from '../../src/keys.js';
import { GramPass, GramSummary } from '../../src/universal-set/gram-summary.js';
import { GramFilter } from '../../src/universal-set/second-filter.js';
import { exactLeverage } from '../oracle/exact.js';
import { designs, generators } from '../oracle/generators.js';
import { type Matrix, withIntercept } from '../oracle/matrix.js';
import { type Random, seeded } from '../oracle/random.js';

interface Part {
  readonly start: number;
  readonly end: number;
  readonly gram: GramSummary;
}

const rowsOf = ({ data, d }: Matrix, start: number, end: number) =>
  matrixOver(data.subarray(start * d, end * d), end - start, d);

/** Parts of all sizes from one row on, each with its Gram. */
function parts(random: Random, matrix: Matrix, centre: boolean): Part[] {
  const list: Part[] = [];
  for (let start = 0; start < matrix.n; ) {
    const end = Math.min(matrix.n, start + random.pick([1, 2, 5, 40]));
    const pass = new GramPass(matrix.d, centre);
    // In pieces.
    for (let at = start; at < end; ) {
      const stop = Math.min(end, at + random.integer(1, 30));
      pass.insert(rowsOf(matrix, at, stop), at);
      at = stop;
    }
    list.push({ start, end, gram: GramSummary.fromBytes(pass.finish().toBytes()) });
    start = end;
  }
  return list;
}

/** All Grams up a tree of this fan-in. */
function merged(list: readonly Part[], fanIn: number): GramSummary {
  let level = list.map(({ gram }) => GramSummary.fromBytes(gram.toBytes()));
  do {
    const next: GramSummary[] = [];
    level.forEach((gram, i) => {
      if (i % fanIn === 0) next.push(gram);
      else next.at(-1)!.merge(gram);
    });
    level = next;
  } while (level.length > 1);
  return level[0];
}

/** Matrices with the long rows first, as skewed parts have them, and as they came. */
function skewed({ data, n, d }: Matrix): Matrix {
  const square = (i: number) =>
    Array.from(data.subarray(i * d, (i + 1) * d)).reduce((sum, x) => sum + x * x, 0);
  const order = Array.from({ length: n }, (_, i) => i).sort((a, b) => square(b) - square(a));
  const rows = order.map((i) => Array.from(data.subarray(i * d, (i + 1) * d)));
  return { data: Float64Array.from(rows.flat()), n, d };
}

const kinds = [...generators, ...designs].map((kind) => [kind.name, kind] as const);

/** Over all kinds: how often two passes could be taken, and parts were passed over. */
const seen = { filters: 0, skipped: 0, sharp: 0 };

test.each(kinds)('%s', (_, kind) => {
  for (let seed = 0; seed < 4; seed++) {
    const random = seeded(1000 * seed + kind.name.length);
    const made = kind.make(random, random.integer(20, 90), random.integer(1, 6));
    const matrix = seed % 2 === 0 ? made : skewed(made);
    const centre = random.chance(0.3);
    const exact = exactLeverage(centre ? withIntercept(matrix) : matrix);
    const list = parts(random, matrix, centre);
    const all = merged(list, random.integer(2, 16));
    const sums = list.map(({ start, end }) =>
      exact.scores.subarray(start, end).reduce((sum, score) => sum + score, 0),
    );
    // Thresholds that a key, or all keys of a part together, just reach.
    const thresholds = [0.05, 0.3, random.pick([...exact.scores]), random.pick(sums)].filter(
      (epsilon) => epsilon > 0 && epsilon <= 1,
    );
    for (const epsilon of thresholds) {
      const filter = GramFilter.of(all, epsilon);
      if (!filter) continue;
      seen.filters++;
      const found = new Set<number>();
      list.forEach(({ start, end, gram }, i) => {
        const bound = filter.summedScore(gram);
        expect(bound).toBeGreaterThanOrEqual(sums[i] * (1 - 1e-14));
        if (bound < sums[i] * (1 + 1e-6) + 1e-12) seen.sharp++;
        if (bound < epsilon) seen.skipped++;
        else for (const row of filter.filter(rowsOf(matrix, start, end), start).indices) found.add(row);
      });
      const lost = Array.from(exact.scores.keys()).filter(
        (j) => exact.compare(j, epsilon) >= 0 && !found.has(j),
      );
      expect(lost).toEqual([]);
    }
  }
});

test('parts were passed over, and their bounds were sharp', () => {
  expect(seen.filters).toBeGreaterThan(100);
  expect(seen.skipped).toBeGreaterThan(300);
  expect(seen.sharp).toBeGreaterThan(1000);
});
