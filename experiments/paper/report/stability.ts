/** Report of the selected keys during training: overlaps, and the selected patches over the images. */
import type { Settings } from '../settings.js';
import type { Stability } from '../stability.js';
import { panelsPlot } from './panels.js';
import { patchesPicture } from './patches.js';
import { type Claim, type Plot, percent, type Results, type Section } from './section.js';
import { meanOf } from './statistics.js';

/** Of a run: at each look, over seeds. */
interface Row extends Stability {
  readonly name: string;
}

/** The section. */
export async function stabilitySection({ common, small }: Settings, results: Results): Promise<Section> {
  const rows = results.named('stability-').flatMap(({ name }): Row[] => {
    const result = results.get<Stability>(name)?.result;
    return result ? [{ name: name.replace('stability-', ''), ...result }] : [];
  });
  const panels = rows.map(({ name, runs, chance }) => ({
    title: name,
    curves: [
      {
        name: 'with the final model',
        points: curve(
          runs[0].images,
          runs.map(({ withLast }) => withLast),
        ),
      },
      {
        name: 'with the look before',
        points: curve(
          runs[0].images.slice(1),
          runs.map(({ withBefore }) => withBefore),
        ),
      },
      { name: 'chance', points: runs[0].images.map((images) => [images, chance] as const) },
    ],
  }));
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) => part * small.images);
  const overlaps = await panelsPlot(
    'stability',
    'Overlap of the selected keys with those of the final model and of the look before, against images seen',
    panels,
    { x: 'images seen', ticks, format: '~s', y: 'overlap', range: [0, 1] },
  );
  const shown = rows.find(({ name }) => name.startsWith('leverage'));
  const pictures: Plot[] = shown
    ? [
        {
          name: 'patches',
          description:
            'Patches that heads of the last layer select, over the images, in the course of training; the more heads, the brighter',
          svg: patchesPicture(shown),
        },
      ]
    : [];
  return {
    name: 'stability',
    title: 'Selected keys during training',
    text: `Which ${common} keys each head selects, at every look of the training; of the softmax models, which ones leverage would select. The class token, always kept, does not count. Across seeds each head is compared with its best match in the same layer, the match found on other images.`,
    tables: rows.length > 0 ? [table(rows)] : [],
    claims: rows.map(claimOf),
    plots: [...overlaps, ...pictures],
  };
}

function curve(images: readonly number[], seeds: readonly (readonly number[])[]) {
  return images.map((each, i) => [each, meanOf(seeds.map((values) => values[i]))] as const);
}

/** The look in the middle of the training. */
const middle = ({ runs: [{ images }] }: Row) => Math.floor((images.length - 1) / 2);

function table(rows: readonly Row[]) {
  const layers = rows[0].runs[0].withLastByLayer[0].map((_, layer) => layer);
  return {
    title: `Overlap of selected keys, means over ${rows[0].images} images, heads and seeds`,
    head: [
      'model',
      'first look with the last',
      'middle with the last',
      ...layers.map((layer) => `the same, layer ${layer + 1}`),
      'last two looks',
      'across seeds',
      'next image',
      'chance',
    ],
    rows: rows.map((row) => {
      const { name, runs, acrossSeeds, otherImages, chance } = row;
      return [
        name,
        percent(meanOf(runs.map(({ withLast }) => withLast[0]))),
        percent(meanOf(runs.map(({ withLast }) => withLast[middle(row)]))),
        ...layers.map((layer) =>
          percent(meanOf(runs.map(({ withLastByLayer }) => withLastByLayer[middle(row)][layer]))),
        ),
        percent(meanOf(runs.map(({ withBefore }) => withBefore.at(-1)!))),
        acrossSeeds ? percent(meanOf(acrossSeeds)) : '-',
        percent(otherImages),
        percent(chance),
      ];
    }),
  };
}

/** Consistent is what shares more than half of its keys with the final model from the middle of the training on, and twice as many as chance. */
function claimOf(row: Row): Claim {
  const { name, runs, acrossSeeds, otherImages, chance } = row;
  const overlap = meanOf(runs.map(({ withLast }) => withLast[middle(row)]));
  const seeds = acrossSeeds ? meanOf(acrossSeeds) : undefined;
  return {
    claim: `Important keys are selected consistently during training (${name}).`,
    holds: overlap > Math.max(0.5, 2 * chance),
    evidence: `in the middle of the training ${percent(overlap)} of the keys are those of the final model, where chance is ${percent(chance)}${seeds === undefined ? '' : `; models of other seeds select ${percent(seeds)} of the same`}. Of one image and the next the final models share ${percent(otherImages)}: so much is of places, whatever the image. Called consistent: over half, and twice chance.`,
  };
}
