/** Checkpoints: a model with all that its training goes on from, as one safetensors file that other libraries read too. */
import { type ArrayToWrite, type ByteSource, openTensors, writeSafetensors } from '../io/index.js';
import { type Naming, namedTensors, shapeOfFile, type UntoldShape, vectorFrom } from './names.js';
import { type Plan, trainingPlan } from './plan.js';
import type { TrainingState } from './trainer.js';

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

/** A model from a file. */
export interface LoadedVit {
  /** Its own where it was trained here, the defaults around its shape otherwise. */
  readonly plan: Plan;
  readonly parameters: Float32Array;
  /** `fingerprintOf` the training and test images, of a checkpoint that tells it. */
  readonly images?: string;
  /** Of a checkpoint. */
  readonly state?: TrainingState;
}

/**
 * Reads a checkpoint, or the weights of a vision transformer of transformers or timm, whose number of heads must then be told;
 * where it takes a look elsewhere to tell, `untold` may be a function.
 *
 * @throws FormatError, RangeError, TypeError in one line for damaged files and those of other models
 */
export async function loadVit(
  source: ByteSource | Uint8Array,
  untold: UntoldShape | (() => UntoldShape) = {},
): Promise<LoadedVit> {
  const file = await openTensors(source);
  const about = file.metadata.get(ABOUT);
  if (about === undefined) {
    const model = await shapeOfFile(file, typeof untold === 'function' ? untold() : untold);
    return { plan: trainingPlan({ data: 'none', model }), parameters: await vectorFrom(file, model) };
  }
  const { plan: given, images, state } = parse(about);
  const plan = trainingPlan(given, 'loadVit');
  const parameters = await vectorFrom(file, plan.model);
  if (!state) return { plan, parameters };
  const [first, second] = [
    await vectorFrom(file, plan.model, FIRST),
    await vectorFrom(file, plan.model, SECOND),
  ];
  return { plan, parameters, images, state: { ...state, parameters, first, second } };
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
