/** What a universal set means, as the terminal shows it. */
import type { UniversalSet } from '../universal-set/result.js';
import { counted, listed, number } from './text.js';

/** What was asked for, as far as the set does not say it. */
export interface Asked {
  readonly top?: string;
  readonly centre?: boolean;
}

/** A set, in words. */
export function oneSet(set: UniversalSet, asked: Asked = {}): string[] {
  const { n, rank, d, indices, margin, undecided, sizeBound, scoreKind } = set;
  const most = scoreKind === 'upper' ? 'at most ' : '';
  const strongest = indices
    .map((index, i) => ({ index, score: set.scores[i] }))
    .sort((a, b) => b.score - a.score);
  return [
    ...verdict(set, asked),
    '',
    `keys       ${listed(indices) || 'none'}`,
    `strongest  ${
      strongest
        .slice(0, 5)
        .map(({ index, score }) => `${index} (${most}${number(score)})`)
        .join('  ') || 'none'
    }`,
    `guarantee  ${set.guarantee}, rounding margin ${number(margin)}, ${counted(undecided.length, 'key')} undecided${undecided.length > 0 ? ' and kept' : ''}`,
    `bound      theory allows ${Math.floor(Math.min(n, sizeBound))} of ${n} keys here (rank ${rank} of ${d} columns)`,
  ];
}

/** What the set means, in words. */
function verdict({ n, indices, epsilon, guarantee, f }: UniversalSet, { top, centre }: Asked): string[] {
  const who = `${indices.length} of ${n} keys`;
  const weight = `weight ${f}${centre ? ' with offset' : ''}`;
  if (top !== undefined)
    return [
      `The ${counted(indices.length, 'key')} of largest possible score, of ${n} (${weight}).`,
      `Every score above ${number(epsilon)}, for any query there could be, lies on one of them.`,
    ];
  if (indices.length === 0)
    return [
      `No key of ${n} can ever score ${number(epsilon)} or more, for any query there could be (${weight}).`,
    ];
  if (guarantee === 'minimal')
    return [
      `${who} can ever score ${number(epsilon)} or more (${weight}).`,
      'Every other key is below it for every query there could be; each of these reaches it for some query.',
    ];
  return [
    `At most ${who} can ever score ${number(epsilon)} or more (${weight}).`,
    'Every other key is below it for every query there could be; some of these may be, too.',
  ];
}
