import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { exactAttention, randomStream } from '../../src/index.js';
import { sharedData } from '../../test/data.js';
import { headsFirst } from './capture.js';
import { generate, greedy, sampled } from './generate.js';
import { loadStories } from './load.js';
import { emptyCache, forward, loadModel, type Model } from './model.js';
import type { Tokenizer } from './tokenizer.js';

/** A model file of random weights, with two layers and two query heads for each kv head. */
function smallFile(
  change: { header?: number[]; weights?: (weights: Float32Array) => void } = {},
): Uint8Array {
  const [dim, hidden, layers, kvDim, vocab, context, headDim] = [16, 24, 2, 8, 40, 20, 4];
  const layer = 2 * dim + 2 * dim * dim + 2 * kvDim * dim + 3 * hidden * dim;
  const random = randomStream(1);
  const weights = Float32Array.from(
    { length: vocab * dim + layers * layer + dim + context * headDim },
    () => random.normal() / 2,
  );
  change.weights?.(weights);
  const header = Int32Array.from(change.header ?? [dim, hidden, layers, 4, 2, vocab, context]);
  return new Uint8Array([...new Uint8Array(header.buffer), ...new Uint8Array(weights.buffer)]);
}

describe('a small model of random weights', () => {
  const model = loadModel(smallFile());
  const tokens = [1, 17, 3, 17, 3, 39, 0, 22, 8, 8, 8, 31];

  it('gives the same bytes for any division of the text into calls', () => {
    const full = forward(model, tokens);
    for (const sizes of [tokens.map(() => 1), [5, 7], [1, 10, 1]]) {
      const cache = emptyCache(model);
      let start = 0;
      for (const size of sizes) {
        const { logits, attention } = forward(model, tokens.slice(start, start + size), cache);
        expect(logits).toEqual(full.logits.slice(start * 40, (start + size) * 40));
        expect(attention[1].out).toEqual(full.attention[1].out.slice(start * 16, (start + size) * 16));
        start += size;
        expect(attention[1].k).toEqual(full.attention[1].k.slice(0, start * 8));
      }
      expect(cache.length).toBe(tokens.length);
    }
  });

  it('sees no token ahead, and every token behind', () => {
    const before = forward(model, tokens).logits;
    const after = forward(model, tokens.with(5, 2)).logits;
    expect(after.slice(0, 5 * 40)).toEqual(before.slice(0, 5 * 40));
    for (let i = 5; i < tokens.length; i++)
      expect(after.slice(i * 40, (i + 1) * 40)).not.toEqual(before.slice(i * 40, (i + 1) * 40));
  });

  it('turns queries and keys so that their products depend on the distance alone', () => {
    // Tokens 1, 2 and 3, 4 are equal and as far from each other, and so are their first layer's products.
    const { q, k } = forward(model, tokens).attention[0];
    const product = (i: number, j: number) =>
      [0, 1, 2, 3].reduce((sum, c) => sum + q[i * 16 + c] * k[j * 8 + c], 0);
    expect(product(4, 3)).toBeCloseTo(product(2, 1), 5);
    expect(product(4, 1)).not.toBeCloseTo(product(2, 1), 2);
  });

  it('attends as exactAttention does, with two query heads for each key head', () => {
    for (const { q, k, v, out } of forward(model, tokens).attention) {
      const exact = exactAttention(headsFirst(q, 4, 4), headsFirst(k, 2, 4), headsFirst(v, 2, 4), {
        mask: 'causal',
      });
      const own = headsFirst(out, 4, 4).data;
      for (let i = 0; i < own.length; i++) expect(Math.abs(own[i] - exact.data[i])).toBeLessThan(1e-6);
    }
  });

  it('refuses tokens that it does not have and texts that do not fit, and leaves the cache as it was', () => {
    const cache = emptyCache(model);
    forward(model, tokens, cache);
    for (const [wrong, message] of [
      [[40], 'forward: tokens must be integers in [0, 40), got 40'],
      [[1, -1], 'forward: tokens must be integers in [0, 40), got -1'],
      [[0.5], 'forward: tokens must be integers in [0, 40), got 0.5'],
      [[], 'forward: 1 to 20 tokens fit, got 0 after 12'],
      [new Array(9).fill(1), 'forward: 1 to 20 tokens fit, got 9 after 12'],
    ] as const) {
      expect(() => forward(model, wrong, cache)).toThrow(new RangeError(message));
      expect(cache.length).toBe(12);
    }
  });

  it('fills its context and stops', () => {
    const notTheEnd = (logits: Float32Array) => 3 + greedy(logits.slice(3));
    expect([...generate(model, [1, 5], notTheEnd)]).toHaveLength(19);
  });

  it('samples by the odds, repeatably', () => {
    const logits = Float32Array.of(Math.log(0.5), Math.log(0.3), Math.log(0.2));
    const draws = (temperature: number, seed: number) => {
      const choose = sampled(temperature, randomStream(seed));
      return Array.from({ length: 2000 }, () => choose(logits));
    };
    expect(draws(1, 7)).toEqual(draws(1, 7));
    const share = (token: number) => draws(1, 7).filter((drawn) => drawn === token).length / 2000;
    expect([0, 1, 2].map((token) => Math.abs(share(token) - [0.5, 0.3, 0.2][token]) < 0.04)).toEqual([
      true,
      true,
      true,
    ]);
    expect(new Set(draws(0.01, 7))).toEqual(new Set([0]));
    expect(() => sampled(0, randomStream(1))).toThrow(
      'sampled: temperature must be positive and finite, got 0',
    );
  });

  it('refuses damaged files in one line', () => {
    const good = smallFile();
    for (const [bytes, message] of [
      [new Uint8Array(), 'loadModel: the header needs 28 bytes, got 0'],
      [good.slice(0, 27), 'loadModel: the header needs 28 bytes, got 27'],
      [good.slice(0, -1), /^loadModel: the header \[16,24,2,4,2,40,20\] needs \d+ bytes, got \d+$/],
      [new Uint8Array([...good, 0]), /needs \d+ bytes, got \d+$/],
      [
        smallFile({ header: [16, 24, 2, 4, 2, -40, 20] }),
        /sizes in the header must be in \[1, 65536\], got \[16,/,
      ],
      [smallFile({ header: [0, 24, 2, 4, 2, 40, 20] }), /must be in \[1, 65536\]/],
      [smallFile({ header: [16, 24, 2, 4, 2, 40, 2 ** 31 - 1] }), /must be in \[1, 65536\]/],
      [smallFile({ header: [16, 24, 2, 3, 2, 40, 20] }), /dim \/ heads must be even/],
      [smallFile({ header: [16, 24, 2, 16, 2, 40, 20] }), /dim \/ heads must be even/],
      [smallFile({ header: [16, 24, 2, 4, 3, 40, 20] }), /heads a multiple of kv heads, got 16, 4, 3$/],
      [smallFile({ header: [16, 24, 3, 4, 2, 40, 20] }), /needs \d+ bytes/],
      [
        smallFile({ weights: (w) => (w[123] = Number.NaN) }),
        'loadModel: weights must be finite, got NaN at 123',
      ],
      [
        smallFile({ weights: (w) => (w[0] = -1 / 0) }),
        'loadModel: weights must be finite, got -Infinity at 0',
      ],
      [new TextEncoder().encode('<!doctype html><html>Not found</html>'), /must be in \[1, 65536\]/],
    ] as const) {
      expect(() => loadModel(bytes)).toThrow(RangeError);
      expect(() => loadModel(bytes)).toThrow(message);
    }
  });

  it('reads a file that begins anywhere in its buffer', () => {
    const shifted = new Uint8Array([9, ...smallFile()]).subarray(1);
    expect(loadModel(shifted).finalNorm).toEqual(model.finalNorm);
  });
});

const folder = sharedData('stories260K');

describe.skipIf(!folder)('the published model', () => {
  let model: Model;
  let tokenizer: Tokenizer;
  beforeAll(() => {
    ({ model, tokenizer } = loadStories(folder as string));
  });

  /** The 200 likeliest tokens after the start, as published in test_all.py of karpathy/llama2.c. */
  const published = `Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, \
she saw a big, red ball. She wanted to play with it, but it was too high.
Lily's mom said, "Lily, let's go to the park." Lily was sad and didn't know what to do. She said, "I want to play \
with your ball, but I can't find it."
Lily was sad and didn't know what to do. She said, "I'm sorry, Lily. I didn't know what to do."
Lily didn't want to help her mom, so she`;

  it('continues "Once upon a time" as published', () => {
    const prompt = tokenizer.encode('Once upon a time');
    const story = tokenizer.decode([...prompt, ...generate(model, prompt)]);
    expect(story.slice(0, published.length)).toBe(published);
    expect(story).toMatch(/^[A-Z][\s\S]*[.!?"]$/);
    expect(tokenizer.decode([1, ...generate(model, [1])])).toBe(story);
  });

  it('writes English words, from other beginnings and when it samples as well', () => {
    const known = new Set(
      `${published} ${readFileSync(new URL('story.txt', import.meta.url), 'utf8')}`.match(/[a-z]+/g),
    );
    for (const choose of [greedy, sampled(0.7, randomStream(3))]) {
      const prompt = tokenizer.encode('Tim had a red boat. One day');
      const text = tokenizer.decode([...prompt, ...generate(model, prompt, choose)]);
      const words = text.match(/\b[a-z]+/g) ?? [];
      expect(words.length).toBeGreaterThan(60);
      expect(words.filter((word) => known.has(word)).length / words.length).toBeGreaterThan(0.5);
    }
  });

  it('finds a story likelier than the same words in another order', () => {
    const loss = (text: string) => {
      const tokens = tokenizer.encode(text);
      const { logits } = forward(model, tokens);
      const surprise = tokens.slice(1).map((token, i) => {
        const row = logits.slice(i * 512, (i + 1) * 512);
        return Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0)) - row[token];
      });
      return surprise.reduce((a, b) => a + b) / surprise.length;
    };
    const start = published.slice(0, 176);
    expect(loss(start)).toBeLessThan(1);
    expect(loss(start.split(' ').reverse().join(' '))).toBeGreaterThan(2);
  });

  it('is refused when it is cut off', () => {
    const bytes = readFileSync(join(folder as string, 'stories260K.bin'));
    expect(() => loadModel(bytes.subarray(0, 1_000_000))).toThrow('needs 1056540 bytes, got 1000000');
  });
});
