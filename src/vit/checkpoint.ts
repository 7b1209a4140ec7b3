/** Checkpoints: a model with all that its training goes on from, as one safetensors file that other libraries read too. */
import { type ArrayToWrite, type ByteSource, openTensors, writeSafetensors } from '../io/index.js';
import type { Normalisation } from './images.js';
import { type Naming, namedTensors, shapeOfFile, type UntoldShape, vectorFrom } from './names.js';
import { looksOf, type Plan, stepsOf, trainingPlan } from './plan.js';
import type { Evaluation, TrainingState } from './trainer.js';

/** The names of the optimiser's moments begin with these. */
const FIRST = 'adamw.first.';
const SECOND = 'adamw.second.';

/** The key of the metadata. */
const ABOUT = 'levattention';

/** What the metadata tell, as JSON. */
interface About {
  readonly plan: Plan;
  /** `fingerprintOf` the training and test images. */
  readonly images?: string;
  /** Of a checkpoint. */
  readonly state?: Pick<TrainingState, 'step' | 'running' | 'history'>;
}

/** The bytes of a checkpoint: float32 tensors under the names of `naming`, and, where they are given, what tells its images from others. The same state gives the same bytes. */
export function writeCheckpoint(
  plan: Plan,
  { parameters, first, second, ...state }: TrainingState,
  naming: Naming = 'huggingface',
  images?: string,
): Uint8Array<ArrayBuffer> {
  const { step, running, history } = state;
  const about: About = { plan, images, state: { step, running, history } };
  const tensors: Record<string, ArrayToWrite> = {
    ...namedTensors(plan.model, parameters, naming),
    ...namedTensors(plan.model, first, naming, FIRST),
    ...namedTensors(plan.model, second, naming, SECOND),
  };
  return written(tensors, about);
}

/** The bytes of the weights alone, as `ViTForImageClassification` of transformers or timm take them; the metadata tell the plan. */
export function writeWeights(plan: Plan, parameters: Float32Array, naming: Naming): Uint8Array<ArrayBuffer> {
  return written(namedTensors(plan.model, parameters, naming), { plan });
}

function written(tensors: Record<string, ArrayToWrite>, about: About): Uint8Array<ArrayBuffer> {
  return writeSafetensors(tensors, { metadata: { format: 'pt', [ABOUT]: JSON.stringify(about) } });
}

/** What the tensors of others do not tell of a model, nor of its pixels. */
export interface UntoldVit extends UntoldShape, Partial<Normalisation> {}

/** A model from a file. */
export interface LoadedVit {
  /** Its own where the file tells it, the defaults around its shape otherwise. */
  readonly plan: Plan;
  /** Whether the file tells the plan, as those of `writeCheckpoint` and `writeWeights` do. */
  readonly isTold: boolean;
  readonly parameters: Float32Array;
  /** `fingerprintOf` the training and test images, of a checkpoint that tells it. */
  readonly images?: string;
  /** Of a checkpoint. */
  readonly state?: TrainingState;
}

/**
 * Reads a checkpoint, or the weights of a vision transformer of transformers or timm, whose number of heads must then be told;
 * where it takes a look elsewhere to tell, `untold` may be a function. Their pixels are taken to be normalised by mean and std 0.5 unless it tells.
 *
 * @throws FormatError, RangeError, TypeError in one line for damaged files and those of other models
 */
export async function loadVit(
  source: ByteSource | Uint8Array,
  untold: UntoldVit | (() => UntoldVit) = {},
): Promise<LoadedVit> {
  const file = await openTensors(source);
  const about = file.metadata.get(ABOUT);
  if (about === undefined) {
    const { mean, std, ...told } = typeof untold === 'function' ? untold() : untold;
    const model = await shapeOfFile(file, told);
    const training = { ...(mean !== undefined && { mean }), ...(std !== undefined && { std }) };
    const plan = trainingPlan({ data: 'none', model, training }, 'loadVit');
    return { plan, isTold: false, parameters: await vectorFrom(file, model) };
  }
  const { plan: given, images, state } = parse(about);
  const plan = trainingPlan(given, 'loadVit');
  const parameters = await vectorFrom(file, plan.model);
  if (!state) return { plan, isTold: true, parameters };
  const [first, second] = [
    await vectorFrom(file, plan.model, FIRST),
    await vectorFrom(file, plan.model, SECOND),
  ];
  checkState(plan, state, second);
  return { plan, isTold: true, parameters, images, state: { ...state, parameters, first, second } };
}

function parse(text: string): About {
  let about: Partial<About> | null;
  try {
    about = JSON.parse(text);
  } catch {
    about = null;
  }
  if (
    about === null ||
    typeof about !== 'object' ||
    !['string', 'undefined'].includes(typeof about.images) ||
    (about.state !== undefined && !isState(about.state))
  )
    throw new RangeError(`loadVit: the metadata '${ABOUT}' must be those of a checkpoint`);
  return about as About;
}

function isState(state: Partial<About['state']> | null): boolean {
  const { step, running, history } = state ?? {};
  const looks: unknown[] = Array.isArray(history) ? history.map((look) => look?.step) : [undefined];
  return (
    [step, running?.correct, running?.images, ...looks].every(
      (value) => Number.isSafeInteger(value) && (value as number) >= 0,
    ) && Number.isFinite(running?.loss)
  );
}

/** Refuses the state of no run of this plan. */
function checkState(
  plan: Plan,
  { step, history }: Pick<TrainingState, 'step' | 'history'>,
  second: Float32Array,
): void {
  const steps = stepsOf(plan);
  if (step > steps) throw new RangeError(`loadVit: the step must be at most ${steps}, got ${step}`);
  const due = [...new Set(looksOf(plan))].filter((look) => look <= step);
  const missing = due.length - history.length;
  // The look that is due at the last step may be still to come.
  const isWhole = missing === 0 || (missing === 1 && due.at(-1) === step);
  if (!isWhole || !history.every((look, i) => look.step === due[i] && isLook(look)))
    throw new RangeError(`loadVit: the looks at the test images must be those of the first ${step} steps`);
  const negative = second.findIndex((value) => value < 0);
  if (negative >= 0)
    throw new RangeError(
      `loadVit: second moments must not be negative, got ${second[negative]} at ${negative}`,
    );
}

const FIGURES = ['images', 'trainLoss', 'trainAccuracy', 'testLoss', 'testAccuracy'] as const;

function isLook(look: Evaluation): boolean {
  return FIGURES.every((name) => Number.isFinite(look[name]));
}
