/** Every layer's gradients against central differences, in float64; at odd shapes, so that no two sizes can be mixed up. */
import { expect, test } from 'vitest';
import { referenceDense } from '../kernels/reference-dense.js';
import type { Floats } from '../keys.js';
import { activationsFor } from './activations.js';
import { Block } from './block.js';
import { type VitShape, vitShape } from './config.js';
import { cutPatches, embed, embedBackward } from './embedding.js';
import { joinHeads, splitHeads } from './heads.js';
import { linear, linearBackward } from './linear.js';
import { crossEntropy } from './loss.js';
import { parameterCount, parameterParts, parameterViews } from './parameters.js';
import { fillNormal, gradientError, inner, plainAttention } from './testing.js';

const dense = referenceDense();
const shape: VitShape = vitShape({
  image: [6, 4],
  channels: 2,
  patch: 2,
  width: 8,
  depth: 1,
  heads: 2,
  hidden: 12,
  classes: 3,
});

const normal = (length: number, seed: number) => fillNormal(dense.floats(length), seed);

test('linear', () => {
  const [rows, depth, out] = [5, 8, 12];
  const p = { weight: normal(out * depth, 1), bias: normal(out, 2) };
  const g = { weight: dense.floats(out * depth), bias: dense.floats(out) };
  const [x, y, dy, dx] = [
    normal(rows * depth, 3),
    normal(rows * out, 4),
    normal(rows * out, 5),
    normal(rows * depth, 6),
  ];
  const loss = () => {
    linear(dense, p, x, y);
    return inner(y, dy);
  };
  loss();
  linearBackward(dense, p, g, x, dy, dx);
  for (const [of, gradient] of [
    [x, dx],
    [p.weight, g.weight],
    [p.bias, g.bias],
  ])
    expect(gradientError(of, gradient, loss)).toBeLessThan(1e-8);
});

test('layer norm', () => {
  const [rows, d] = [4, 12];
  const [x, scale, shift, y, dy] = [rows * d, d, d, rows * d, rows * d].map(normal);
  const [dx, dScale, dShift] = [rows * d, d, d].map((length) => dense.floats(length));
  const stats = dense.floats(rows * 2);
  const loss = () => {
    dense.layerNorm({ x, rows, d, scale, shift, epsilon: 1e-3, y, stats });
    return inner(y, dy);
  };
  loss();
  dense.layerNormBackward({ x, rows, d, scale, stats, dy, dx, dScale, dShift });
  for (const [of, gradient] of [
    [x, dx],
    [scale, dScale],
    [shift, dShift],
  ])
    expect(gradientError(of, gradient, loss)).toBeLessThan(1e-8);
});

test('GELU', () => {
  const [x, y, dy, dx] = [normal(40, 1), normal(40, 2), normal(40, 3), normal(40, 4)];
  const loss = () => {
    dense.gelu(x, y);
    return inner(y, dy);
  };
  dense.geluBackward(x, dy, dx);
  expect(gradientError(x, dx, loss)).toBeLessThan(1e-8);
});

test('heads are split and joined back', () => {
  const split = { images: 2, tokens: 3, heads: 2, headDim: 4 };
  const rows = normal(48, 1);
  const [heads, back] = [normal(48, 2), normal(48, 3)];
  splitHeads(dense, split, rows, 8, heads);
  // Image 1, head 0, token 2 and image 0, head 1, token 1.
  expect(heads.slice(32, 36)).toEqual(rows.slice(40, 44));
  expect(heads.slice(16, 20)).toEqual(rows.slice(12, 16));
  joinHeads(dense, split, heads, back, 8);
  expect(back).toEqual(rows);
});

test('the embedding', () => {
  const count = parameterCount(shape);
  const [vector, gradients] = [normal(count, 1), dense.floats(count)];
  const views = parameterViews(shape, vector);
  const images = normal(2 * 2 * 24, 2);
  const patches = dense.floats(images.length);
  const [tokens, dTokens] = [normal(2 * 7 * 8, 3), normal(2 * 7 * 8, 4)];
  cutPatches(shape, images, patches);
  // The second patch of the first image: channel 0 row 0, then row 1, then channel 1.
  expect(Array.from(patches.slice(8, 16))).toEqual([2, 3, 6, 7, 26, 27, 30, 31].map((i) => images[i]));
  const loss = () => {
    embed(dense, shape, views, patches, tokens);
    return inner(tokens, dTokens);
  };
  embedBackward(dense, shape, views, parameterViews(shape, gradients), patches, dTokens);
  expect(gradientError(vector, gradients, loss)).toBeLessThan(1e-8);
  expect(gradients.some((gradient) => gradient !== 0)).toBe(true);
});

test('a block: tokens and every parameter', () => {
  const count = parameterCount(shape);
  const [vector, gradients] = [fillNormal(dense.floats(count), 1, 0.5), dense.floats(count)];
  const { blocks, shared } = activationsFor(shape, 2, dense.floats);
  const [p, g] = [vector, gradients].map((of: Floats) => parameterViews(shape, of).blocks[0]);
  const block = new Block({ dense, shape, layer: 0, parameters: p, gradients: g, room: blocks[0], shared });
  const [x, dy] = [normal(2 * 7 * 8, 2), normal(2 * 7 * 8, 3)];
  const loss = () => inner(block.forward(x, plainAttention, [0, 1]), dy);
  loss();
  const dx = dy.slice();
  block.backward(x, dx);
  expect(gradientError(x, dx, loss)).toBeLessThan(1e-7);
  for (const { name, start, end } of parameterParts(shape).filter(({ name }) => name.startsWith('blocks')))
    expect([
      name,
      gradientError(vector.subarray(start, end), gradients.subarray(start, end), loss) < 1e-7,
    ]).toEqual([name, true]);
});

test('cross-entropy with smoothing: gradient, value and right answers', () => {
  const logits = normal(4 * 5, 1);
  logits[3] = 10;
  const labels = [3, 1, 0, 4];
  const gradient = dense.floats(20);
  const { loss, correct } = crossEntropy(logits, labels, 0.2, gradient, 0.5);
  expect(correct).toBeGreaterThan(0);
  expect(gradientError(logits, gradient, () => crossEntropy(logits, labels, 0.2).loss * 0.5)).toBeLessThan(
    1e-8,
  );
  // Logits of any size give no overflow, and equal ones the logarithm of their number.
  expect(crossEntropy(Float64Array.of(1e4, -1e4), [1], 0).loss).toBe(2e4);
  expect(crossEntropy(new Float64Array(10), [7], 0.1).loss).toBeCloseTo(Math.log(10), 12);
  expect(loss).toBeGreaterThan(0);
});
