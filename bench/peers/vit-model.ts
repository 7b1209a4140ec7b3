/** The vision transformer once more, for engines that find gradients themselves: each says how it computes a layer. */
import { tokensOf, type VitShape } from '../../src/vit/config.js';
import type { ParameterPart } from '../../src/vit/parameters.js';

/** The layers, over arrays of an engine. */
export interface Layers<T> {
  add(a: T, b: T): T;
  /** x W^T + b of x [rows, in], W [out, in]. */
  linear(x: T, weight: T, bias: T): T;
  /** Of each row of x [rows, D]. */
  layerNorm(x: T, scale: T, shift: T, epsilon: number): T;
  gelu(x: T): T;
  /** [B n, D] from the class token [D], patches [B (n - 1), D] and positions [n, D]. */
  tokens(classToken: T, patches: T, positions: T, shape: TokenShape): T;
  /** Softmax attention of each image and head: [B n, D] from queries, keys and values [B n, 3 D]. */
  attention(qkv: T, shape: TokenShape): T;
  /** [B, D]: the first token of each image, of [B n, D]. */
  classRows(x: T, shape: TokenShape): T;
  /** The mean over the images of -sum_c t_c log softmax(logits)_c. */
  crossEntropy(logits: T, targets: T, images: number): T;
}

/** Sizes of the tokens of a batch. */
export interface TokenShape {
  readonly images: number;
  readonly tokens: number;
  readonly width: number;
  readonly heads: number;
}

/** A batch. */
export interface Batch<T> {
  readonly images: number;
  /** [B (n - 1), patch]. */
  readonly patches: T;
  /** [B, classes]. */
  readonly targets: T;
}

/** The loss of a batch; parameters in the order of their parts. */
export function vitLoss<T>(
  layers: Layers<T>,
  shape: VitShape,
  parts: readonly ParameterPart[],
  parameters: readonly T[],
  { images, patches, targets }: Batch<T>,
): T {
  const of = (name: string) => parameters[parts.findIndex((part) => part.name === name)];
  const linear = (name: string, x: T) => layers.linear(x, of(`${name}.weight`), of(`${name}.bias`));
  const norm = (name: string, x: T) =>
    layers.layerNorm(x, of(`${name}.weight`), of(`${name}.bias`), shape.epsilon);
  const sizes = { images, tokens: tokensOf(shape), width: shape.width, heads: shape.heads };

  let x = layers.tokens(of('cls_token'), linear('patch_embed.proj', patches), of('pos_embed'), sizes);
  for (let i = 0; i < shape.depth; i++) {
    const block = `blocks.${i}`;
    const attended = layers.attention(linear(`${block}.attn.qkv`, norm(`${block}.norm1`, x)), sizes);
    x = layers.add(x, linear(`${block}.attn.proj`, attended));
    const hidden = layers.gelu(linear(`${block}.mlp.fc1`, norm(`${block}.norm2`, x)));
    x = layers.add(x, linear(`${block}.mlp.fc2`, hidden));
  }
  return layers.crossEntropy(linear('head', norm('norm', layers.classRows(x, sizes))), targets, images);
}

/** The shape that an engine holds a part of the parameters in: a matrix for what multiplies, a vector for the rest. */
export function heldShape({ name, shape: [first, ...rest] }: ParameterPart): readonly number[] {
  const size = rest.reduce((a, b) => a * b, 1);
  if (name === 'cls_token') return [size];
  if (name === 'pos_embed') return rest;
  return rest.length === 0 ? [first] : [first, size];
}
