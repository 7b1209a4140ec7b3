/** Parameters under the names of Hugging Face's transformers or of timm, and a model's shape from the tensors of such a file. */
import type { ArrayToWrite, TensorFile } from '../io/index.js';
import type { Floats } from '../keys.js';
import { tokensOf, type VitShape, vitShape } from './config.js';
import { type ParameterPart, parameterCount, parameterParts } from './parameters.js';

/** Whose names: `ViTForImageClassification` of transformers, or `VisionTransformer` of timm. */
export type Naming = 'huggingface' | 'timm';

/** The namings, for options and messages. */
export const namings: readonly Naming[] = ['huggingface', 'timm'];

/** A tensor of a file and where it lies in the vector of parameters. */
type Piece = Pick<ParameterPart, 'name' | 'shape' | 'start' | 'end'>;

const HUGGING_FACE: Readonly<Record<string, string>> = {
  cls_token: 'vit.embeddings.cls_token',
  pos_embed: 'vit.embeddings.position_embeddings',
  'patch_embed.proj': 'vit.embeddings.patch_embeddings.projection',
  norm1: 'layernorm_before',
  norm2: 'layernorm_after',
  'attn.proj': 'attention.output.dense',
  'mlp.fc1': 'intermediate.dense',
  'mlp.fc2': 'output.dense',
  norm: 'vit.layernorm',
  head: 'classifier',
};

/** The tensors of a file, in the order of the vector. */
function pieces(shape: VitShape, naming: Naming): Piece[] {
  const parts = parameterParts(shape);
  return naming === 'timm' ? parts : parts.flatMap(huggingFacePieces);
}

/** Transformers keeps queries, keys and values apart, which are thirds of the rows here. */
function huggingFacePieces(part: ParameterPart): Piece[] {
  const [, layer, inner, kind] = /^(?:blocks\.(\d+)\.)?(.*?)(\.weight|\.bias|)$/.exec(part.name)!;
  const block = layer === undefined ? '' : `vit.encoder.layer.${layer}.`;
  if (inner !== 'attn.qkv') return [{ ...part, name: `${block}${HUGGING_FACE[inner]}${kind}` }];
  const [rows, ...rest] = part.shape;
  const size = (part.end - part.start) / 3;
  return ['query', 'key', 'value'].map((name, i) => ({
    name: `${block}attention.attention.${name}${kind}`,
    shape: [rows / 3, ...rest],
    start: part.start + i * size,
    end: part.start + (i + 1) * size,
  }));
}

/** The parts of a vector of parameters as named tensors; `prefix` goes before each name. */
export function namedTensors(
  shape: VitShape,
  vector: Float32Array,
  naming: Naming,
  prefix = '',
): Record<string, ArrayToWrite> {
  return Object.fromEntries(
    pieces(shape, naming).map(({ name, shape: sizes, start, end }) => [
      `${prefix}${name}`,
      { data: vector.subarray(start, end), shape: sizes },
    ]),
  );
}

/**
 * The vector of parameters from the tensors of a file.
 *
 * @throws RangeError where a tensor is missing, of another shape, or not finite
 */
export async function vectorFrom(file: TensorFile, shape: VitShape, prefix = ''): Promise<Float32Array> {
  const vector = new Float32Array(parameterCount(shape));
  const present = new Set(file.names);
  for (const { name, shape: sizes, start } of pieces(shape, namingOf(file))) {
    const full = `${prefix}${name}`;
    if (!present.has(full)) throw new RangeError(`loadVit: the file must hold the tensor ${full}`);
    const tensor = await file.open(full);
    if (tensor.shape.join() !== sizes.join())
      throw new RangeError(`loadVit: ${full} must have the shape [${sizes}], got [${tensor.shape}]`);
    const { data } = tensor.read();
    const bad = (data as Floats).findIndex((value: number) => !Number.isFinite(Math.fround(value)));
    if (bad >= 0) throw new RangeError(`loadVit: ${full} must be finite, got ${data[bad]} at ${bad}`);
    vector.set(data, start);
  }
  return vector;
}

/** Whose names the tensors of a file have. */
function namingOf(file: TensorFile): Naming {
  const names = new Set(file.names);
  if (names.has(HUGGING_FACE.cls_token)) return 'huggingface';
  if (names.has('cls_token')) return 'timm';
  throw new RangeError(
    `loadVit: the file must hold ${HUGGING_FACE.cls_token} or cls_token, the class token of a vision transformer`,
  );
}

/** What the tensors do not tell: `num_attention_heads`, and, where they are not the usual ones, `layer_norm_eps` and `image_size`. */
export interface UntoldShape {
  readonly heads?: number;
  readonly epsilon?: number;
  /** Square unless given. */
  readonly image?: VitShape['image'];
}

/**
 * The shape of the model in a file, from the shapes of its tensors.
 *
 * @throws RangeError where `heads` is not given, or the tensors are those of no such model, or of one with more parts
 */
export async function shapeOfFile(
  file: TensorFile,
  { heads, epsilon, image }: UntoldShape,
): Promise<VitShape> {
  const naming = namingOf(file);
  const isTimm = naming === 'timm';
  async function sizes(name: string, rank: number): Promise<readonly number[]> {
    const [{ name: full }] = isTimm ? [{ name }] : huggingFacePieces({ name, shape: [] } as never);
    if (!file.names.includes(full)) throw new RangeError(`loadVit: the file must hold the tensor ${full}`);
    const { shape } = await file.open(full);
    if (shape.length !== rank)
      throw new RangeError(`loadVit: ${full} must have ${rank} dimensions, got [${shape}]`);
    return shape;
  }
  if (heads === undefined)
    throw new RangeError('loadVit: the number of heads must be given, the tensors do not tell it');
  const [width, channels, patch] = await sizes('patch_embed.proj.weight', 4);
  const [, tokens] = await sizes('pos_embed', 3);
  const [hidden] = await sizes('blocks.0.mlp.fc1.bias', 1);
  const [classes] = await sizes('head.bias', 1);
  const side = Math.sqrt(tokens - 1) * patch;
  if (!image && !Number.isInteger(side / patch))
    throw new RangeError(
      `loadVit: positions must be those of a class token and a square image where no image size is given, got ${tokens} of them`,
    );
  const layer = isTimm ? /^blocks\.(\d+)\./ : /^vit\.encoder\.layer\.(\d+)\./;
  const depth = 1 + file.names.reduce((most, name) => Math.max(most, Number(layer.exec(name)?.[1] ?? 0)), 0);
  const shape = vitShape(
    {
      image: image ?? [side, side],
      channels,
      patch,
      width,
      depth,
      heads,
      hidden,
      classes,
      positions: 'learned',
      epsilon: epsilon ?? (isTimm ? 1e-6 : 1e-12),
    },
    'loadVit',
  );
  if (tokensOf(shape) !== tokens)
    throw new RangeError(
      `loadVit: positions must be those of an image of [${shape.image}] in patches of ${patch}, got ${tokens} of them`,
    );
  checkPlain(file, shape, naming);
  return shape;
}

/** The tensors of a model; not those of our own optimiser, nor what transformers keeps for other tasks than classification. */
const INSIDE: Readonly<Record<Naming, RegExp>> = {
  huggingface: /^(classifier\.|vit\.(?!pooler\.|embeddings\.mask_token$))/,
  timm: /^(?!adamw\.)/,
};

/** Refuses a model that computes something else: with scaled layers, norms of queries, registers and the like. */
function checkPlain(file: TensorFile, shape: VitShape, naming: Naming): void {
  const read = new Set(pieces(shape, naming).map(({ name }) => name));
  const other = file.names.find((name) => INSIDE[naming].test(name) && !read.has(name));
  if (other !== undefined)
    throw new RangeError(
      `loadVit: the model must have no tensor ${other}, which a plain vision transformer does not have`,
    );
}
