/** Report of the swapped models: accuracy by selector, tail and keys, beside that of models trained with as few keys. */
import { long } from '../long.js';
import type { Settings } from '../settings.js';
import { DEFAULT_CLUSTERS, SWAPPED, type Swap, swapName } from '../swap.js';
import { trainingName } from '../training.js';
import { panelsPlot } from './panels.js';
import {
  accuracyText,
  type Claim,
  type Estimate,
  estimate,
  percent,
  type Results,
  type Section,
  type Table,
  tenths,
} from './section.js';
import { accuracyOf } from './training.js';

/** Accuracy with k keys, over seeds, of the models of the training experiment. */
function swappedOf(results: Results, { seeds, small }: Settings, select: string, k: number): number[] {
  const names = seeds.map((seed) => swapName(trainingName('softmax', small.tokens, seed), select));
  return results.all<Swap>(names).map(({ cells }) => cells.find(({ keys }) => keys === k)!.accuracy);
}

/** The section. */
export async function swapSection(settings: Settings, results: Results): Promise<Section> {
  const { keys, small } = settings;
  const [full] = long(settings).runs;
  const seeded = SWAPPED.map((select) => ({
    name: `swapped, ${select}`,
    points: keys.flatMap((k) => {
      const values = swappedOf(results, settings, select, k);
      return values.length > 0 ? [[k, estimate(values).mean] as const] : [];
    }),
  }));
  const trained = {
    name: 'trained, leverage',
    points: keys.flatMap((k) => {
      const found = accuracyOf(results, settings, `leverage${k}`);
      return found ? [[k, found.mean] as const] : [];
    }),
  };
  const softmax = accuracyOf(results, settings, 'softmax');
  const line = { name: 'softmax', points: softmax ? keys.map((k) => [k, softmax.mean] as const) : [] };
  const curves = [line, trained, ...seeded].filter(({ points }) => points.length > 0);
  return {
    name: 'swap',
    title: 'Softmax-trained models with few keys',
    text: `Models as softmax trained them, looking at only k keys of each head, the class token among them; nothing is trained again. With a tail, k counts all stored pairs. Of the models of the training experiment keys are dropped, on ${2 * settings.images.swap} test images each; the longer run is swapped with everything on ${settings.images.swap}, and the model at n = ${settings.large.tokens} on ${Math.ceil(settings.images.swap / 2)}.`,
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
      `Accuracy against keys of each head at n = ${small.tokens}: models trained with them, and softmax-trained ones that are swapped`,
      [{ title: `n = ${small.tokens}`, curves }],
      { x: 'keys of each head', ticks: keys, log: true, y: 'accuracy', range: [0, 1] },
    ),
  };
}

/** Swapped against trained, by keys. */
function trainedTable(settings: Settings, results: Results): Table {
  const { keys, small } = settings;
  const softmax = accuracyOf(results, settings, 'softmax');
  const rows = keys.flatMap((k) => {
    const swapped = swappedOf(results, settings, 'leverage', k);
    const trained = accuracyOf(results, settings, `leverage${k}`);
    if (!softmax || !trained || swapped.length === 0) return [];
    return [[String(k), ...[estimate(swapped), trained, softmax].map(accuracyText)]];
  });
  return {
    title: `n = ${small.tokens}, leverage, keys dropped`,
    head: ['keys', 'swapped', 'trained with them', 'softmax'],
    rows,
  };
}

function seededTable(settings: Settings, results: Results): Table {
  const { keys, small, seeds } = settings;
  return {
    title: `n = ${small.tokens}, the ${seeds.length} softmax models of the training experiment, keys dropped`,
    head: ['keys by', ...keys.map(String)],
    rows: SWAPPED.map((select) => [
      select,
      ...keys.map((k) => {
        const values = swappedOf(results, settings, select, k);
        return values.length > 0 ? accuracyText(estimate(values)) : '';
      }),
    ]),
  };
}

/** All cells of the longer run. */
function fullCells(results: Results, model: string) {
  const runs = results.named(`swap-${model}-`);
  return runs.flatMap((run) => {
    const result = results.get<Swap>(run.name)?.result;
    const select = run.name.slice(`swap-${model}-`.length);
    return (result?.cells ?? []).map((cell) => ({ ...cell, select, softmax: result!.softmax }));
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
  const trained = (k: number) => accuracyOf(results, settings, `leverage${k}`, large.tokens);
  return {
    title: `n = ${large.tokens}, leverage, keys dropped`,
    head: ['keys', 'swapped', 'trained with them', 'softmax'],
    rows: (result?.cells ?? []).map(({ keys, accuracy }) => {
      const found = trained(keys);
      return [String(keys), tenths(accuracy), found ? tenths(found.mean) : '', tenths(result!.softmax)];
    }),
  };
}

/** Of what is lost by swapping, how much training with as few keys gives back. */
function recoverClaim(settings: Settings, results: Results): Claim {
  const { common } = settings;
  const claim = `Training with ${common} keys recovers what swapping loses.`;
  const softmax = accuracyOf(results, settings, 'softmax');
  const trained = accuracyOf(results, settings, `leverage${common}`);
  const values = swappedOf(results, settings, 'leverage', common);
  if (!softmax || !trained || values.length === 0) return { claim, evidence: 'runs are missing.' };
  const swapped = estimate(values);
  const gain = trained.mean - swapped.mean;
  const share = gain / (softmax.mean - swapped.mean);
  return {
    claim,
    holds: gain > 2 * errorOf(trained, swapped) && share > 0.5,
    evidence: `softmax ${accuracyText(softmax)}, swapped to ${common} keys by leverage ${accuracyText(swapped)}, trained with them ${accuracyText(trained)}: ${percent(share)} of what was lost.`,
  };
}

function leverageClaim(settings: Settings, results: Results): Claim {
  const { keys } = settings;
  const claim = 'Leverage beats squared norms when swapped.';
  const found = keys.map((k) => ({
    k,
    leverage: swappedOf(results, settings, 'leverage', k),
    norm: swappedOf(results, settings, 'squared-norm', k),
    random: swappedOf(results, settings, 'random', k),
  }));
  if (found.some(({ leverage, norm }) => leverage.length === 0 || leverage.length !== norm.length))
    return { claim, evidence: 'runs are missing.' };
  // Seed by seed: the same model with either choice.
  const differences = found.map(({ k, leverage, norm, random }) => ({
    k,
    norm: estimate(leverage.map((x, i) => x - norm[i])),
    random: random.length === leverage.length ? estimate(leverage.map((x, i) => x - random[i])) : undefined,
  }));
  const text = (name: 'norm' | 'random') =>
    differences
      .filter((each) => each[name])
      .map((each) => `${points(each[name]!)} at ${each.k}`)
      .join(', ');
  return {
    claim,
    holds: differences.every(({ norm: { mean, error = 0 } }) => mean > 2 * error),
    evidence: `leverage less squared norm, in points of accuracy, by keys: ${text('norm')}. Leverage less random keys: ${text('random')}.`,
  };
}

/** What the tail changes. */
function tailClaim({ keys }: Settings, results: Results, model: string): Claim {
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
  return {
    claim,
    holds: rows.every(({ dropped, own }) => own.accuracy > dropped.accuracy),
    evidence: `${rows
      .map(
        ({ k, dropped, best, own }) =>
          `at ${k}, the best choice with the rest dropped ${tenths(dropped.accuracy)} (${dropped.select}), clusters by default ${tenths(own.accuracy)}, the best tail ${tenths(best.accuracy)} (${best.select === DEFAULT_CLUSTERS ? '' : `${best.select}, `}${best.tail})`,
      )
      .join('; ')}. With all keys ${tenths(cells[0].softmax)}.`,
  };
}

const errorOf = (a: Estimate, b: Estimate) => Math.hypot(a.error ?? 0, b.error ?? 0);

function points({ mean, error }: Estimate): string {
  const sign = mean < 0 ? '-' : '+';
  return `${sign}${(100 * Math.abs(mean)).toFixed(1)}${error === undefined ? '' : ` ± ${(100 * error).toFixed(1)}`}`;
}
