/** Models from files, as the commands for vision transformers take them, and the attention that options ask for. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type LoadedVit, loadVit, type UntoldVit } from '../vit/checkpoint.js';
import { type AttentionChoice, attentionChoice } from '../vit/operators.js';
import { InputError, refusalOf, UsageError } from './failure.js';
import { openFile } from './file-source.js';
import { about } from './inputs.js';
import { parseCount, parseIndices } from './options.js';
import { jsonOf } from './whole-file.js';

/** What `--help` says of models. */
export const modelHelp = `
MODEL is a file that \`levattention train\` wrote, or a .safetensors file of ViTForImageClassification of
transformers or of a VisionTransformer of timm: its heads are taken from config.json beside it, or
from --heads; the size of its images from there too, or they are square; mean and std of pixels from
preprocessor_config.json or timm's config.json, or they are 0.5. Relatives with other parts, such as
scaled layers or registers, are refused.`;

/** Options that choose another attention than the model's own. */
export interface AttentionOptions {
  readonly softmax?: boolean;
  readonly keys?: string;
  readonly select?: string;
  readonly always?: string;
  readonly tail?: string;
}

/** A model from a file, with the attention that the options ask for. */
export async function openModel(path: string, heads?: string): Promise<LoadedVit> {
  const file = openFile(path);
  const wanted = heads === undefined ? undefined : parseCount(heads, '--heads');
  const loaded = await about(path, () => loadVit(file, () => ({ heads: wanted, ...toldBeside(path) })));
  const { heads: found } = loaded.plan.model;
  if (wanted !== undefined && wanted !== found)
    throw new InputError(`${path}: heads are ${found}, --heads says ${wanted}`);
  return loaded;
}

/** What config.json of transformers or timm must say, where it says anything of this. */
const PLAIN = { hidden_act: 'gelu', global_pool: 'token' };

/** What the files beside a model tell of it, of which the tensors do not tell all. */
function toldBeside(path: string): UntoldVit {
  const beside = (name: string) => join(dirname(path), name);
  const config = beside('config.json');
  const told = objectOf(config);
  // That of another model, which happens to lie in the same folder.
  if (typeof told.model_type === 'string' && !told.model_type.startsWith('vit')) return {};
  checkSays(config, told, PLAIN);
  const { num_attention_heads: heads, layer_norm_eps: epsilon, image_size: size, pretrained_cfg } = told;
  const timm = (pretrained_cfg ?? {}) as { input_size?: unknown; mean?: unknown; std?: unknown };
  const image = typeof size === 'number' ? [size, size] : (size ?? timmSize(timm.input_size));
  const stated = {
    heads,
    epsilon,
    image,
    mean: timm.mean,
    std: timm.std,
    ...pixelsBeside(beside('preprocessor_config.json')),
  };
  const given = Object.entries(stated).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(given) as UntoldVit;
}

/** Of [channels, height, width]. */
const timmSize = (size: unknown) => (Array.isArray(size) ? size.slice(-2) : undefined);

/** Pixels are read as they are told by transformers: divided by 255, and normalised unless it says no. */
function pixelsBeside(path: string): object {
  const told = objectOf(path);
  checkSays(path, told, { do_rescale: true });
  const {
    rescale_factor: factor = 1 / 255,
    do_normalize: normalised,
    image_mean: mean,
    image_std: std,
  } = told;
  if (!(typeof factor === 'number' && Math.abs(255 * factor - 1) < 1e-6))
    throw new InputError(`${path}: rescale_factor must be 1/255, got ${JSON.stringify(factor)}`);
  return normalised === false
    ? { mean: 0, std: 1 }
    : { ...(mean != null && { mean }), ...(std != null && { std }) };
}

/** A JSON object, an empty one where there is no such file. */
function objectOf(path: string): Record<string, unknown> {
  return existsSync(path) ? (jsonOf(path) as Record<string, unknown>) : {};
}

/** Refuses a file that says something else. */
function checkSays(
  path: string,
  told: Record<string, unknown>,
  rules: Record<string, string | boolean>,
): void {
  for (const [name, rule] of Object.entries(rules))
    if ((told[name] ?? rule) !== rule)
      throw new InputError(
        `${path}: ${name} must be ${typeof rule === 'string' ? `'${rule}'` : rule}, got ${JSON.stringify(told[name])}`,
      );
}

/** The attention that options ask for, or undefined where they leave it. */
export function attentionOf({
  softmax,
  keys,
  select,
  always,
  tail,
}: AttentionOptions): AttentionChoice | undefined {
  if (softmax && keys !== undefined) throw new UsageError('give only one of --softmax and --keys');
  if (keys === undefined) {
    const [lost] = Object.entries({ select, always, tail }).find(([, value]) => value !== undefined) ?? [];
    if (lost !== undefined) throw new UsageError(`--${lost} belongs to --keys`);
    return softmax ? 'softmax' : undefined;
  }
  const given = {
    keys: parseCount(keys, '--keys'),
    ...(select !== undefined && { select }),
    ...(tail !== undefined && { tail }),
    ...(always !== undefined && { always: always === 'none' ? [] : parseIndices(always, '--always') }),
  };
  try {
    return attentionChoice(given, 'attention');
  } catch (error) {
    throw new UsageError(refusalOf(error) ?? (error as Error).message);
  }
}
