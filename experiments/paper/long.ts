/**
 * Two longer runs at n = 197, so that accuracy means something: softmax, and LevAttention with 32 keys of each head, over almost seven passes of the
 * training images. Their weights stay in `results/paper`, for `levattention eval` and `classify`, the demo and the documents.
 *
 * Costs an hour and a half on two cores (2.8 GHz). Expect at least 86 % of the 10,000 test images of Fashion-MNIST from both.
 */
import type { Experiment } from './run.js';
import type { Settings } from './settings.js';
import { type TrainingRun, trainingRun } from './train.js';
import { keysBy } from './training.js';

/** The two runs. */
export function long(
  settings: Settings,
): Experiment & { readonly runs: readonly [TrainingRun, TrainingRun] } {
  const { long: geometry, seeds, common } = settings;
  const wanted = { geometry, seed: seeds[0], keeps: true };
  return {
    name: 'long',
    runs: [
      trainingRun('long-softmax', settings, { ...wanted, attention: 'softmax' }),
      trainingRun(`long-leverage${common}`, settings, { ...wanted, attention: keysBy('leverage', common) }),
    ],
  };
}
