/** Models from files, as the commands for vision transformers take them, and the attention that options ask for. */
import { type LoadedVit, loadVit } from '../vit/checkpoint.js';
import { type AttentionChoice, attentionChoice } from '../vit/operators.js';
import { InputError, refusalOf, UsageError } from './failure.js';
import { openFile } from './file-source.js';
import { about } from './inputs.js';
import { toldBeside } from './model-folder.js';
import { parseCount, parseIndices } from './options.js';

/** What `--help` says of models. */
export const modelHelp = `
MODEL is a file that \`levattention train\` wrote, or a .safetensors file of ViTForImageClassification of
transformers or of a VisionTransformer of timm: its heads are taken from config.json beside it, or
from --heads; the size of its images from there too, or they are square; mean and std of pixels from
preprocessor_config.json or timm's config.json, or they are 0.5. What these say of cropping and
resizing is not followed: whole images are resized linearly, by means where they shrink. Relatives
with other parts, such as scaled layers or registers, are refused.`;

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
  const loaded = await about(path, () =>
    loadVit(file, () => {
      const told = toldBeside(path);
      return { ...told, heads: told.heads ?? wanted };
    }),
  );
  const { heads: found } = loaded.plan.model;
  if (wanted !== undefined && wanted !== found)
    throw new InputError(`${path}: heads are ${found}, --heads says ${wanted}`);
  return loaded;
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
