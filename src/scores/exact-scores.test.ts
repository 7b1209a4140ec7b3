import { expect, test } from 'vitest';
import { exactLeverage } from '../../test/oracle/exact.js';
import { generators } from '../../test/oracle/generators.js';
import type { Matrix } from '../../test/oracle/matrix.js';
import { nearPlane } from '../../test/oracle/near-plane.js';
import { seeded } from '../../test/oracle/random.js';
import { ArrayMatrix } from '../keys.js';
import { run } from '../steps.js';
import { exactScores } from './exact-scores.js';

function expectExact(matrix: Matrix): void {
  const { scores } = exactLeverage(matrix);
  run(exactScores(new ArrayMatrix(matrix.data, matrix.n, matrix.d))).forEach((score, j) => {
    expect(Math.abs(score - scores[j])).toBeLessThanOrEqual(1e-14 * scores[j] + 1e-50);
  });
}

test.each(
  generators.map(({ name, make }) => [name, make] as const),
)('%s: the scores of the oracle', (_, make) => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = seeded(seed);
    expectExact(make(random, random.integer(1, 20), random.integer(1, 5)));
  }
});

test('rows that doubled precision does not tell from a plane', () => {
  expectExact(nearPlane(seeded(1), 30, 3));
});

test('subnormal numbers beside large ones', () => {
  expectExact({ data: Float64Array.of(5e-324, 1e300, 1.5e-323, 2e300, 0, 1e-300), n: 3, d: 2 });
});
