/** Grams in float32: no entry is further off than the bound that certificates take, at any scale that they are taken at. */
import { describe, expect, it } from 'vitest';
import { type Floats, matrixOver } from '../keys.js';
import { randomStream } from '../random.js';
import { run } from '../steps.js';
import { diagonalRoots, gramOf, hasSingleDigits, SINGLE_DEPTH, UNIT_ROUNDOFF } from './gram.js';

const d = 6;
const bound = SINGLE_DEPTH * UNIT_ROUNDOFF;

/** The largest |G - exact|_ij / (s_i s_j), G of the float32 kernel; float64 is exact beside that. */
function worstError(rows: Floats): number {
  const matrix = matrixOver(rows, rows.length / d, d);
  const single = run(gramOf(matrix, { d, single: true }));
  const exact = run(gramOf(matrixOver(Float64Array.from(rows), matrix.n, d), { d }));
  const roots = diagonalRoots(exact, d);
  expect(diagonalRoots(single, d).every((root) => hasSingleDigits(root * root))).toBe(true);
  return single.reduce(
    (worst, entry, i) =>
      Math.max(worst, Math.abs(entry - exact[i]) / (roots[Math.floor(i / d)] * roots[i % d])),
    0,
  );
}

const filled = (n: number, entry: (i: number, c: number) => number) =>
  Float64Array.from({ length: n * d }, (_, at) => entry(Math.floor(at / d), at % d));

describe('a Gram in float32', () => {
  const { normal, uniform } = randomStream(1);
  /** Entries whose rounding to float32, products and sums all fall on one side, as far as may be. */
  const oneSided: readonly [string, (i: number, c: number) => number][] = [
    ['entries just below half a unit', () => 1 + 2 ** -24 - 2 ** -50],
    ['entries just above half a unit', () => 1 + 2 ** -24 + 2 ** -50],
    ['products that are rounded down', () => Math.fround(1 + 2 ** -12 - 2 ** -23)],
    ['sums that lose what is added', (i) => (i % 64 === 0 ? 4096 : Math.fround(0.99 + i * 2 ** -20))],
    ['one large row, then ones', (i) => (i % 16 === 0 ? 5793 : 1.4)],
    ['random signs', () => (uniform() < 0.5 ? -1 : 1) * (1 + 2 ** -24 + 2 ** -50)],
    ['normal numbers', () => normal()],
  ];

  it.each(oneSided)('is within the bound for %s', (_, entry) => {
    for (const n of [1, 16, 63, 64, 1000, 5000]) {
      const rows = filled(n, entry);
      expect(worstError(rows)).toBeLessThanOrEqual(bound);
      expect(worstError(Float32Array.from(rows))).toBeLessThanOrEqual(bound);
    }
  });

  it('comes near that bound: it cannot be a fraction of it', () => {
    const worst = Math.max(...oneSided.map(([, entry]) => worstError(filled(5000, entry))));
    expect(worst).toBeGreaterThan(bound / 8);
  });

  it('is within the bound from the smallest to the largest columns that it is trusted with', () => {
    for (const exponent of [-45, -44.5, -30, 0, 30, 43])
      for (const n of [64, 5000]) {
        // Most products of the smallest columns are below the range of float32.
        const size = 2 ** exponent / Math.sqrt(n);
        const rows = filled(n, (i, c) =>
          i === 7 ? 2 ** exponent * 1.01 : size * 2 ** (-25 * uniform()) * (c + 1),
        );
        expect(worstError(rows)).toBeLessThanOrEqual(bound);
      }
    const mixed = filled(3000, (_, c) => normal() * 2 ** [-44, 40, -20, 0, 30, -44][c]);
    expect(worstError(mixed)).toBeLessThanOrEqual(bound);
  });

  it('is not trusted where columns are shorter or longer than that', () => {
    for (const exponent of [-46, -80, -160, 51, 70, 130, 500]) {
      const matrix = matrixOver(
        filled(100, (_, c) => (c === 2 ? 0.1 * 2 ** exponent : 1)),
        100,
        d,
      );
      const gram = run(gramOf(matrix, { d, single: true }));
      const trusted = Array.from({ length: d }, (_, c) => hasSingleDigits(gram[c * d + c]));
      expect(trusted).toEqual([true, true, false, true, true, true]);
    }
  });
});
