/** The most memory that a training step needs in each engine. */
import type { Contestant } from './measure.js';
import { ownTraining } from './own-training.js';
import { type Measured, type Peak, peakOf, peakTable } from './peak-table.js';
import { jaxTraining } from './peers/jax-training.js';
import { startPeer } from './peers/process.js';
import type { Setting } from './peers/setup.js';
import { tensorflowTraining } from './peers/tensorflow-training.js';
import { loadTorchTraining, TORCH_TRAINING_SCRIPT, torchTrainingAbsent } from './peers/torch-training.js';
import type { Table } from './results.js';
import { type FirstStep, type TrainingCase, type TrainingData, trainingData } from './training-data.js';

/** What makes an engine load all that it loads once. */
export const tinyTraining: TrainingCase = { side: 4, batch: 1 };

/** Those of a process of Node. */
export function trainingWays(data: TrainingData, packages?: string): Contestant<FirstStep>[] {
  return [
    ownTraining(data, 'softmax', 'softmax'),
    ownTraining(data, '32 keys by leverage', { keys: 32 }),
    ownTraining(data, '32 keys by stride', { keys: 32, select: 'stride' }),
    ownTraining(data, '128 keys by leverage', { keys: 128 }),
    jaxTraining(packages, data),
    tensorflowTraining(packages, data),
  ];
}

export async function trainingMemory(
  title: string,
  each: TrainingCase,
  { packages, python, folder, say }: Setting,
): Promise<Table> {
  say(title);
  const measured = trainingWays(trainingData(tinyTraining), packages).map(
    ({ name, absent }): Measured => [
      name,
      { 'a step': absent ?? peakOf(['training', String(each.batch), String(each.side), name]) },
    ],
  );
  return peakTable(title, [
    ...measured,
    ['PyTorch, softmax', { 'a step': await torchPeak(python, each, folder) }],
  ]);
}

async function torchPeak(python: Setting['python'], each: TrainingCase, folder: string): Promise<Peak> {
  const absent = torchTrainingAbsent(python);
  if (!('python' in python) || absent !== undefined) return absent ?? 'not installed';
  const peer = startPeer(python.python, TORCH_TRAINING_SCRIPT, 1);
  try {
    await loadTorchTraining(peer, trainingData(tinyTraining), folder);
    await peer.call('run');
    await loadTorchTraining(peer, trainingData(each), folder);
    return (await peer.call<{ bytes: number }>('peak')).bytes;
  } catch (error) {
    return `failed: ${(error as Error).message}`;
  } finally {
    peer.close();
  }
}
