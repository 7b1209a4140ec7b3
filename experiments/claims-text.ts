/** The claims in words and tables. */
import { gridText } from '../bench/results.js';
import {
  BASELINES,
  CLAIM_SHARE,
  chosenElsewhere,
  chosenHere,
  judge,
  SEEN,
  SNAPKV,
  seeing,
  type Verdict,
} from './claims.js';
import { combinations, DEFAULT, DEFAULT_OBSERVED } from './combinations.js';
import { errorsOf, type Group } from './figures.js';

const percent = (part: number) => `${Math.round(100 * part)} %`;
const HEADING = [
  'model',
  'combination',
  'ratio',
  'heads <= 1/3',
  'against plain',
  'heads below',
  'heads <= 1.1',
  'worst',
];

/** All claims at N/16. */
export function claimsText(groups: readonly Group[]): string {
  if (groups.length === 0) return '';
  const free = seeing(combinations, false);
  const all = seeing(combinations, true);
  const judged = (observed: boolean, choose: (group: Group) => string) =>
    groups.map((group) => {
      const [baselines, rivals] = observed ? [[SNAPKV], all] : [BASELINES, free];
      return { group, verdict: judge(group, choose(group), baselines, rivals) };
    });
  const tableOf = (rows: ReturnType<typeof judged>) =>
    gridText(
      HEADING,
      rows.map(({ group, verdict }) => rowOf(group, verdict)),
    );
  const several = new Set(groups.map(({ model }) => model)).size > 1;
  const elsewhere = (observed: boolean) =>
    several ? judged(observed, (group) => chosenElsewhere(groups, group, observed ? all : free)) : [];
  const ours = judged(false, () => DEFAULT);
  const oursObserved = judged(true, () => DEFAULT_OBSERVED);
  const others = elsewhere(false);
  const othersObserved = elsewhere(true);
  return `## Claims, at N/16 pairs

Each row judges one combination that was fixed beforehand. \`ratio\` is the median over heads of its error to that of the best of random, stride,
squared-norm, recent-sinks, leverage and leverage-centred with the rest dropped, whichever is best on the head; \`against plain\` that to Euclidean k-means with
counts; \`worst\` is the largest ratio to the best on the head of all combinations that see no query. Errors below ${SEEN} count as ${SEEN}.

### Without a look at queries

The library's default:

${tableOf(ours)}

The combination of least error (geometric mean) on the other models:

${tableOf(others)}

For comparison, the one that is best on the model itself, which nobody knows beforehand:

${tableOf(judged(false, (group) => chosenHere(group, free)))}

${verdictText('the best of the baselines', ours, others)}

### With observed queries

The ratio is to SnapKV-like selection with the rest dropped, and the best is of all that see observed queries or none. The library's default:

${tableOf(oursObserved)}

The combination of least error on the other models:

${tableOf(othersObserved)}

${verdictText('SnapKV-like selection', oursObserved, othersObserved)}

### Leverage

${leverageText(groups)}`;
}

/** Which claims hold on which models, for the default and for the combination that was chosen elsewhere. */
function verdictText(
  baseline: string,
  ours: readonly { group: Group; verdict: Verdict }[],
  others: readonly { group: Group; verdict: Verdict }[],
): string {
  const claims: [string, (verdict: Verdict) => boolean][] = [
    [`at most a third of the error of ${baseline} on a majority of heads`, ({ third }) => third > 0.5],
    ['below plain k-means with counts on a majority of heads', ({ belowPlain }) => belowPlain > 0.5],
    ['never worse than 1.1 times the best on any head', ({ worst }) => worst <= 1.1],
  ];
  const said = (
    rows: readonly { group: Group; verdict: Verdict }[],
    holds: (verdict: Verdict) => boolean,
  ) => {
    const titles = (wanted: boolean) =>
      rows
        .filter(({ verdict }) => holds(verdict) === wanted)
        .map(({ group }) => group.title)
        .join('; ') || 'none';
    return `reached on ${titles(true)}; refuted on ${titles(false)}`;
  };
  return claims
    .map(
      ([claim, holds]) =>
        `- *${claim}*. Default: ${said(ours, holds)}.${others.length > 0 ? ` Chosen elsewhere: ${said(others, holds)}.` : ''}`,
    )
    .join('\n');
}

function rowOf({ title }: Group, verdict: Verdict): string[] {
  const { name, third, ratio, belowPlain, plainRatio, withinTenth, worst } = verdict;
  return [
    title,
    name,
    ratio.toFixed(2),
    percent(third),
    plainRatio.toFixed(2),
    percent(belowPlain),
    percent(withinTenth),
    worst.toFixed(1),
  ];
}

/** On how many heads leverage is any good: alone, and as the choice of what stays exact beside clusters; one combination against one. */
function leverageText(groups: readonly Group[]): string {
  const alone = BASELINES.filter((name) => !name.startsWith('leverage'));
  const besideLeverage = 'leverage-centred + clusters:exact=0.25,by=selector,euclidean';
  const beside = [
    'clusters:exact=0,euclidean',
    'clusters:exact=0.15,by=residual,euclidean',
    'k-center + clusters:exact=0.25,by=selector,euclidean',
  ];
  const parts = groups.map((group) => {
    const least = (names: readonly string[]) => {
      const all = names.map((name) => errorsOf(group, name, CLAIM_SHARE));
      return group.heads.map((_, i) => Math.min(...all.map((errors) => errors[i])));
    };
    const won = (names: readonly string[], rivals: readonly string[]) => {
      const rest = least(rivals);
      return least(names).filter((error, i) => error < rest[i]).length / group.heads.length;
    };
    return {
      title: group.title,
      alone: won(['leverage + drop', 'leverage-centred + drop'], alone),
      beside: beside.map((name) => won([besideLeverage], [name])),
    };
  });
  const nothing = (of: (part: (typeof parts)[number]) => number) =>
    parts
      .filter((part) => of(part) < 0.5)
      .map(({ title }) => title)
      .join('; ') || 'no model';
  return `Heads on which leverage or centred leverage beats the best of the other baselines, all with the rest dropped; and heads on which a quarter of the
pairs by centred leverage, the others clusters, beat clusters without any exact key, with 15 % exact by the residual, and with a quarter by k-center.

${gridText(
  ['model', 'alone', 'against no exact', 'residual', 'k-center'],
  parts.map(({ title, alone, beside }) => [title, percent(alone), ...beside.map(percent)]),
)}

With the rest dropped, leverage adds nothing on most heads of: ${nothing((part) => part.alone)}. Beside clusters it adds nothing to the choice by the residual on most heads
of: ${nothing(({ beside: [, residual] }) => residual)}.`;
}
