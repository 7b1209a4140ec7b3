import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exactAttention } from '../exact.js';
import { levAttention } from '../lev-attention.js';
import { distance, randomTensor } from '../testing.js';
import { commonSides } from './sides.js';

/** sum_j w_j s_j k_j over the members of a pair. */
function sumOf(k: Float64Array, d: number, members: Int32Array, pair: number, factors: ArrayLike<number>) {
  const sum = new Float64Array(d);
  members.forEach((other, j) => {
    for (let c = 0; c < d && other === pair; c++) sum[c] += factors[j] * k[j * d + c];
  });
  return sum;
}
const norm = (x: Float64Array) => Math.sqrt(x.reduce((sum, y) => sum + y * y, 0));

describe('commonSides', () => {
  const cases = fc.record({
    seed: fc.nat(),
    n: fc.integer({ min: 1, max: 9 }),
    d: fc.integer({ min: 1, max: 3 }),
    pairs: fc.integer({ min: 1, max: 3 }),
    exponent: fc.integer({ min: -150, max: 150 }),
  });

  it("brings each key to the side of its pair's weighted sum, close to the longest that signs can make", () => {
    let [found, best] = [0, 0];
    fc.assert(
      fc.property(cases, ({ seed, n, d, pairs, exponent }) => {
        const k = randomTensor([n, d], seed).data.map((x) => x * 10 ** exponent) as Float64Array;
        const members = Int32Array.from(
          { length: n },
          (_, j) => (j < pairs ? j : (j * 5) % (pairs + 1)) - (j < pairs ? 0 : 1),
        );
        const used = Math.max(...members) + 1;
        const weights = randomTensor([n], seed + 1).data.map(Math.abs) as Float64Array;
        const signs = commonSides(k, d, members, weights);
        const factors = Float64Array.from(signs, (sign, j) => sign * weights[j]);
        for (let pair = 0; pair < used; pair++) {
          const u = sumOf(k, d, members, pair, factors);
          const unit = norm(u);
          members.forEach((other, j) => {
            if (other !== pair) return;
            const dot = u.reduce((sum, x, c) => sum + (x / unit) * k[j * d + c] * signs[j], 0);
            expect(dot).toBeGreaterThanOrEqual(-1e-12 * norm(k.subarray(j * d, (j + 1) * d)));
          });
          let longest = 0;
          for (let code = 0; code < 2 ** n; code++) {
            const flipped = weights.map((w, j) => ((code >> j) & 1 ? -w : w));
            longest = Math.max(longest, norm(sumOf(k, d, members, pair, flipped)));
          }
          // The least of 20,000 cases was 0.36; the mean is what counts.
          expect(unit).toBeGreaterThan(0.3 * longest);
          found += unit / longest;
          best++;
        }
      }),
      { numRuns: 100 },
    );
    expect(found / best).toBeGreaterThan(0.97);
  });

  it('does not depend on which of a key and its negative is given, but for the sign', () => {
    const { data } = randomTensor([40, 4], 3);
    const k = data as Float64Array;
    const flips = Array.from({ length: 40 }, (_, j) => (j % 3 === 0 ? -1 : 1));
    const members = Int32Array.from({ length: 40 }, (_, j) => j % 4);
    const turned = k.map((x, at) => x * flips[Math.floor(at / 4)]);
    const [a, b] = [commonSides(k, 4, members), commonSides(turned, 4, members)];
    for (let pair = 0; pair < 4; pair++) {
      const products = [...members.keys()].filter((j) => j % 4 === pair).map((j) => a[j] * b[j] * flips[j]);
      expect(new Set(products).size).toBe(1);
    }
  });
});

it('clusters err far less than dropping with |x|^p, on keys of a few directions in both senses', () => {
  const [n, d] = [1000, 8];
  const centres = randomTensor([30, d], 1).data;
  const ofCentre = (j: number, at: number) => centres[((j * 7) % 30) * d + at];
  const noise = randomTensor([n, d], 2).data;
  const k = {
    data: noise.map((x, at) => {
      const j = Math.floor(at / d);
      return (j % 2 === 0 ? 1 : -1) * (ofCentre(j, at % d) + 0.1 * x);
    }),
    shape: [n, d],
  };
  const v = { data: noise.map((x, at) => ofCentre(Math.floor(at / d) + 1, at % d) + 0.1 * x), shape: [n, d] };
  const q = randomTensor([100, d], 4);
  for (const weights of [2, 4]) {
    const exact = exactAttention(q, k, v, { weights }).data;
    const [drop, mean, clusters] = ['drop', 'mean', 'clusters'].map((tail) =>
      distance(levAttention(q, k, v, { keys: 60, tail, weights }).out.data, exact),
    );
    expect(clusters).toBeLessThan(drop / 10);
    expect(mean).toBeLessThan(drop);
  }
});
