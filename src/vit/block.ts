/** A pre-norm transformer block, forward and backward: attention and an MLP, each added to the tokens that it reads. */
import type { Dense } from '../kernels/dense.js';
import type { Floats } from '../keys.js';
import type { BlockRoom, SharedRoom } from './activations.js';
import type { VitShape } from './config.js';
import { joinHeads, splitHeads } from './heads.js';
import { linear, linearBackward } from './linear.js';
import type { Attended, AttentionOperator } from './operator.js';
import type { BlockParameters } from './parameters.js';

/** What a block is made of. */
export interface BlockParts {
  readonly dense: Dense;
  readonly shape: VitShape;
  readonly layer: number;
  readonly parameters: BlockParameters;
  readonly gradients: BlockParameters;
  readonly room: BlockRoom;
  readonly shared: SharedRoom;
}

/** One block of a model. */
export class Block {
  private attended: Attended[] = [];

  constructor(readonly parts: BlockParts) {}

  /** The keys that each head of each image looked at in the last forward pass, where the operator selects. */
  get selected(): readonly Attended['selected'][] {
    return this.attended.map(({ selected }) => selected);
  }

  /** y of tokens x [R, D]; `seeds` has one number for each image. */
  forward(x: Floats, operator: AttentionOperator, seeds: readonly number[]): Floats {
    const { dense, shape, room, shared, parameters } = this.parts;
    const { norm1, norm2, qkv, projection, expand, contract } = parameters;
    const { width: d, epsilon } = shape;
    const rows = x.length / d;
    dense.layerNorm({ x, rows, d, ...norm1, epsilon, y: room.norm1, stats: room.stats1 });
    linear(dense, qkv, room.norm1, shared.qkv);
    this.attend(operator, seeds, rows / seeds.length);
    room.middle.set(x);
    linear(dense, projection, room.mixed, room.middle, true);
    dense.layerNorm({ x: room.middle, rows, d, ...norm2, epsilon, y: room.norm2, stats: room.stats2 });
    linear(dense, expand, room.norm2, room.expanded);
    dense.gelu(room.expanded, room.active);
    room.y.set(room.middle);
    linear(dense, contract, room.active, room.y, true);
    return room.y;
  }

  private attend(operator: AttentionOperator, seeds: readonly number[], tokens: number): void {
    const { dense, shape, room, shared, layer } = this.parts;
    const { width, heads, depth } = shape;
    const split = { images: seeds.length, tokens, heads, headDim: width / heads };
    for (const [part, to] of [room.q, room.k, room.v].entries())
      splitHeads(dense, split, shared.qkv.subarray(part * width), 3 * width, to);
    const size = tokens * width;
    this.attended = seeds.map((seed, image) => {
      const of = (data: Floats) => data.subarray(image * size, (image + 1) * size);
      const call = { q: of(room.q), k: of(room.k), v: of(room.v), heads, tokens, headDim: width / heads };
      const attended = operator.attend({ ...call, layer, seed: seed * depth + layer });
      of(shared.heads).set(attended.out);
      return attended;
    });
    joinHeads(dense, split, shared.heads, room.mixed, width);
  }

  /** Turns dy [R, D] into the gradient of x, which the last forward pass was given, and adds to the parameters' gradients. */
  backward(x: Floats, dy: Floats): void {
    const { dense, shape, room, shared, parameters, gradients } = this.parts;
    const { dRows, dHidden } = shared;
    const { width: d } = shape;
    const rows = x.length / d;
    linearBackward(dense, parameters.contract, gradients.contract, room.active, dy, dHidden);
    dense.geluBackward(room.expanded, dHidden, dHidden);
    linearBackward(dense, parameters.expand, gradients.expand, room.norm2, dHidden, dRows);
    normBackward(room.middle, room.stats2, 'norm2');
    linearBackward(dense, parameters.projection, gradients.projection, room.mixed, dy, dRows);
    this.attendBackward(rows);
    linearBackward(dense, parameters.qkv, gradients.qkv, room.norm1, shared.qkv, dRows);
    normBackward(x, room.stats1, 'norm1');

    /** dy += the gradient of what the norm read. */
    function normBackward(read: Floats, stats: Floats, name: 'norm1' | 'norm2'): void {
      const { scale } = parameters[name];
      const { scale: dScale, shift: dShift } = gradients[name];
      dense.layerNormBackward({ x: read, rows, d, scale, stats, dy: dRows, dx: dy, dScale, dShift });
    }
  }

  /** From the gradient of `mixed` in dRows to that of qkv. */
  private attendBackward(rows: number): void {
    const { attended } = this;
    const { dense, shape, room, shared } = this.parts;
    const { width, heads } = shape;
    const tokens = rows / attended.length;
    const split = { images: attended.length, tokens, heads, headDim: width / heads };
    splitHeads(dense, split, shared.dRows, width, shared.heads);
    const size = tokens * width;
    // The gradients of q, k and v take their places.
    attended.forEach(({ backward }, image) => {
      const of = (data: Floats) => data.subarray(image * size, (image + 1) * size);
      const { dq, dk, dv } = backward(of(shared.heads));
      of(room.q).set(dq);
      of(room.k).set(dk);
      of(room.v).set(dv);
    });
    for (const [part, from] of [room.q, room.k, room.v].entries())
      joinHeads(dense, split, from, shared.qkv.subarray(part * width), 3 * width);
  }
}
