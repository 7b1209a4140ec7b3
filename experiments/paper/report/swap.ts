/** Report of the swapped models: accuracy by selector, tail and keys, beside that of models trained with as few keys. */
import { long } from '../long.js';
import type { Settings } from '../settings.js';
import { DEFAULT_CLUSTERS, SWAPPED, type Swap, swapName } from '../swap.js';
import { trainingName } from '../training.js';
import { panelsPlot } from './panels.js';
import {
  accuracyText,
  type Claim,
  countText,
  percent,
  pointsText,
  type Results,
  type Section,
  type Table,
  tenths,
} from './section.js';
import { bySeed, eachSeed, shareOf } from './seeds.js';
import { estimate, meanOf, signOf, signOfShares, student, verdictOf } from './statistics.js';
import { accuraciesOf } from './training.js';

/** Of the softmax models of the training experiment, by seed: accuracy with k keys of a choice, and with all keys on the same images. */
function swappedOf(results: Results, { seeds, small }: Settings, select: string, k: number) {
  const nameOf = (seed: number) => swapName(trainingName('softmax', small.tokens, seed), select);
  return {
    few: bySeed<Swap>(results, seeds, nameOf, ({ cells }) => cells.find(({ keys }) => keys === k)!.accuracy),
    all: bySeed<Swap>(results, seeds, nameOf, ({ softmax }) => softmax),
  };
}

/** The section. */
export async function swapSection(settings: Settings, results: Results): Promise<Section> {
  const { keys, small } = settings;
  const [full] = long(settings).runs;
  const softmax = accuraciesOf(results, settings, 'softmax');
  const curveOf = (name: string, shareAt: (k: number) => number | undefined) => ({
    name,
    points: keys.flatMap((k) => {
      const share = shareAt(k);
      return share === undefined ? [] : [[k, share] as const];
    }),
  });
  const curves = [
    curveOf('trained, leverage', (k) => shareOf(accuraciesOf(results, settings, `leverage${k}`), softmax)),
    ...SWAPPED.map((select) =>
      curveOf(`swapped, ${select}`, (k) => {
        const { few, all } = swappedOf(results, settings, select, k);
        return shareOf(few, all);
      }),
    ),
  ].filter(({ points }) => points.length > 0);
  return {
    name: 'swap',
    title: 'Softmax-trained models with few keys',
    text: `Models as softmax trained them, looking at only k keys of each head, the class token among them; nothing is trained again. With a tail, k counts all stored pairs. Of the models of the training experiment keys are dropped, on ${2 * settings.images.swap} test images each; the longer run is swapped with everything on ${settings.images.swap}, and the model at n = ${settings.large.tokens} on ${Math.ceil(settings.images.swap / 2)}. Beside each stands softmax on the same images; models that were trained with few keys, and softmax beside them, are judged on ${small.testImages ?? 'all'} test images at n = ${small.tokens} and ${settings.large.testImages ?? 'all'} at n = ${settings.large.tokens}.`,
    tables: [
      trainedTable(settings, results),
      seededTable(settings, results),
      fullTable(settings, results, full.name),
      largeTable(settings, results),
    ],
    claims: [
      recoverClaim(settings, results),
      leverageClaim(settings, results),
      tailClaim(settings, results, full.name),
    ],
    plots: await panelsPlot(
      'swap',
      `Accuracy as a share of that of softmax on the same images, against keys of each head at n = ${small.tokens}: models trained with them, and softmax-trained ones that are swapped`,
      [{ title: `n = ${small.tokens}`, curves }],
      { x: 'keys of each head', ticks: keys, log: true, y: 'share of softmax', range: [0, 1.1] },
    ),
  };
}

/** Swapped against trained, by keys, each beside softmax on its images, over the seeds that all have. */
function trainedTable(settings: Settings, results: Results): Table {
  const { keys, small } = settings;
  const softmax = accuraciesOf(results, settings, 'softmax');
  const rows = keys.flatMap((k) => {
    const { few, all } = swappedOf(results, settings, 'leverage', k);
    const trained = accuraciesOf(results, settings, `leverage${k}`);
    const found = eachSeed([few, all, trained, softmax], (...figures) => figures);
    if (found.length === 0) return [];
    const columns = found[0].map((_, i) => accuracyText(estimate(found.map((figures) => figures[i]))));
    return [[String(k), String(found.length), ...columns]];
  });
  return {
    title: `n = ${small.tokens}, leverage, keys dropped`,
    head: ['keys', 'seeds', 'swapped', 'softmax, same images', 'trained with them', 'softmax, all images'],
    rows,
  };
}

function seededTable(settings: Settings, results: Results): Table {
  const { keys, small, seeds } = settings;
  return {
    title: `n = ${small.tokens}, softmax models of the training experiment, keys dropped`,
    head: ['keys by', 'seeds', ...keys.map(String), 'all'],
    rows: SWAPPED.map((select) => {
      const found = keys.map((k) => swappedOf(results, settings, select, k));
      return [
        select,
        countText(found[0].all.size, seeds.length),
        ...[...found.map(({ few }) => few), found[0].all].map((values) =>
          values.size > 0 ? accuracyText(estimate([...values.values()])) : '',
        ),
      ];
    }),
  };
}

/** All cells of the longer run. */
function fullCells(results: Results, model: string) {
  const runs = results.named(`swap-${model}-`);
  return runs.flatMap((run) => {
    const result = results.get<Swap>(run.name)?.result;
    const select = run.name.slice(`swap-${model}-`.length);
    return (result?.cells ?? []).map((cell) => ({
      ...cell,
      select,
      softmax: result!.softmax,
      images: result!.images,
    }));
  });
}

function fullTable({ keys }: Settings, results: Results, model: string): Table {
  const cells = fullCells(results, model);
  const names = [...new Set(cells.map(({ select, tail }) => JSON.stringify([select, tail])))];
  const softmax = cells[0]?.softmax;
  return {
    title: `\`${model}\`${softmax === undefined ? '' : `, with all keys ${tenths(softmax)}`}`,
    head: ['keys by', 'tail', ...keys.map(String)],
    rows: names.map((name) => {
      const [select, tail] = JSON.parse(name) as [string, string];
      const of = (k: number) =>
        cells.find((cell) => cell.select === select && cell.tail === tail && cell.keys === k);
      return [
        select === DEFAULT_CLUSTERS ? 'its own' : select,
        tail,
        ...keys.map((k) => tenths(of(k)!.accuracy)),
      ];
    }),
  };
}

function largeTable(settings: Settings, results: Results): Table {
  const { large, seeds } = settings;
  const model = trainingName('softmax', large.tokens, seeds[0]);
  const result = results.get<Swap>(swapName(model, 'leverage'))?.result;
  const trained = (k: number) => accuraciesOf(results, settings, `leverage${k}`, large.tokens).get(seeds[0]);
  return {
    title: `n = ${large.tokens}, leverage, keys dropped`,
    head: ['keys', 'swapped', 'softmax, same images', 'trained with them, more images'],
    rows: (result?.cells ?? []).map(({ keys, accuracy }) => {
      const found = trained(keys);
      return [
        String(keys),
        tenths(accuracy),
        tenths(result!.softmax),
        found === undefined ? '' : tenths(found),
      ];
    }),
  };
}

/** Called recovered when training with as few keys gives back more than half of what swapping loses, seed by seed. */
function recoverClaim(settings: Settings, results: Results): Claim {
  const { common, seeds } = settings;
  const claim = `Training with ${common} keys recovers what swapping loses.`;
  const softmax = accuraciesOf(results, settings, 'softmax');
  const trained = accuraciesOf(results, settings, `leverage${common}`);
  const { few, all } = swappedOf(results, settings, 'leverage', common);
  const losses = eachSeed([all, few, softmax, trained], (before, swapped, own, again) => ({
    swapped: before - swapped,
    trained: own - again,
  }));
  if (losses.length < seeds.length) return { claim, evidence: 'runs are missing.' };
  const [lost, remains] = [losses.map(({ swapped }) => swapped), losses.map(({ trained }) => trained)];
  if (meanOf(lost) <= 0) return { claim, evidence: 'swapping loses nothing.' };
  const more = losses.map(({ swapped, trained }) => swapped / 2 - trained);
  return {
    claim,
    holds: verdictOf([signOf(estimate(more))]),
    evidence: `swapping softmax to ${common} keys by leverage loses ${points(lost)} points of accuracy, training with them ${points(remains)}: ${percent(1 - meanOf(remains) / meanOf(lost))} is recovered. Called so from half on.`,
  };
}

const points = (values: readonly number[]) => pointsText(estimate(values)).replace(/^\+/, '');

function leverageClaim(settings: Settings, results: Results): Claim {
  const { keys, seeds, common } = settings;
  const claim = 'Leverage beats squared norms when swapped.';
  // Seed by seed: the same model with either choice.
  const lead = (one: string, other: string) =>
    keys.map((k) => {
      const [own, others] = [one, other].map((name) => swappedOf(results, settings, name, k).few);
      return { k, difference: estimate(eachSeed([own, others], (a, b) => a - b)) };
    });
  const text = (found: ReturnType<typeof lead>) =>
    found.map(({ k, difference }) => `${pointsText(difference)} at ${k}`).join(', ');
  const norms = lead('leverage', 'squared-norm');
  const random = lead('leverage', 'random');
  if ([...norms, ...random].some(({ difference }) => difference.count < seeds.length))
    return { claim, evidence: 'runs are missing.' };
  const judged = norms.find(({ k }) => k === common)!;
  return {
    claim,
    holds: verdictOf([signOf(judged.difference)]),
    evidence: `leverage less squared norm, in points of accuracy, by keys: ${text(norms)}. Leverage less random keys: ${text(random)}. Squared norm less random keys: ${text(lead('squared-norm', 'random'))}. Judged at ${common}; with ${seeds.length} seeds a difference can be told from ${student(seeds.length - 1).toFixed(1)} standard errors on.`,
  };
}

/** What the tail changes. */
function tailClaim({ keys, common }: Settings, results: Results, model: string): Claim {
  const claim = 'Accounting for the keys that are not kept loses less than dropping them.';
  const cells = fullCells(results, model);
  const expected = results.named(`swap-${model}-`);
  if (expected.some(({ name }) => !results.get(name))) return { claim, evidence: 'runs are missing.' };
  const rows = keys.map((k) => {
    const of = (drop: boolean) =>
      cells
        .filter((cell) => cell.keys === k && (cell.tail === 'drop') === drop)
        .reduce((a, b) => (b.accuracy > a.accuracy ? b : a));
    const own = cells.find((cell) => cell.keys === k && cell.select === DEFAULT_CLUSTERS)!;
    return { k, dropped: of(true), best: of(false), own };
  });
  const { images, softmax } = cells[0];
  const { own, dropped } = rows.find(({ k }) => k === common)!;
  const evidence = rows.map(
    ({ k, dropped, best, own }) =>
      `at ${k}, the best choice with the rest dropped ${tenths(dropped.accuracy)} (${dropped.select}), clusters by default ${tenths(own.accuracy)}, the best tail ${tenths(best.accuracy)} (${best.select === DEFAULT_CLUSTERS ? '' : `${best.select}, `}${best.tail})`,
  );
  return {
    claim,
    holds: verdictOf([signOfShares(own.accuracy, dropped.accuracy, images)]),
    evidence: `${evidence.join('; ')}. With all keys ${tenths(softmax)}. Judged at ${common}, clusters by default.`,
  };
}
