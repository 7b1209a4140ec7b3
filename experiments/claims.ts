/** The claims of the study, decided head by head at N/16 pairs. */
import { type Combination, nameOf, PLAIN_CLUSTERS } from './combinations.js';
import { errorsOf, type Group, geometricMean, median } from './figures.js';

/** The share that the claims are about. */
export const CLAIM_SHARE = 16;

/** Errors below this count as this: no ratio of errors that nobody would see decides anything. */
export const SEEN = 0.001;

/** What has to be beaten: these with the rest dropped, the best of them on each head. */
export const BASELINES = [
  'random',
  'stride',
  'squared-norm',
  'recent-sinks',
  'leverage',
  'leverage-centred',
].map((selector) => `${selector} + drop`);
export const SNAPKV = 'snapkv + drop';

/** How one combination stands against others in a group. */
export interface Verdict {
  readonly name: string;
  /** Of heads: the part with at most a third of the best baseline's error, and the median ratio. */
  readonly third: number;
  readonly ratio: number;
  /** The part below plain k-means with counts, and the median ratio. */
  readonly belowPlain: number;
  readonly plainRatio: number;
  /** The part within 1.1 of the best combination of its sight, and the largest ratio to it. */
  readonly withinTenth: number;
  readonly worst: number;
}

/** The combinations that look at no more than this. */
export function seeing(combinations: readonly Combination[], observed: boolean): Combination[] {
  return combinations.filter(({ sees }) => sees === 'keys' || (observed && sees === 'observed'));
}

/**
 * The combination of least error on models other than the group's: the geometric mean over heads, then over groups. So it is
 * fixed without a look at what it is judged on.
 */
export function chosenElsewhere(
  groups: readonly Group[],
  { model }: Group,
  combinations: readonly Combination[],
): string {
  const others = groups.filter((group) => group.model !== model);
  const everywhere = combinations
    .filter(({ before }) => !before)
    .map(nameOf)
    .filter((name) => groups.every(({ heads }) => heads[0].has(name)));
  const score = (name: string) =>
    geometricMean(others.map((group) => geometricMean(seenErrors(group, name))));
  return everywhere.reduce((best, name) => (score(name) < score(best) ? name : best));
}

/** The same on the group itself: what could have been chosen by looking. */
export function chosenHere(group: Group, combinations: readonly Combination[]): string {
  const names = combinations.map(nameOf).filter((name) => group.heads[0].has(name));
  const score = (name: string) => geometricMean(seenErrors(group, name));
  return names.reduce((best, name) => (score(name) < score(best) ? name : best));
}

function seenErrors(group: Group, name: string): number[] {
  return errorsOf(group, name, CLAIM_SHARE).map((error) => Math.max(SEEN, error));
}

/** Judges a combination against the baselines and against everything that sees as much. */
export function judge(
  group: Group,
  name: string,
  baselines: readonly string[],
  rivals: readonly Combination[],
): Verdict {
  const own = seenErrors(group, name);
  const ratios = (names: readonly string[]) => {
    const all = names.filter((each) => group.heads[0].has(each)).map((each) => seenErrors(group, each));
    return own.map((error, i) => error / Math.min(...all.map((errors) => errors[i])));
  };
  const part = (values: readonly number[], holds: (ratio: number) => boolean) =>
    values.filter(holds).length / values.length;
  const toBaselines = ratios(baselines);
  const toPlain = ratios([PLAIN_CLUSTERS]);
  const toBest = ratios(rivals.map(nameOf));
  return {
    name,
    third: part(toBaselines, (ratio) => ratio <= 1 / 3),
    ratio: median(toBaselines),
    belowPlain: part(toPlain, (ratio) => ratio < 1),
    plainRatio: median(toPlain),
    withinTenth: part(toBest, (ratio) => ratio <= 1.1),
    worst: Math.max(...toBest),
  };
}
