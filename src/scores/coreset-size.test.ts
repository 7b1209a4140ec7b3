import { describe, expect, it } from 'vitest';
import { randomStream } from '../random.js';
import { rateForCount, samplingRate } from './coreset-size.js';

describe('samplingRate', () => {
  it('is that of matrix Chernoff for p = 2', () => {
    const h = 1.2 * Math.log(1.2) - 0.2;
    expect(samplingRate(10, { p: 2, eta: 0.2, delta: 0.01 })).toBeCloseTo(Math.log(2000) / h, 6);
  });

  it('keeps what the net leaves of eta: both sides follow from the points of the net', () => {
    // With c as returned, some radius g and eta_0 exist that meet the conditions of the proof; looked for here on another grid.
    for (const p of [0.5, 1, 1.5, 3])
      for (const eta of [0.05, 0.5, 0.9]) {
        const [r, delta, q] = [5, 0.05, Math.max(1, p)];
        const rate = samplingRate(r, { p, eta, delta });
        let best = Number.POSITIVE_INFINITY;
        for (let radius = eta / 1000; radius < eta; radius *= 1.003) {
          let [low, high] = [0, eta];
          for (let bisection = 0; bisection < 50; bisection++) {
            const left = (low + high) / 2;
            const most = ((1 + left) ** (1 / q) / (1 - radius)) ** q;
            const least = (1 - left) ** (1 / q) - radius * (1 + eta) ** (1 / q);
            if (most <= 1 + eta && least > 0 && least ** q >= 1 - eta) low = left;
            else high = left;
          }
          const failure = (c: number) =>
            2 *
            Math.exp(
              (r / Math.min(1, p)) * Math.log(1 + 2 / radius) - c * ((1 + low) * Math.log(1 + low) - low),
            );
          if (failure(rate) <= delta * (1 + 1e-2)) best = Math.min(best, failure(rate));
        }
        expect(best).toBeLessThanOrEqual(delta * (1 + 1e-2));
      }
  });

  it('grows with the dimension, and as 1/eta^2 ln(1/eta) for small eta', () => {
    const at = (dimension: number, eta: number) => samplingRate(dimension, { p: 1.5, eta, delta: 0.01 });
    expect(at(20, 0.1)).toBeGreaterThan(at(10, 0.1));
    expect(at(10, 1e-6) / at(10, 1e-5)).toBeGreaterThan(100);
    expect(at(10, 1e-6) / at(10, 1e-5)).toBeLessThan((100 * Math.log(1e6)) / Math.log(1e5));
    expect(at(0, 0.1)).toBeGreaterThan(1);
  });
});

describe('rateForCount', () => {
  it('solves sum min(1, c w) = count', () => {
    const random = randomStream(1);
    const weights = Float64Array.from({ length: 500 }, (_, i) =>
      i % 5 === 0 ? 0 : Math.exp(4 * random.normal()),
    );
    for (const count of [1, 7, 100, 399]) {
      const rate = rateForCount(weights, count);
      expect(weights.reduce((sum, w) => sum + Math.min(1, rate * w), 0)).toBeCloseTo(count, 8);
    }
    expect(rateForCount(weights, 400)).toBe(Number.POSITIVE_INFINITY);
    expect(rateForCount(new Float64Array(3), 1)).toBe(Number.POSITIVE_INFINITY);
  });
});
