import { readdirSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';

/** What an example prints. */
async function output(name: string): Promise<string[]> {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  await import(/* @vite-ignore */ `./${name}.ts`);
  return log.mock.calls.map(([line]) => String(line));
}

/** What each example must print. */
const expected: Record<string, (lines: string[]) => void> = {
  'universal-set'(lines) {
    expect(lines).toEqual([
      'keys that can get 0.1 of the attention: 700 of 1000, minimal',
      'there can be at most 20',
      'its best query gives key 700 the score 0.619482',
      'its leverage score says that no query gives it more than 0.619482',
      'no other key got more than 0.016 from 10000 random queries',
    ]);
  },
  'prune-kv-cache'(lines) {
    expect(lines[0]).toBe('relative error of the output');
    expect(lines[1].trim().split(/\s+/)).toEqual([
      'keys',
      'kept',
      'leverage',
      'leverage-centred',
      'random',
      'snapkv',
    ]);
    const table = lines.slice(2).map((line) => line.trim().split(/\s+/).map(Number));
    expect(table.map(([keys]) => keys)).toEqual([64, 128, 192, 256, 381]);
    expect(table.at(-1)).toEqual([381, 0, 0, 0, 0]);
    for (let column = 1; column <= 4; column++)
      for (let row = 1; row < table.length; row++)
        expect(table[row][column]).toBeLessThan(table[row - 1][column]);
    const [, leverage, centred, random, snapkv] = table[3];
    expect([snapkv, centred, random, leverage]).toEqual(
      [snapkv, centred, random, leverage].toSorted((a, b) => a - b),
    );
    expect(centred).toBeLessThan(0.3);
  },
  'drop-keys-while-decoding'(lines) {
    expect(lines).toEqual(
      [
        [44, 207],
        [46, 196],
        [43, 279],
        [38, 164],
      ].map(
        ([largest, heavy], head) =>
          `head ${head}: at most ${largest} of 509 keys in the cache, 0 at the end; ${heavy} scores of 0.1 or more, 0 missed`,
      ),
    );
  },
  'onnx-tensor'(lines) {
    expect(lines).toEqual([
      'head 0: 1 of 509 keys, at most 160',
      'head 1: 8 of 509 keys, at most 160',
      'head 2: 1 of 509 keys, at most 160',
      'head 3: 0 of 509 keys, at most 160',
    ]);
  },
  'custom-weight'(lines) {
    expect(lines.slice(0, 2)).toEqual([
      'fair: 25 of 500 keys, superset',
      '6 are heavy for one of 1500 queries, 0 of these are missing',
    ]);
    expect(lines[2]).toMatch(
      /^RangeError: universalSet: fair must be of growth at most \|x\|\^1, but f\(.*$/,
    );
  },
  'leverage-of-a-file'(lines) {
    const [, bytes, largest] = /^file of (\d+) bytes, read in pieces of at most (\d+)$/.exec(lines[0]) ?? [];
    expect(Number(bytes)).toBeGreaterThan(6_400_000);
    expect(Number(largest)).toBeLessThan(100_000);
    expect(lines[1]).toBe('sum of the scores 8.000000, rank 8');
    expect(lines[2]).toMatch(/^key 123456 has the largest, 0\.99\d\d$/);
  },
  'lp-regression'(lines) {
    expect(lines[0]).toMatch(/^\d+ of 100000 rows, 10 of them for certain$/);
    const [, coreset, uniform] = /coreset (\S+) %, every 100th row (\S+) %$/.exec(lines[1]) ?? [];
    expect(Number(coreset)).toBeLessThan(0.1);
    expect(Number(uniform)).toBeGreaterThan(5 * Number(coreset));
  },
};

describe('the examples', () => {
  afterEach(() => vi.restoreAllMocks());

  it.each(Object.entries(expected))('%s prints what it should', async (name, check) => {
    check(await output(name));
  });

  it('are all checked', () => {
    const names = readdirSync(new URL('.', import.meta.url)).filter((name) => /(?<!\.test)\.ts$/.test(name));
    expect(names).toEqual(
      Object.keys(expected)
        .map((name) => `${name}.ts`)
        .toSorted(),
    );
  });
});
