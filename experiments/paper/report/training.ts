/** Report of the training runs: tables of accuracy, curves, and whether few keys keep the accuracy of softmax. */
import { attentionText } from '../../../src/vit/operators.js';
import { long } from '../long.js';
import type { Settings } from '../settings.js';
import type { Trained, TrainingRun } from '../train.js';
import { SEEDED, training, trainingName } from '../training.js';
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

/** The paper's share of softmax accuracy. */
const SHARE = 0.9;

/** Runs that differ in their seeds alone. */
interface Group {
  readonly attention: string;
  readonly tokens: number;
  readonly runs: readonly TrainingRun[];
}

function groupsOf(runs: readonly TrainingRun[]): Group[] {
  const groups = new Map<string, TrainingRun[]>();
  for (const run of runs) {
    const name = run.name.replace(/-seed\d+$/, '');
    groups.set(name, [...(groups.get(name) ?? []), run]);
  }
  return [...groups.values()].map((runs) => {
    const [{ config, tokens }] = runs;
    return { attention: attentionText(config.plan.attention), tokens, runs };
  });
}

/** Accuracy of the runs of a name that are there, over seeds. */
export function accuracyOf(
  results: Results,
  { seeds, small }: Settings,
  attention: string,
  tokens = small.tokens,
): Estimate | undefined {
  const found = results.all<Trained>(seeds.map((seed) => trainingName(attention, tokens, seed)));
  return found.length > 0 ? estimate(found.map(({ accuracy }) => accuracy)) : undefined;
}

/** The section. */
export async function trainingSection(settings: Settings, results: Results): Promise<Section> {
  const { small, large } = settings;
  const groups = groupsOf(training(settings).runs);
  const of = (tokens: number) => groups.filter((group) => group.tokens === tokens);
  const curves = [small, large].map(({ tokens }) => ({
    title: `n = ${tokens}`,
    curves: of(tokens).flatMap(({ attention, runs }) => {
      const histories = results.all<Trained>(runs.map(({ name }) => name)).map(({ history }) => history);
      if (histories.length === 0) return [];
      const points = histories[0].map(({ images }, i) => {
        const mean = estimate(histories.map((history) => history[i].testAccuracy)).mean;
        return [images, mean] as const;
      });
      return [{ name: attention, points }];
    }),
  }));
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) => part * small.images);
  return {
    name: 'training',
    title: 'Training with few keys',
    text: `Models that learn with a few keys of each head from the start. Accuracy is that of ${small.testImages ?? 'all'} test images at n = ${small.tokens} and ${large.testImages ?? 'all'} at n = ${large.tokens}, ± the standard error over seeds where there are several. The class token is always among the keys.`,
    tables: [small, large].map(({ tokens, images }) =>
      tableOf(`n = ${tokens}, ${images.toLocaleString('en')} images seen`, of(tokens), results),
    ),
    claims: [keptClaim(settings, results), clustersClaim(settings, results)],
    plots: await panelsPlot(
      'training',
      'Accuracy on the first test images against images seen, means over seeds',
      curves,
      { x: 'images seen', ticks, format: '~s', y: 'accuracy', range: [0.5, 0.9] },
    ),
  };
}

/** The longer runs. */
export function longSection(settings: Settings, results: Results): Section {
  const { runs } = long(settings);
  const title = `n = ${settings.long.tokens}, ${settings.long.images.toLocaleString('en')} images seen, all test images`;
  const [softmax, selected] = runs.map(({ name }) => results.get<Trained>(name)?.result.accuracy);
  return {
    name: 'long',
    title: 'Two longer runs',
    text: 'The same two models for longer. Their weights are beside the results: `levattention eval experiments/results/paper/long-softmax.safetensors` judges them anew.',
    tables: [tableOf(title, groupsOf(runs), results)],
    claims: [
      {
        claim: 'At least 86 % of the test images of Fashion-MNIST, by softmax and by LevAttention.',
        ...(softmax !== undefined &&
          selected !== undefined && { holds: Math.min(softmax, selected) >= 0.86 }),
        evidence: runs
          .map(
            ({ name }, i) =>
              `${name} ${[softmax, selected].map((x) => (x === undefined ? 'not there yet' : tenths(x)))[i]}`,
          )
          .join(', '),
      },
    ],
    plots: [],
  };
}

function tableOf(title: string, groups: readonly Group[], results: Results): Table {
  const found = groups.map(({ attention, runs }) => ({
    attention,
    kept: runs.map(({ name }) => results.get<Trained>(name)).filter((each) => each !== undefined),
    runs,
  }));
  const accuracies = found.map(({ kept }) => kept.map(({ result }) => result.accuracy));
  const softmax = accuracies[0].length > 0 ? estimate(accuracies[0]).mean : undefined;
  return {
    title,
    head: ['attention', 'seeds', 'accuracy', 'of softmax', 'loss', 'images/s', 'command'],
    rows: found.map(({ attention, kept, runs }, i) => {
      const command = `\`npm run paper -- ${runs[0].name.replace(/-seed\d+$/, '')}\``;
      if (kept.length === 0) return [attention, `0 of ${runs.length}`, '', '', '', '', command];
      const accuracy = estimate(accuracies[i]);
      const seen = runs[0].config.plan.training.images;
      return [
        attention,
        kept.length < runs.length ? `${kept.length} of ${runs.length}` : String(kept.length),
        accuracyText(accuracy),
        softmax === undefined ? '' : tenths(accuracy.mean / softmax),
        estimate(kept.map(({ result }) => result.loss)).mean.toFixed(3),
        estimate(kept.map(({ seconds }) => seen / seconds)).mean.toFixed(0),
        command,
      ];
    }),
  };
}

function keptClaim(settings: Settings, results: Results): Claim {
  const { common, small } = settings;
  const claim = `${common} of ${small.tokens} keys keep over ${percent(SHARE)} of the accuracy of softmax.`;
  const softmax = accuracyOf(results, settings, 'softmax');
  const leverage = accuracyOf(results, settings, `leverage${common}`);
  if (!softmax || !leverage) return { claim, evidence: 'runs are missing.' };
  const shares = SEEDED.map((select) => ({ select, of: accuracyOf(results, settings, `${select}${common}`) }))
    .filter(({ of }) => of !== undefined)
    .map(({ select, of }) => `${select} ${tenths(of!.mean / softmax.mean)}`);
  return {
    claim,
    holds: leverage.mean / softmax.mean > SHARE,
    evidence: `of the ${accuracyText(softmax)} of softmax, ${shares.join(', ')}. ${choiceText(settings, results, leverage)}`,
  };
}

/** What the tail changes in training, with the fewest pairs. */
function clustersClaim(settings: Settings, results: Results): Claim {
  const [fewest] = settings.keys;
  const claim = `With ${fewest} stored pairs, models learn more from clusters than from ${fewest} keys alone.`;
  const clusters = accuracyOf(results, settings, `clusters${fewest}`);
  const alone = accuracyOf(results, settings, `leverage${fewest}`);
  if (!clusters || !alone) return { claim, evidence: 'runs are missing.' };
  return {
    claim,
    holds: clusters.mean > alone.mean,
    evidence: `clusters ${accuracyText(clusters)}, leverage with the rest dropped ${accuracyText(alone)}, one seed each.`,
  };
}

/** Whether it is leverage that does it: against the other choices of as many keys. */
function choiceText({ common, ...settings }: Settings, results: Results, leverage: Estimate): string {
  return SEEDED.filter((select) => select !== 'leverage')
    .map((select) => {
      const other = accuracyOf(results, { common, ...settings }, `${select}${common}`);
      if (!other) return '';
      const difference = leverage.mean - other.mean;
      const points = (100 * difference).toFixed(2);
      if (leverage.error === undefined || other.error === undefined)
        return `Trained with them, leverage less ${select} is ${points} points, of too few seeds to tell.`;
      const error = Math.hypot(leverage.error, other.error);
      const said =
        difference > 2 * error
          ? 'better than'
          : difference < -2 * error
            ? 'worse than'
            : 'no better or worse than';
      return `Trained with them, leverage is ${said} ${select} (by ${points} ± ${(100 * error).toFixed(2)} points).`;
    })
    .join(' ');
}
