/** What the files beside a model of transformers or timm tell of it, of which its tensors do not tell all. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { UntoldVit } from '../vit/checkpoint.js';
import { shown } from '../vit/config.js';
import { InputError } from './failure.js';
import { jsonOf } from './whole-file.js';

/** Reads config.json and preprocessor_config.json in the folder of a model, where they are there. */
export function toldBeside(model: string): UntoldVit {
  const beside = (name: string) => join(dirname(model), name);
  const config = new Told(beside('config.json'));
  // That of another model, which happens to lie in the same folder.
  const type = config.get('model_type', 'a string', isString) ?? 'vit';
  if (!type.startsWith('vit') && type !== 'timm_wrapper') return {};
  config.get('hidden_act', "'gelu'", (value) => value === 'gelu');
  config.get('global_pool', "'token'", (value) => value === 'token');
  // Older files of timm have no part of their own for these.
  const timm = config.part('pretrained_cfg') ?? config;
  const input = timm.get('input_size', '[channels, height, width]', isInputSize)?.slice(1);
  const size =
    config.get('image_size', 'a number, or [height, width]', isSize) ??
    config.part('model_args')?.get('img_size', 'a number, or [height, width]', isSize) ??
    // The tensors tell a square one themselves, and files of models for other sizes keep the one of their source.
    (input && input[0] !== input[1] ? input : undefined);
  const pixels = pixelsBeside(beside('preprocessor_config.json'));
  return {
    heads: config.get('num_attention_heads', 'a whole number', isWhole),
    epsilon: config.get('layer_norm_eps', 'a number', isNumber),
    image: (typeof size === 'number' ? [size, size] : size) as UntoldVit['image'],
    mean: pixels.mean ?? timm.get('mean', MEANS, isMean),
    std: pixels.std ?? timm.get('std', STDS, isStd),
  };
}

/** Pixels as transformers reads them: divided by 255, and normalised unless it says no. */
function pixelsBeside(path: string): Pick<UntoldVit, 'mean' | 'std'> {
  const told = new Told(path);
  told.get('do_rescale', 'true', (value) => value === true);
  told.get('rescale_factor', '1/255', (value) => isNumber(value) && Math.abs(255 * value - 1) < 1e-6);
  if (told.get('do_normalize', 'true or false', isFlag) === false) return { mean: 0, std: 1 };
  return { mean: told.get('image_mean', MEANS, isMean), std: told.get('image_std', STDS, isStd) };
}

/** A JSON object that a file holds, or a part of one; an empty one where there is no such file. */
class Told {
  constructor(
    private readonly path: string,
    private readonly values = (existsSync(path) ? jsonOf(path) : {}) as Readonly<Record<string, unknown>>,
  ) {}

  /** A value that is told, undefined where it is not; refused where it is not what the rule says. */
  get<Value>(name: string, rule: string, isRight: (value: unknown) => value is Value): Value | undefined;
  get(name: string, rule: string, isRight: (value: unknown) => boolean): unknown;
  get(name: string, rule: string, isRight: (value: unknown) => boolean): unknown {
    const value = this.values[name] ?? undefined;
    if (value !== undefined && !isRight(value))
      throw new InputError(`${this.path}: ${name} must be ${rule}, got ${shown(value)}`);
    return value;
  }

  part(name: string): Told | undefined {
    const values = this.get(name, 'an object', isObject);
    return values && new Told(this.path, values);
  }
}

const MEANS = 'a number in [0, 1] for each channel';
const STDS = 'a number in [0.000001, 1000] for each channel';

const isFlag = (value: unknown): value is boolean => typeof value === 'boolean';
const isString = (value: unknown): value is string => typeof value === 'string';
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const isWhole = (value: unknown): value is number => Number.isSafeInteger(value);
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isList = (value: unknown, isEach: (each: unknown) => boolean, length?: number): boolean =>
  Array.isArray(value) && value.every(isEach) && value.length === (length ?? value.length);
const isSize = (value: unknown): value is number | number[] => isWhole(value) || isList(value, isWhole, 2);
const isInputSize = (value: unknown): value is number[] => isList(value, isWhole, 3);

const isWithin = (least: number, most: number) => (value: unknown) =>
  isNumber(value) && value >= least && value <= most;
const isOfChannels =
  (isEach: (each: unknown) => boolean) =>
  (value: unknown): value is number | number[] =>
    isEach(value) || isList(value, isEach);
const isMean = isOfChannels(isWithin(0, 1));
const isStd = isOfChannels(isWithin(1e-6, 1e3));
