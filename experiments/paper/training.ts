/**
 * Experiment 3: how good are models that learn with a few keys of each head from the start, against softmax over all keys?
 *
 * The weights of the softmax models stay beside their results, with the selected keys of every look at the test images of those that experiment 4 reads.
 * At n = 197: softmax, and 32 keys by leverage, squared norm and at random, three seeds each; leverage at 16, 64 and 128 keys,
 * centred leverage at 32 keys and `tail: clusters` at 16 pairs, one seed. At n = 785, shorter: softmax, and leverage at 32, 64 and 128 keys, one seed.
 *
 * Costs five hours on two cores (2.8 GHz). Expect: 32 of 197 keys keep well over 90 % of the accuracy of softmax; how much the choice of keys matters is what the
 * table is for.
 */
import type { Experiment } from './run.js';
import type { Settings } from './settings.js';
import { type TrainingRun, trainingRun, type Wanted } from './train.js';

/** The training runs, by what other experiments ask of them. */
export interface Training extends Experiment {
  readonly runs: readonly TrainingRun[];
}

/** Attention with so many keys by a selector. */
export const keysBy = (select: string, keys: number) => ({ keys, select });

/** The selectors that are trained with at the common number of keys, with all seeds. */
export const SEEDED = ['leverage', 'squared-norm', 'random'];

/** The models whose selected keys are followed through the training, with all seeds, and who selects: of softmax models leverage is asked. */
export const WATCHED = [
  { name: 'leverage', select: 'leverage' },
  { name: 'squared-norm', select: 'squared-norm' },
  { name: 'softmax', select: 'leverage' },
] as const;

/** The name of a run. */
export function trainingName(attention: string, tokens: number, seed: number): string {
  return `training-${attention}-${tokens}-seed${seed}`;
}

/** All of them. */
export function training(settings: Settings): Training {
  const { small, large, seeds, keys, common, images } = settings;
  const run = (name: string, wanted: Wanted) =>
    trainingRun(trainingName(name, wanted.geometry.tokens, wanted.seed), settings, wanted);
  const others = keys.filter((k) => k !== common);
  const one = { geometry: small, seed: seeds[0] };
  const watchedAs = (name: string) => {
    const found = WATCHED.find((each) => each.name === name);
    return found && { select: found.select, keys: common, images: images.stability };
  };
  return {
    name: 'training',
    runs: [
      ...seeds.flatMap((seed) => [
        run('softmax', {
          geometry: small,
          attention: 'softmax',
          seed,
          keeps: true,
          watched: watchedAs('softmax'),
        }),
        ...SEEDED.map((select) =>
          run(`${select}${common}`, {
            geometry: small,
            attention: keysBy(select, common),
            seed,
            watched: watchedAs(select),
          }),
        ),
      ]),
      ...others.map((k) => run(`leverage${k}`, { ...one, attention: keysBy('leverage', k) })),
      run(`leverage-centred${common}`, { ...one, attention: keysBy('leverage-centred', common) }),
      run(`clusters${keys[0]}`, { ...one, attention: { keys: keys[0], tail: 'clusters' } }),
      run('softmax', { geometry: large, attention: 'softmax', seed: seeds[0], keeps: true }),
      ...keys
        .filter((k) => k >= common)
        .map((k) =>
          run(`leverage${k}`, { geometry: large, attention: keysBy('leverage', k), seed: seeds[0] }),
        ),
    ],
  };
}
