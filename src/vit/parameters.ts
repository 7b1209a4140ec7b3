/** The parameters of a vision transformer: one vector, its named parts, and their first values. */
import type { Floats } from '../keys.js';
import { randomStream } from '../random.js';
import { patchSize, tokensOf, type VitShape } from './config.js';
import { sincosPositions } from './positions.js';

/** y = x W^T + b. */
export interface LinearParameters {
  /** W [out, in]. */
  readonly weight: Floats;
  /** b [out]. */
  readonly bias: Floats;
}

/** Scale and shift of a layer norm, [D] each. */
export interface NormParameters {
  readonly scale: Floats;
  readonly shift: Floats;
}

/** One block. */
export interface BlockParameters {
  readonly norm1: NormParameters;
  /** [3D, D]: queries, keys, values. */
  readonly qkv: LinearParameters;
  /** [D, D]. */
  readonly projection: LinearParameters;
  readonly norm2: NormParameters;
  /** [F, D] and [D, F]. */
  readonly expand: LinearParameters;
  readonly contract: LinearParameters;
}

/** All parameters, or their gradients, as views of one vector. */
export interface VitParameters {
  /** [D, C P P]. */
  readonly patches: LinearParameters;
  /** [D]. */
  readonly classToken: Floats;
  /** [n, D]. */
  readonly positions: Floats;
  readonly blocks: readonly BlockParameters[];
  readonly norm: NormParameters;
  /** [classes, D]. */
  readonly head: LinearParameters;
}

/** A named part of the vector. */
export interface ParameterPart {
  /** The name that timm gives it. */
  readonly name: string;
  readonly shape: readonly number[];
  /** Where it lies. */
  readonly start: number;
  readonly end: number;
  /** Matrices decay; biases, norms, positions and the class token do not. */
  readonly decays: boolean;
  /** Fixed positions are not trained. */
  readonly trained: boolean;
}

/** The parts of the vector, in order. */
export function parameterParts(shape: VitShape): ParameterPart[] {
  const { width, hidden, depth, classes, channels, patch, positions } = shape;
  const parts: ParameterPart[] = [];
  let at = 0;
  function add(name: string, sizes: readonly number[], decays = false, trained = true): void {
    const start = at;
    at += sizes.reduce((a, b) => a * b, 1);
    parts.push({ name, shape: sizes, start, end: at, decays, trained });
  }
  function linear(name: string, out: number, ...inputs: readonly number[]): void {
    add(`${name}.weight`, [out, ...inputs], true);
    add(`${name}.bias`, [out]);
  }
  function norm(name: string): void {
    add(`${name}.weight`, [width]);
    add(`${name}.bias`, [width]);
  }
  add('cls_token', [1, 1, width]);
  add('pos_embed', [1, tokensOf(shape), width], false, positions === 'learned');
  linear('patch_embed.proj', width, channels, patch, patch);
  for (let i = 0; i < depth; i++) {
    norm(`blocks.${i}.norm1`);
    linear(`blocks.${i}.attn.qkv`, 3 * width, width);
    linear(`blocks.${i}.attn.proj`, width, width);
    norm(`blocks.${i}.norm2`);
    linear(`blocks.${i}.mlp.fc1`, hidden, width);
    linear(`blocks.${i}.mlp.fc2`, width, hidden);
  }
  norm('norm');
  linear('head', classes, width);
  return parts;
}

/** How many numbers the vector has. */
export function parameterCount(shape: VitShape): number {
  return parameterParts(shape).at(-1)!.end;
}

/** Views of a vector of parameters or gradients. */
export function parameterViews(shape: VitShape, vector: Floats): VitParameters {
  const parts = new Map(parameterParts(shape).map((part) => [part.name, part]));
  function view(name: string): Floats {
    const { start, end } = parts.get(name)!;
    return vector.subarray(start, end);
  }
  const linear = (name: string): LinearParameters => ({
    weight: view(`${name}.weight`),
    bias: view(`${name}.bias`),
  });
  const norm = (name: string): NormParameters => ({
    scale: view(`${name}.weight`),
    shift: view(`${name}.bias`),
  });
  return {
    patches: linear('patch_embed.proj'),
    classToken: view('cls_token'),
    positions: view('pos_embed'),
    blocks: Array.from({ length: shape.depth }, (_, i) => ({
      norm1: norm(`blocks.${i}.norm1`),
      qkv: linear(`blocks.${i}.attn.qkv`),
      projection: linear(`blocks.${i}.attn.proj`),
      norm2: norm(`blocks.${i}.norm2`),
      expand: linear(`blocks.${i}.mlp.fc1`),
      contract: linear(`blocks.${i}.mlp.fc2`),
    })),
    norm: norm('norm'),
    head: linear('head'),
  };
}

/**
 * First values: matrices uniform within sqrt(6 / (in + out)) (Glorot and Bengio, 2010), the patches' normal with variance 1 / in, learned
 * positions with variance 1 / D, scales one, all else zero, the head too. Each part has a random stream of its own.
 */
export function initialParameters(shape: VitShape, seed: number): Float32Array {
  const vector = new Float32Array(parameterCount(shape));
  parameterParts(shape).forEach(({ name, shape: sizes, start, end }, stream) => {
    const random = randomStream(seed, stream);
    const part = vector.subarray(start, end);
    const [out, ...inputs] = sizes;
    if (name === 'pos_embed' && shape.positions === 'sincos2d') part.set(sincosPositions(shape));
    else if (name === 'pos_embed') fill(part, () => random.normal() / Math.sqrt(shape.width));
    else if (name === 'patch_embed.proj.weight')
      fill(part, () => random.normal() / Math.sqrt(patchSize(shape)));
    else if (name.startsWith('blocks') && inputs.length === 1) {
      // Queries, keys and values are three matrices.
      const rows = name.endsWith('qkv.weight') ? out / 3 : out;
      const limit = Math.sqrt(6 / (rows + inputs[0]));
      fill(part, () => (2 * random.uniform() - 1) * limit);
    } else if (/norm\d?\.weight$/.test(name)) part.fill(1);
  });
  return vector;
}

function fill(part: Float32Array, draw: () => number): void {
  for (let i = 0; i < part.length; i++) part[i] = draw();
}
