/** The oracles are checked against each other and against certified values before they judge anything. */
import { describe, expect, test } from 'vitest';
import { attack } from './adversary.js';
import { FILIP, filip, longley, longleyResponse, wampler } from './designs.js';
import { exactLeverage, ratio, toInteger } from './exact.js';
import { generators } from './generators.js';
import { fromRows } from './matrix.js';
import { qrLeverage, svdLeverage } from './orthogonal.js';
import { seeded } from './random.js';
import { sensitivityByVertices, sensitivityOf } from './sensitivity.js';
import { mEstimators, power } from './weights.js';

const size = (seed: number): { n: number; d: number } => {
  const random = seeded(seed);
  return { d: random.integer(1, 5), n: random.integer(1, 40) };
};

describe('the generator of draws', () => {
  test('repeats, differs between seeds, and has the moments it should', () => {
    const [a, b, c] = [seeded(1), seeded(1), seeded(2)];
    expect(a.uniform()).toBe(b.uniform());
    expect(a.uniform()).not.toBe(c.uniform());
    let [mean, square] = [0, 0];
    for (let k = 0; k < 20000; k++) {
      const x = a.gaussian();
      mean += x / 20000;
      square += (x * x) / 20000;
    }
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(square - 1)).toBeLessThan(0.04);
  });
});

describe('exact leverage scores', () => {
  test('floats are read exactly', () => {
    for (const x of [1, -0.1, 3e-320, 1.7e308, 2 ** -1074, 0]) {
      const { mantissa, exponent } = toInteger(x);
      const half = Math.trunc(exponent / 2);
      expect(Number(mantissa) * 2 ** half * 2 ** (exponent - half)).toBe(x);
    }
    expect(ratio(1n, 3n)).toBe(1 / 3);
    expect(ratio(-(10n ** 400n), 10n ** 401n)).toBeCloseTo(-0.1, 15);
  });

  test('known by hand', () => {
    const { scores, rank, compare } = exactLeverage(fromRows([[1], [1], [2], [0]]));
    expect(rank).toBe(1);
    expect(Array.from(scores)).toEqual([1 / 6, 1 / 6, 4 / 6, 0]);
    expect([compare(2, 4 / 6), compare(2, 0.6), compare(2, 0.7), compare(3, Number.MIN_VALUE)]).toEqual([
      1, 1, -1, -1,
    ]); // the float nearest to 2/3 is below it
    expect(
      Array.from(
        exactLeverage(
          fromRows([
            [1, 0],
            [1, 1e-200],
          ]),
        ).scores,
      ),
    ).toEqual([1, 1]);
  });

  test.each(generators)('$name: the basis is orthonormal, its rows give the scores, QR and SVD agree', ({
    make,
    conditioning,
  }) => {
    for (let seed = 0; seed < 8; seed++) {
      const { n, d } = size(seed);
      const matrix = make(seeded(seed), n, d);
      const { scores, rank, basis } = exactLeverage(matrix);
      expect(rank).toBeLessThanOrEqual(Math.min(n, d));
      for (let a = 0; a < rank; a++)
        for (let b = 0; b <= a; b++) {
          let sum = 0;
          for (let i = 0; i < n; i++) sum += basis[i * rank + a] * basis[i * rank + b];
          expect(Math.abs(sum - (a === b ? 1 : 0))).toBeLessThan(1e-13);
        }
      for (let i = 0; i < n; i++) {
        let sum = 0;
        for (let a = 0; a < rank; a++) sum += basis[i * rank + a] ** 2;
        expect(Math.abs(sum - scores[i])).toBeLessThan(1e-14);
      }
      if (conditioning !== 'good') continue;
      for (const other of [qrLeverage(matrix), svdLeverage(matrix)]) {
        expect(other.rank).toBe(rank);
        for (let i = 0; i < n; i++) expect(Math.abs(other.scores[i] - scores[i])).toBeLessThan(1e-9);
      }
    }
  });

  test('the designs: QR within 2e-7', () => {
    for (const matrix of [filip(), longley(), wampler()]) {
      const exact = exactLeverage(matrix);
      const qr = qrLeverage(matrix);
      expect(exact.rank).toBe(matrix.d);
      for (let i = 0; i < matrix.n; i++) expect(Math.abs(qr.scores[i] - exact.scores[i])).toBeLessThan(2e-7);
    }
    expect(svdLeverage(filip()).condition).toBeGreaterThan(1e9);
  });
});

describe('the data of the designs', () => {
  /** Residual sum of squares of y on X with integer entries: det [X y]^T [X y] / det X^T X. */
  function residual(rows: bigint[][]): { numerator: bigint; denominator: bigint } {
    const d = rows[0].length;
    const gram = Array.from({ length: d }, (_, a) =>
      Array.from({ length: d }, (_, b) => rows.reduce((sum, row) => sum + row[a] * row[b], 0n)),
    );
    let before = 1n;
    for (let k = 0; k < d - 1; k++) {
      for (let a = k + 1; a < d; a++)
        for (let b = k + 1; b < d; b++)
          gram[a][b] = (gram[a][b] * gram[k][k] - gram[a][k] * gram[k][b]) / before;
      before = gram[k][k];
    }
    return { numerator: gram[d - 1][d - 1], denominator: before };
  }

  test('Filip has the certified residual standard deviation 0.334801051324544E-02', () => {
    const rows = FILIP.map(([x, y]) => {
      const integer = BigInt(Math.round(x * 1e9));
      return [...Array.from({ length: 11 }, (_, k) => integer ** BigInt(k)), BigInt(Math.round(y * 1e4))];
    });
    const { numerator, denominator } = residual(rows);
    expect(FILIP).toHaveLength(82);
    expect(Math.sqrt(ratio(numerator, denominator * 10n ** 8n) / 71)).toBeCloseTo(0.334801051324544e-2, 14);
  });

  test('Longley has the certified residual standard deviation 304.854073561965', () => {
    const { data, n, d } = longley();
    const y = longleyResponse();
    const rows = Array.from({ length: n }, (_, i) => [
      ...Array.from({ length: d }, (_, c) => BigInt(Math.round(data[i * d + c] * 10))),
      BigInt(y[i]),
    ]);
    const { numerator, denominator } = residual(rows);
    expect(Math.sqrt(ratio(numerator, denominator) / 9)).toBeCloseTo(304.854073561965, 9);
  });
});

describe('sensitivities', () => {
  test.each([1, 1.25, 1.5, 2, 3, 4, 6])('p = %d: both ends meet on every generator', (p) => {
    for (const [index, { make }] of generators.entries())
      for (let seed = 0; seed < 2; seed++) {
        const random = seeded(100 * index + seed);
        const matrix = make(random, random.integer(1, 30), random.integer(1, 4));
        const { basis, rank, scores } = exactLeverage(matrix);
        for (let j = 0; rank > 0 && j < matrix.n; j++) {
          const { lower, upper } = sensitivityOf(basis, matrix.n, j, p, random);
          expect(lower).toBeLessThanOrEqual(upper * (1 + 1e-12));
          expect((upper - lower) / (upper || 1)).toBeLessThan(1e-6);
          if (p === 2) expect(Math.abs(lower - scores[j])).toBeLessThan(1e-12);
        }
      }
  });

  test('p = 1 equals the best vertex', () => {
    for (let seed = 0; seed < 40; seed++) {
      const random = seeded(seed);
      const { make } = random.pick(generators);
      const matrix = make(random, random.integer(1, 14), random.integer(1, 3));
      const { basis, rank } = exactLeverage(matrix);
      for (let j = 0; rank > 0 && j < matrix.n; j++) {
        const { lower } = sensitivityOf(basis, matrix.n, j, 1, random);
        expect(Math.abs(lower - sensitivityByVertices(basis, matrix.n, j))).toBeLessThan(1e-7);
      }
    }
  });
});

describe('attacks', () => {
  test('find the sensitivities of |x|^2 and never exceed those of |x|^p', () => {
    for (let seed = 0; seed < 30; seed++) {
      const random = seeded(seed);
      const { make } = random.pick(generators);
      const matrix = make(random, random.integer(1, 30), random.integer(1, 4));
      const { n } = matrix;
      const { basis, rank, scores } = exactLeverage(matrix);
      if (rank === 0) continue;
      const two = attack(basis, n, power(2), 1, true, random).lower;
      const three = attack(basis, n, power(3), 1, true, random).lower;
      for (let j = 0; j < n; j++) {
        expect(two[j]).toBeLessThanOrEqual(scores[j] + 1e-15);
        expect(two[j]).toBeGreaterThan(scores[j] - 1e-9);
        expect(three[j]).toBeLessThanOrEqual(sensitivityOf(basis, n, j, 3, random).upper + 1e-14);
      }
    }
  });

  test('find a bounded f at large queries: three of four keys can be silenced', () => {
    const { basis, rank } = exactLeverage(
      fromRows([
        [1, 0],
        [0, 1],
        [0, 2],
        [0, 3],
      ]),
    );
    expect(rank).toBe(2);
    for (const make of Object.values(mEstimators)) {
      const { lower } = attack(basis, 4, make(2), 2, false, seeded(1));
      expect(lower[0]).toBeCloseTo(1, 6);
    }
    const { lower } = attack(basis, 4, mEstimators.tukey(2), 2, false, seeded(1));
    expect(lower[1]).toBeGreaterThan(1 / 3 - 1e-6); // all of size beyond the bend
  });
});
