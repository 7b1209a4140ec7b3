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
  countText,
  percent,
  pointsText,
  type Results,
  type Section,
  type Table,
  tenths,
} from './section.js';
import { type BySeed, bySeed, eachSeed, shareOf } from './seeds.js';
import { estimate, meanOf, signBySpread, signOf, verdictOf } from './statistics.js';

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

/** Accuracy on all test images of the runs of a name, by seed. */
export function accuraciesOf(
  results: Results,
  { seeds, small }: Settings,
  attention: string,
  tokens = small.tokens,
): BySeed {
  const nameOf = (seed: number) => trainingName(attention, tokens, seed);
  return bySeed<Trained>(results, seeds, nameOf, ({ accuracy }) => accuracy);
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
      const points = histories[0].map(
        ({ images }, i) => [images, meanOf(histories.map((history) => history[i].testAccuracy))] as const,
      );
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
  const found = groups.map(({ attention, runs }) => {
    const nameOf = (i: number) => runs[i].name;
    const figures = (of: (result: Trained) => number) => bySeed(results, [...runs.keys()], nameOf, of);
    const command = `\`npm run paper -- ${runs[0].name.replace(/-seed\d+$/, '')}\``;
    return {
      name: attention,
      count: runs.length,
      command,
      accuracy: figures(({ accuracy }) => accuracy),
      loss: figures(({ loss }) => loss),
    };
  });
  const [softmax] = found;
  return {
    title,
    head: ['attention', 'seeds', 'accuracy', 'of softmax', 'loss', 'command'],
    rows: found.map(({ name, count, command, accuracy, loss }) => {
      const seeds = countText(accuracy.size, count);
      if (accuracy.size === 0) return [name, seeds, '', '', '', command];
      return [
        name,
        seeds,
        accuracyText(estimate([...accuracy.values()])),
        shareText(accuracy, softmax.accuracy),
        meanOf([...loss.values()]).toFixed(3),
        command,
      ];
    }),
  };
}

function shareText(accuracy: BySeed, softmax: BySeed): string {
  const share = shareOf(accuracy, softmax);
  return share === undefined ? '' : tenths(share);
}

function keptClaim(settings: Settings, results: Results): Claim {
  const { common, small, seeds } = settings;
  const claim = `${common} of ${small.tokens} keys keep over ${percent(SHARE)} of the accuracy of softmax.`;
  const softmax = accuraciesOf(results, settings, 'softmax');
  const found = SEEDED.map((select) => ({
    select,
    accuracy: accuraciesOf(results, settings, `${select}${common}`),
  }));
  const leverage = found.find(({ select }) => select === 'leverage')!.accuracy;
  const beyond = eachSeed([leverage, softmax], (own, all) => own - SHARE * all);
  if (beyond.length < seeds.length) return { claim, evidence: 'runs are missing.' };
  const shares = found
    .filter(({ accuracy }) => accuracy.size > 0)
    .map(({ select, accuracy }) => `${select} ${shareText(accuracy, softmax)}`);
  const choices = found
    .filter(({ select }) => select !== 'leverage')
    .map(({ select, accuracy }) => choiceText(select, leverage, accuracy));
  return {
    claim,
    holds: verdictOf([signOf(estimate(beyond))]),
    evidence: `of the ${accuracyText(estimate([...softmax.values()]))} of softmax, ${shares.join(', ')}. ${choices.join(' ')}`,
  };
}

/** Whether it is leverage that does it: against another choice of as many keys, seed by seed. */
function choiceText(select: string, leverage: BySeed, other: BySeed): string {
  const difference = estimate(eachSeed([leverage, other], (a, b) => a - b));
  if (difference.count === 0) return '';
  const said = {
    '1': 'is better than',
    '0': 'cannot be told from',
    '-1': 'is worse than',
  }[signOf(difference)];
  return `Trained with them, leverage ${said} ${select} (${pointsText(difference)} points).`;
}

/** What the tail changes in training, with the fewest pairs. */
function clustersClaim(settings: Settings, results: Results): Claim {
  const { common, keys } = settings;
  const [fewest] = keys;
  const claim = `With ${fewest} stored pairs, models learn more from clusters than from ${fewest} keys alone.`;
  const of = (attention: string) => accuraciesOf(results, settings, attention);
  const [clusters, alone] = ['clusters', 'leverage'].map((name) => of(`${name}${fewest}`));
  const [difference] = eachSeed([clusters, alone], (a, b) => a - b);
  if (difference === undefined) return { claim, evidence: 'runs are missing.' };
  const groups = ['softmax', ...SEEDED.map((select) => `${select}${common}`)].map((name) => [
    ...of(name).values(),
  ]);
  const [ofClusters, ofAlone] = [clusters, alone].map((each) => accuracyText(estimate([...each.values()])));
  return {
    claim,
    holds: verdictOf([signBySpread(difference, groups)]),
    evidence: `clusters ${ofClusters}, leverage with the rest dropped ${ofAlone}, one seed each, judged by the spread of the seeds of the others.`,
  };
}
