/** Models from files, as the commands for vision transformers take them, and the attention that options ask for. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type LoadedVit, loadVit } from '../vit/checkpoint.js';
import type { UntoldShape } from '../vit/names.js';
import { type AttentionChoice, attentionChoice } from '../vit/operators.js';
import { InputError, refusalOf, UsageError } from './failure.js';
import { openFile } from './file-source.js';
import { about } from './inputs.js';
import { parseCount, parseIndices } from './options.js';

/** What `--help` says of models. */
export const modelHelp = `
MODEL is a file that \`levattention train\` wrote, or a .safetensors file of ViTForImageClassification of
transformers or of a VisionTransformer of timm: its heads are taken from config.json beside it, or
from --heads. Relatives with other parts, such as scaled layers or registers, are refused.`;

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

/** A whole file; a folder, or a file that is not there, is refused in one line. */
export function readFile(path: string): Uint8Array {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) throw new InputError(`${path}: no such file`);
  if (!stats.isFile()) throw new InputError(`${path}: is not a file`);
  return readFileSync(path);
}

/** What config.json of transformers or timm must say, where it says anything of this. */
const PLAIN = { hidden_act: 'gelu', global_pool: 'token' };

/** What config.json tells of the model beside it, of which the tensors do not tell all. */
function toldBeside(path: string): UntoldShape {
  const config = join(dirname(path), 'config.json');
  if (!existsSync(config)) return {};
  const told = jsonOf(config) as Record<string, unknown>;
  // That of another model, which happens to lie in the same folder.
  if (typeof told.model_type === 'string' && !told.model_type.startsWith('vit')) return {};
  for (const [name, rule] of Object.entries(PLAIN))
    if ((told[name] ?? rule) !== rule)
      throw new InputError(`${config}: ${name} must be '${rule}', got ${JSON.stringify(told[name])}`);
  const { num_attention_heads: heads, layer_norm_eps: epsilon } = told;
  return {
    ...(typeof heads === 'number' && { heads }),
    ...(typeof epsilon === 'number' && { epsilon }),
  };
}

/** The JSON object of a file. */
export function jsonOf(path: string): object {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(readFile(path)));
  } catch (error) {
    if (error instanceof SyntaxError) throw new InputError(`${path}: no JSON: ${error.message}`);
    throw error;
  }
  if (value === null || typeof value !== 'object') throw new InputError(`${path}: must hold a JSON object`);
  return value;
}

/** The attention that options ask for, or undefined where they leave it. */
export function attentionOf({
  softmax,
  keys,
  select,
  always,
  tail,
}: AttentionOptions): AttentionChoice | undefined {
  if (softmax) {
    if (keys !== undefined) throw new UsageError('give only one of --softmax and --keys');
    return 'softmax';
  }
  if (keys === undefined) {
    const [lost] = Object.entries({ select, always, tail }).find(([, value]) => value !== undefined) ?? [];
    if (lost !== undefined) throw new UsageError(`--${lost} belongs to --keys`);
    return undefined;
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
