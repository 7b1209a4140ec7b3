/** A training step in PyTorch, in a process of its own. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeWeights } from '../../src/vit/checkpoint.js';
import { absentee, type Contestant } from '../measure.js';
import { measuredSteps } from '../own-training.js';
import type { FirstStep, TrainingData } from '../training-data.js';
import { type PeerProcess, startPeer } from './process.js';
import type { PythonPeers } from './python.js';

/** Its process. */
export const TORCH_TRAINING_SCRIPT = 'torch_training.py';

/** Hands the process model and batch. */
export async function loadTorchTraining(
  peer: PeerProcess,
  { plan, parameters, pixels, targets }: TrainingData,
  folder: string,
): Promise<void> {
  const files = { pixels: join(folder, 'vit-pixels.f32'), targets: join(folder, 'vit-targets.f32') };
  const bytes = (floats: Float32Array) => new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
  writeFileSync(join(folder, 'model.safetensors'), writeWeights(plan, parameters, 'huggingface'));
  writeFileSync(files.pixels, bytes(pixels));
  writeFileSync(files.targets, bytes(targets));
  const { model, training } = plan;
  await peer.call('load', { ...files, folder, side: model.image[0], batch: training.batch, model, training });
}

/** Why there is none: the model of `transformers` comes with what runs SmolLM2. */
export function torchTrainingAbsent(python: PythonPeers | { readonly absent: string }): string | undefined {
  return 'python' in python ? (python.torch ?? python.model) : python.absent;
}

export function torchTraining(
  python: PythonPeers | { readonly absent: string },
  threads: number,
  data: TrainingData,
  folder: string,
): Contestant<FirstStep> {
  const name = 'PyTorch, softmax';
  const absent = torchTrainingAbsent(python);
  if (!('python' in python) || absent !== undefined)
    return absentee(name, threads, absent ?? 'not installed');
  return {
    name,
    threads,
    async prepare() {
      const peer = startPeer(python.python, TORCH_TRAINING_SCRIPT, threads);
      await loadTorchTraining(peer, data, folder);
      // The process times itself.
      let time = 0;
      const step = async ({ rate }: { readonly rate: number }) => {
        const { time: taken, ...found } = await peer.call<FirstStep & { time: number }>('run', { rate });
        time = taken;
        return found;
      };
      const prepared = await measuredSteps(data.plan, step, async () => peer.close());
      return {
        ...prepared,
        async run() {
          const { result } = await prepared.run();
          return { laps: { 'an image': time / data.set.count }, result };
        },
      };
    },
  };
}
