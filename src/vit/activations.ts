/** Room for what a model computes on some images at a time; B images, R = B n rows. */
import type { Floats } from '../keys.js';
import { patchSize, tokensOf, type VitShape } from './config.js';

/** What the forward pass of a block leaves for the backward pass. */
export interface BlockRoom {
  readonly norm1: Floats; // [R, D]
  readonly stats1: Floats; // [R, 2]
  readonly q: Floats; // [B, H, n, d]
  readonly k: Floats; // [B, H, n, d]
  readonly v: Floats; // [B, H, n, d]
  readonly mixed: Floats; // [R, D]
  readonly middle: Floats; // [R, D]
  readonly norm2: Floats; // [R, D]
  readonly stats2: Floats; // [R, 2]
  readonly expanded: Floats; // [R, F]
  readonly active: Floats; // [R, F]
  readonly y: Floats; // [R, D]
}

/** What all blocks work in, one after the other. */
export interface SharedRoom {
  readonly qkv: Floats; // [R, 3D]
  readonly heads: Floats; // [B, H, n, d]
  readonly dRows: Floats; // [R, D]
  readonly dHidden: Floats; // [R, F]
}

/** What is before and after the blocks. */
export interface EndsRoom {
  readonly patches: Floats; // [B (n - 1), C P P]
  readonly tokens: Floats; // [R, D]
  readonly dTokens: Floats; // [R, D]
  readonly classRows: Floats; // [B, D]
  readonly normed: Floats; // [B, D]
  readonly dNormed: Floats; // [B, D]
  readonly dClass: Floats; // [B, D]
  readonly stats: Floats; // [B, 2]
  readonly logits: Floats; // [B, classes]
  readonly dLogits: Floats; // [B, classes]
}

/** All of it. */
export interface Activations {
  readonly blocks: readonly BlockRoom[];
  readonly shared: SharedRoom;
  readonly ends: EndsRoom;
}

/** Takes the room for `images` images. */
export function activationsFor(
  shape: VitShape,
  images: number,
  floats: (length: number) => Floats,
): Activations {
  const { width, hidden, depth, classes } = shape;
  const rows = images * tokensOf(shape);
  const wide = () => floats(rows * width);
  const ofBlock = (): BlockRoom => ({
    norm1: wide(),
    stats1: floats(rows * 2),
    q: wide(),
    k: wide(),
    v: wide(),
    mixed: wide(),
    middle: wide(),
    norm2: wide(),
    stats2: floats(rows * 2),
    expanded: floats(rows * hidden),
    active: floats(rows * hidden),
    y: wide(),
  });
  return {
    blocks: Array.from({ length: depth }, ofBlock),
    shared: { qkv: floats(rows * 3 * width), heads: wide(), dRows: wide(), dHidden: floats(rows * hidden) },
    ends: {
      patches: floats((rows - images) * patchSize(shape)),
      tokens: wide(),
      dTokens: wide(),
      classRows: floats(images * width),
      normed: floats(images * width),
      dNormed: floats(images * width),
      dClass: floats(images * width),
      stats: floats(images * 2),
      logits: floats(images * classes),
      dLogits: floats(images * classes),
    },
  };
}

/** The part of the room that `count` of the `images` images take: every array begins with the first image. */
export function firstImages(
  { blocks, shared, ends }: Activations,
  count: number,
  images: number,
): Activations {
  function cut<Room extends { readonly [name in keyof Room]: Floats }>(room: Room): Room {
    const cuts = Object.entries<Floats>(room).map(([name, data]) => [
      name,
      data.subarray(0, (data.length / images) * count),
    ]);
    return Object.fromEntries(cuts) as Room;
  }
  return { blocks: blocks.map(cut), shared: cut(shared), ends: cut(ends) };
}
