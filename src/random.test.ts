import { describe, expect, it } from 'vitest';
import { philox4x32, randomStream, sampleWithoutReplacement, uniformAt } from './random.js';

describe('philox4x32', () => {
  // The published known-answer vectors of Random123 (kat_vectors, philox4x32 with 10 rounds).
  it.each([
    [[0, 0, 0, 0], [0, 0], '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      '408f276d 41c83b0e a20bc7c6 6d5451fd',
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      'd16cfe09 94fdcceb 5001e420 24126ea1',
    ],
  ])('counter %j under key %j', (counter, [key0, key1], answer) => {
    const words = Uint32Array.from(counter);
    philox4x32(words, key0, key1);
    expect([...words].map((word) => word.toString(16).padStart(8, '0')).join(' ')).toBe(answer);
  });
});

describe('randomStream', () => {
  it('takes its first two draws from block 0', () => {
    const random = randomStream(0);
    expect(random.uniform()).toBe(((0x6627e8d5 >>> 5) * 2 ** 26 + (0xe169c58d >>> 6)) / 2 ** 53);
    expect(random.uniform()).toBe(((0xbc57ac4c >>> 5) * 2 ** 26 + (0x9b00dbd8 >>> 6)) / 2 ** 53);
  });

  it('has its draws at hand by their place', () => {
    const random = randomStream(2 ** 40 + 3, 2 ** 35 + 9);
    for (let block = 0; block < 5; block++) {
      expect(uniformAt(2 ** 40 + 3, 2 ** 35 + 9, block)).toBe(random.uniform());
      random.uniform();
    }
    expect(uniformAt(0, 0, 2 ** 32)).not.toBe(uniformAt(0, 0, 0));
  });

  it('puts all 53 bits of seed and stream to use', () => {
    const seeds = [0, 1, 2 ** 32, 2 ** 52 + 1, 2 ** 53 - 1];
    const first = seeds.flatMap((a) => seeds.map((b) => randomStream(a, b).uniform()));
    expect(new Set(first).size).toBe(seeds.length ** 2);
  });

  it('is uniform and normal to within four standard errors', () => {
    const random = randomStream(3, 5);
    const count = 200_000;
    const bins = new Float64Array(16);
    for (let i = 0; i < count; i++) bins[Math.floor(random.uniform() * 16)]++;
    for (const bin of bins) expect(Math.abs(bin - count / 16)).toBeLessThan(4 * Math.sqrt(count / 16));
    // Moments 1 to 4 of the normal distribution are 0, 1, 0, 3, and their variances 1, 2, 15, 96.
    const moments = [0, 0, 0, 0];
    for (let i = 0; i < count; i++) {
      const x = random.normal();
      for (let power = 0; power < 4; power++) moments[power] += x ** (power + 1) / count;
    }
    const expected = [0, 1, 0, 3];
    const variance = [1, 2, 15, 96];
    moments.forEach((moment, i) => {
      expect(Math.abs(moment - expected[i])).toBeLessThan(4 * Math.sqrt(variance[i] / count));
    });
  });

  it.each([
    [-1, 0, /seed must be an integer in \[0, 2\^53\), got -1/],
    [0.5, 0, /seed .* got 0.5/],
    [2 ** 53, 0, /seed/],
    [Number.NaN, 0, /seed .* got NaN/],
    [1, -2, /stream .* got -2/],
  ])('refuses seed %d with stream %d', (seed, stream, message) => {
    expect(() => randomStream(seed, stream)).toThrow(message);
  });
});

describe('sampleWithoutReplacement', () => {
  it('draws each subset equally often', () => {
    const random = randomStream(11);
    const seen = new Map<string, number>();
    const rounds = 20_000;
    for (let i = 0; i < rounds; i++) {
      const subset = sampleWithoutReplacement(5, 2, random).join();
      seen.set(subset, (seen.get(subset) ?? 0) + 1);
    }
    expect(seen.size).toBe(10);
    for (const times of seen.values())
      expect(Math.abs(times - rounds / 10)).toBeLessThan(4 * Math.sqrt(rounds / 10));
  });

  it('gives distinct ascending numbers, none or all of them too', () => {
    const drawn = sampleWithoutReplacement(1000, 300, randomStream(1));
    expect(drawn.every((x, i) => x >= 0 && x < 1000 && (i === 0 || x > drawn[i - 1]))).toBe(true);
    expect(sampleWithoutReplacement(4, 4, randomStream(2))).toEqual([0, 1, 2, 3]);
    expect(sampleWithoutReplacement(4, 0, randomStream(2))).toEqual([]);
  });

  it.each([-1, 6, 1.5, Number.NaN])('refuses to draw %d of 5', (count) => {
    expect(() => sampleWithoutReplacement(5, count, randomStream(0))).toThrow(/count must be .* n = 5/);
  });
});
