/** The weights at the end of a training run, as `levattention eval` and `classify` take them. */
import { existsSync, readFileSync } from 'node:fs';
import { type LoadedVit, loadVit, writeWeights } from '../../src/vit/checkpoint.js';
import { stepsOf } from '../../src/vit/plan.js';
import { writeWhole } from '../cache.js';
import { type Artefact, artefactPath } from './artefact.js';
import type { Place } from './place.js';
import type { TrainingRun } from './train.js';

/** Where the training of a run goes on. */
export const checkpointPath = (run: TrainingRun, place: Place) => place.path(run, 'checkpoint.safetensors');

/** The weights of a run. */
export function weightsOf(run: TrainingRun): Artefact<Float32Array> {
  const { plan } = run.config;
  const file = `${run.name}.safetensors`;
  return {
    run,
    file,
    async read(place) {
      const loaded = await loadedFrom(artefactPath({ file }, place));
      return loaded && JSON.stringify(loaded.plan) === JSON.stringify(plan) ? loaded.parameters : undefined;
    },
    async make(place) {
      const loaded = await loadedFrom(checkpointPath(run, place));
      if (loaded?.state?.step !== stepsOf(plan)) return false;
      writeWhole(artefactPath({ file }, place), writeWeights(plan, loaded.parameters, 'huggingface'));
      return true;
    },
  };
}

/** A model, where its file is there and whole; what is not is told, as hours may have gone into it. */
export async function loadedFrom(path: string): Promise<LoadedVit | undefined> {
  if (!existsSync(path)) return undefined;
  try {
    return await loadVit(readFileSync(path));
  } catch (error) {
    console.error(`${path}: is not used, ${(error as Error).message}`);
    return undefined;
  }
}
