/** The operators' gradients against differences in float64, for every way to choose keys and to account for the others. */
import { expect, test } from 'vitest';
import { levAttention } from '../attention/lev-attention.js';
import type { HeadsOfImage } from './operator.js';
import { attentionChoice, attentionOperator } from './operators.js';
import { fillNormal, gradientError, inner } from './testing.js';

const [heads, tokens, headDim] = [2, 9, 4];
const size = heads * tokens * headDim;

function image(): HeadsOfImage & { q: Float64Array; k: Float64Array; v: Float64Array } {
  const [q, k, v] = [1, 2, 3].map((seed) => fillNormal(new Float64Array(size), seed) as Float64Array);
  return { q, k, v, heads, tokens, headDim, layer: 0, seed: 5 };
}

const choices = [
  'softmax',
  { keys: 4 },
  { keys: 4, select: 'random', always: [] },
  { keys: 5, tail: 'sample' },
  { keys: 4, tail: 'mean' },
  { keys: 5, tail: 'clusters:exact=0.4,metric=euclidean' },
];

for (const given of choices)
  test(`gradients of ${JSON.stringify(given)}`, () => {
    const operator = attentionOperator(attentionChoice(given), 3);
    const call = image();
    const dOut = fillNormal(new Float64Array(size), 4);
    const loss = () => inner(operator.attend(call).out, dOut);
    const { dq, dk, dv } = operator.attend(call).backward(dOut);
    // Small enough a step that the chosen keys and clusters stay as they are.
    for (const [data, gradient] of [
      [call.q, dq],
      [call.k, dk],
      [call.v, dv],
    ])
      expect(gradientError(data, gradient, loss, 1e-6)).toBeLessThan(1e-6);
  });

test('is levAttention, and tells the keys', () => {
  const call = image();
  const shape = [1, heads, tokens, headDim];
  const [q, k, v] = [call.q, call.k, call.v].map((data) => ({ data, shape }));
  for (const choice of [{ keys: 4 }, { keys: 4, tail: 'clusters' }]) {
    const { out, selected } = attentionOperator(attentionChoice(choice), 0).attend({ ...call, seed: 7 });
    const expected = levAttention(q, k, v, { ...choice, always: [0], seed: 7 });
    expect(out).toEqual(expected.out.data);
    expect(selected).toEqual(expected.heads.map(({ indices }) => indices));
  }
  expect(() => attentionChoice({ keys: 4, tail: 'moments' })).toThrow(
    /^attentionChoice: tail must be one that stores pairs/,
  );
  expect(() => attentionChoice({ keys: 4, tail: 'wag' })).toThrow(/tail/);
});

test('seeds draw for themselves, in every layer of every image', () => {
  const drawn = (seed: number, image: number) =>
    attentionOperator(attentionChoice({ keys: 4, select: 'random' }), seed).attend({
      ...call,
      seed: image,
    }).selected;
  const call = image();
  const seeds = [0, 1, 2, Number.MAX_SAFE_INTEGER];
  const all = seeds.flatMap((seed) => [0, 1, 2, 3, 1e13].map((image) => JSON.stringify(drawn(seed, image))));
  // Two heads of 56 ways to keep the class token and three more: a few of 20 may agree by chance, shifted streams in 9.
  expect(new Set(all).size).toBeGreaterThan(17);
});
