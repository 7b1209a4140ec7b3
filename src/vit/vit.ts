/**
 * A vision transformer (Dosovitskiy et al., arXiv 2010.11929) with an attention of choice, forward and backward. START HERE: a model is
 * read from top to bottom in `forward`, and from bottom to top in `backward`.
 */
import type { Dense, Layout } from '../kernels/dense.js';
import { hasSimd } from '../kernels/module.js';
import { referenceDense } from '../kernels/reference-dense.js';
import { wasmDense } from '../kernels/wasm-dense.js';
import type { Floats } from '../keys.js';
import { type Activations, activationsFor, type EndsRoom, firstImages } from './activations.js';
import { Block } from './block.js';
import type { VitShape } from './config.js';
import { cutPatches, embed, embedBackward } from './embedding.js';
import type { AttentionOperator } from './operator.js';
import { parameterCount, parameterViews, type VitParameters } from './parameters.js';

/** A model that takes up to `images` images at a time. */
export class Vit {
  /** All parameters in one vector, see `parameterParts`. */
  readonly parameters: Floats;
  /** Their gradients: `backward` adds to them. */
  readonly gradients: Floats;
  /** Parts of both by name. */
  readonly views: VitParameters;
  readonly gradientViews: VitParameters;
  readonly dense: Dense;
  private readonly whole: Activations;
  private stage: Stage;

  /**
   * In float32 on the kernels of the machine, or in float64, slowly, to check gradients; a model that `learns` has room for them,
   * one that does not cannot go backward.
   */
  constructor(
    readonly shape: VitShape,
    readonly operator: AttentionOperator,
    readonly images: number,
    { type = 'float32', learns = true }: { type?: 'float32' | 'float64'; learns?: boolean } = {},
  ) {
    const count = parameterCount(shape);
    const layOut = (floats: (length: number) => Floats) => ({
      parameters: floats(count),
      gradients: floats(learns ? count : 0),
      activations: activationsFor(shape, images, floats),
    });
    const { kernels, held } =
      type === 'float32' && hasSimd() ? wasmDense(layOut) : withReference(layOut, type);
    this.dense = kernels;
    this.parameters = held.parameters;
    this.gradients = held.gradients;
    this.whole = held.activations;
    this.views = parameterViews(shape, held.parameters);
    this.gradientViews = parameterViews(shape, held.gradients);
    this.stage = this.stageFor(images);
  }

  /** For each layer, image and head the keys that were looked at in the last forward pass, where the operator selects. */
  get selected() {
    return this.stage.blocks.map(({ selected }) => selected);
  }

  private stageFor(count: number): Stage {
    const { dense, shape, views, gradientViews } = this;
    const room = firstImages(this.whole, count, this.images);
    const blocks = room.blocks.map(
      (own, layer) =>
        new Block({
          dense,
          shape,
          layer,
          parameters: views.blocks[layer],
          gradients: gradientViews.blocks[layer],
          room: own,
          shared: room.shared,
        }),
    );
    return { count, blocks, ends: room.ends };
  }

  /**
   * Logits [B, classes] of images [B, C, height, width], valid until the next call. `seeds` has a number for each image, from which
   * its attention draws.
   */
  forward(images: Floats, seeds: readonly number[]): Floats {
    const { dense, shape, views, operator } = this;
    const { width, channels, image, classes, epsilon } = shape;
    const count = seeds.length;
    const size = channels * image[0] * image[1];
    if (!(count > 0 && count <= this.images && images.length === count * size))
      throw new RangeError(
        `Vit.forward: images must be 1 to ${this.images} of ${size} numbers, got ${images.length} numbers for ${count}`,
      );
    if (count !== this.stage.count) this.stage = this.stageFor(count);
    const { blocks, ends } = this.stage;
    const { patches, tokens, classRows, normed, stats, logits } = ends;

    cutPatches(shape, images, patches); // [B (n - 1), C P P]
    embed(dense, shape, views, patches, tokens); // [B n, D]
    let x = tokens;
    for (const block of blocks) x = block.forward(x, operator, seeds); // [B n, D]
    dense.copyRows(x, x.length / count, classRows, width, count, width); // [B, D]
    dense.layerNorm({ x: classRows, rows: count, d: width, ...views.norm, epsilon, y: normed, stats });
    const { weight, bias } = views.head;
    for (let i = 0; i < count; i++) logits.set(bias, i * classes);
    const product = { a: normed, b: weight, c: logits, m: count, n: classes, depth: width };
    dense.matmul({ ...product, transposedB: true, accumulate: true }); // [B, classes]
    return logits;
  }

  /** Adds to `gradients` those of the last forward pass, from the gradient [B, classes] of its logits; once after each, as it works in what that left. */
  backward(gradient: Floats): void {
    const { dense, shape, views, gradientViews } = this;
    if (this.gradients.length === 0) throw new RangeError('Vit.backward: the model must be one that learns');
    const { width, classes } = shape;
    const { count, blocks, ends } = this.stage;
    const { patches, tokens, dTokens, classRows, normed, dNormed, stats, dLogits } = ends;

    dLogits.set(gradient);
    const { head, norm } = gradientViews;
    for (let i = 0; i < dLogits.length; i++) head.bias[i % classes] += dLogits[i];
    const byWeight = { a: dLogits, b: normed, c: head.weight, m: classes, n: width, depth: count };
    dense.matmul({ ...byWeight, transposedA: true, accumulate: true });
    dense.matmul({ a: dLogits, b: views.head.weight, c: dNormed, m: count, n: width, depth: classes });
    // Of the last block's tokens only the class tokens were read.
    const dClass = ends.dClass.fill(0);
    dense.layerNormBackward({
      x: classRows,
      rows: count,
      d: width,
      scale: views.norm.scale,
      stats,
      dy: dNormed,
      dx: dClass,
      dScale: norm.scale,
      dShift: norm.shift,
    });
    dTokens.fill(0);
    dense.copyRows(dClass, width, dTokens, dTokens.length / count, count, width);
    for (let layer = blocks.length - 1; layer >= 0; layer--)
      blocks[layer].backward(layer > 0 ? blocks[layer - 1].parts.room.y : tokens, dTokens);
    embedBackward(dense, shape, views, gradientViews, patches, dTokens);
  }
}

/** The model at work on a number of images. */
interface Stage {
  readonly count: number;
  readonly blocks: readonly Block[];
  readonly ends: EndsRoom;
}

function withReference<Held>(layOut: Layout<Held>, type: 'float32' | 'float64') {
  const kernels = referenceDense(type);
  return { kernels, held: layOut(kernels.floats) };
}
