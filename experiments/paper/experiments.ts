/** All experiments of a size, in the order in which they are done. */
import { long } from './long.js';
import { planted } from './planted.js';
import type { Experiment } from './run.js';
import { paper, type Settings, smoke } from './settings.js';
import { stability } from './stability.js';
import { structure } from './structure.js';
import { swap } from './swap.js';
import type { TrainingRun } from './train.js';
import { training, trainingName, WATCHED } from './training.js';

/** The settings of a name. */
export function settingsOf(name: string): Settings {
  return name === 'smoke' ? smoke : paper;
}

/** The experiments, those first whose models the others read. */
export function experimentsOf(settings: Settings): Experiment[] {
  const { small, large, seeds, common, images } = settings;
  const trained = training(settings);
  const longer = long(settings);
  const [longSoftmax] = longer.runs;
  const named = (attention: string, tokens: number, seed: number): TrainingRun => {
    const name = trainingName(attention, tokens, seed);
    return trained.runs.find((run) => run.name === name)!;
  };
  const seeded = (attention: string) => seeds.map((seed) => named(attention, small.tokens, seed));
  const largeSoftmax = named('softmax', large.tokens, seeds[0]);
  return [
    planted(settings),
    trained,
    longer,
    structure(settings, [
      { run: longSoftmax, images: images.structure },
      { run: largeSoftmax, images: Math.ceil(images.structure / 4) },
    ]),
    swap(settings, longSoftmax, seeded('softmax'), largeSoftmax, images.swap),
    stability(
      settings,
      WATCHED.map(({ name, select }) => {
        const attention = name === 'softmax' ? name : `${name}${common}`;
        return { name: attention, models: seeded(attention), select };
      }),
    ),
  ];
}
