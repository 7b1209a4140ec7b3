/** What is compared: every selector of keys with every stand-in for the others, and clusters that need no selector. */

import type { Stroke } from '../src/cli/report/marks.js';

/** What a combination looks at: the keys and values alone, observed queries too, or the very queries that are tested. */
export type Sight = 'keys' | 'observed' | 'test';

/** One way to store a head in a number of pairs. */
export interface Combination {
  /** The selector's name; 'none' for the library's own choice, if the tail needs one. */
  readonly selector: string;
  /** The tail as options write it; ', observed' after it where its settings do not tell that it is shown the observed queries. */
  readonly tail: string;
  readonly sees: Sight;
  /** Measured before all others, on all captures: what the claims and plots are about. */
  readonly core?: boolean;
  /** Keys before rotary embedding decide; the pairs are of those after it. */
  readonly before?: boolean;
}

/** Selectors, and what they look at. */
const selectors: readonly Pick<Combination, 'selector' | 'sees' | 'before'>[] = [
  { selector: 'random', sees: 'keys' },
  { selector: 'stride', sees: 'keys' },
  { selector: 'squared-norm', sees: 'keys' },
  { selector: 'recent-sinks', sees: 'keys' },
  { selector: 'leverage', sees: 'keys' },
  { selector: 'leverage-centred', sees: 'keys' },
  { selector: 'lewis:4', sees: 'keys' },
  { selector: 'k-center', sees: 'keys' },
  { selector: 'k-means', sees: 'keys' },
  { selector: 'leverage', sees: 'keys', before: true },
  { selector: 'leverage-centred', sees: 'keys', before: true },
  { selector: 'k-center', sees: 'keys', before: true },
  { selector: 'snapkv', sees: 'observed' },
  { selector: 'oracle', sees: 'test' },
];

/** Tails beside the keys of a selector, without a look at queries. */
const BESIDE = ['drop', 'sample', 'mean', 'clusters:exact=0.25,by=selector,euclidean'];

/** Those that need observed queries: for their guard, or for the metric. */
const BESIDE_OBSERVED = ['moments', 'clusters:exact=0.25,by=selector,metric=queries'];

/** Selectors by keys before rotary embedding go with these alone: sample and mean would only repeat what they show after it. */
const BESIDE_BEFORE = [BESIDE[0], BESIDE[3]];

/** Euclidean k-means of the keys with counts and nothing else: what everybody would try first. */
export const PLAIN_CLUSTERS = 'clusters:exact=0,euclidean,keys';

/** The library's default, without and with a look at observed queries. */
export const DEFAULT = 'clusters';
export const DEFAULT_OBSERVED = 'clusters, observed';

/** Clusters that name no selector. */
const ALONE = [
  PLAIN_CLUSTERS,
  'clusters:exact=0,euclidean',
  'clusters:exact=0.15,by=residual,euclidean',
  'clusters:window=0.5,exact=0,euclidean',
  DEFAULT,
];
const ALONE_OBSERVED = [
  'clusters:exact=0.15,by=residual,metric=queries,weights=counts',
  'clusters:exact=0.15,by=residual,metric=queries',
  'clusters:exact=0.25,by=attention,metric=queries',
  'clusters:window=0.5,exact=0.25,by=attention,metric=queries',
  DEFAULT_OBSERVED,
];
const ALONE_BEFORE = [PLAIN_CLUSTERS, DEFAULT];

/** The sight of both. */
const atLeast = (sees: Sight): Sight => (sees === 'keys' ? 'observed' : sees);

const all: readonly Combination[] = [
  ...selectors.flatMap((selector) =>
    (selector.before ? BESIDE_BEFORE : BESIDE).map((tail) => ({ ...selector, tail })),
  ),
  ...selectors
    .filter(({ before }) => !before)
    .flatMap((selector) =>
      BESIDE_OBSERVED.map((tail) => ({ ...selector, tail, sees: atLeast(selector.sees) })),
    ),
  ...ALONE.map((tail) => ({ selector: 'none', tail, sees: 'keys' as const })),
  ...ALONE_BEFORE.map((tail) => ({ selector: 'none', tail, sees: 'keys' as const, before: true })),
  ...ALONE_OBSERVED.map((tail) => ({ selector: 'none', tail, sees: 'observed' as const })),
];

/** Tails beside a selector that are core; with the rest dropped every selector is. */
const core: Readonly<Record<string, readonly string[]>> = {
  none: [...ALONE, ...ALONE_OBSERVED],
  random: ['sample', 'mean', 'moments'],
  'recent-sinks': ['sample', 'mean', BESIDE[3], BESIDE_OBSERVED[1]],
  leverage: ['sample', 'mean', BESIDE[3]],
  'leverage-centred': ['sample', 'mean', 'moments', BESIDE[3]],
  'k-center': [BESIDE[3]],
  snapkv: ['mean', BESIDE_OBSERVED[1]],
};

function isCore({ selector, tail, before }: Combination): boolean {
  if (tail === 'drop') return true;
  if (before) return tail === PLAIN_CLUSTERS;
  return (core[selector] ?? []).includes(tail);
}

/** Those that are core come first. */
export const combinations: readonly Combination[] = all
  .map((each) => ({ ...each, core: isCore(each) }))
  .sort((a, b) => Number(b.core) - Number(a.core));

/** How tables and files call a combination. */
export function nameOf({
  selector,
  tail,
  before,
}: Pick<Combination, 'selector' | 'tail' | 'before'>): string {
  return `${selector === 'none' ? '' : `${selector} + `}${tail}${before ? ', before RoPE' : ''}`;
}

/** Those that are drawn: colour tells what is looked at, dashes tell which. */
export const strokes: Readonly<Record<string, Stroke>> = {
  'random + drop': { colour: 'position', width: 1.5 },
  'recent-sinks + drop': { colour: 'position', width: 1.5, dash: [5, 3] },
  'leverage + drop': { colour: 'norm', width: 1.5 },
  'leverage-centred + drop': { colour: 'norm', width: 1.5, dash: [5, 3] },
  'snapkv + drop': { colour: 'bound', width: 1.5 },
  'oracle + drop': { colour: 'attention', width: 1.5, dash: [2, 2] },
  [PLAIN_CLUSTERS]: { colour: 'geometry', width: 1.5, dash: [5, 3] },
  [DEFAULT]: { colour: 'geometry', width: 2.5 },
  'clusters:window=0.5,exact=0,euclidean': { colour: 'kept', width: 2.5 },
  [DEFAULT_OBSERVED]: { colour: 'bound', width: 2.5 },
};
