/** Figures of a report in words: summaries over heads, percentages and the sentence on top of the page. */
import type { RealQueries } from '../proof.js';
import { percent, thousands } from '../text.js';
import {
  type CrossedErrors,
  type HeadFigures,
  meanOf,
  type ReportFigures,
  type SelectorCurve,
} from './figures.js';

/** Mean over heads of each selector's curves. */
export function acrossHeads(
  heads: readonly HeadFigures[],
  which: 'curves' | 'tails' = 'curves',
): SelectorCurve[] {
  return heads[0][which].map(({ selector, counts }, s) => ({
    selector,
    counts,
    error: counts.map((_, i) => meanOf(heads.map((head) => head[which][s].error[i]))),
    mass: counts.map((_, i) => meanOf(heads.map((head) => head[which][s].mass[i]))),
  }));
}

/** Mean over heads of the errors of every selector with every tail. */
export function crossedAcrossHeads(heads: readonly HeadFigures[]): CrossedErrors {
  const { tails, rows } = heads[0].crossed;
  return {
    tails,
    rows: rows.map(({ selector, errors }, s) => ({
      selector,
      errors: errors.map((_, t) => meanOf(heads.map(({ crossed }) => crossed.rows[s].errors[t]))),
    })),
  };
}

/** Least, middle and greatest of some numbers. */
export function spreadOf(values: readonly number[]): { least: number; median: number; most: number } {
  const sorted = [...values].sort((a, b) => a - b);
  return { least: sorted[0], median: sorted[Math.floor(sorted.length / 2)], most: sorted.at(-1)! };
}

/** `31`, or `12 to 31`. */
export function spanOf({ least, most }: { least: number; most: number }): string {
  return least === most ? String(most) : `${least}\u2013${most}`;
}

/** The real queries of all heads together. */
export function realQueries(heads: readonly HeadFigures[]): RealQueries {
  const sum = (name: keyof RealQueries) =>
    heads.flatMap(({ real }) => real).reduce((total, found) => total + found[name], 0);
  return { scores: sum('scores'), heavy: sum('heavy'), outside: sum('outside') };
}

/** The selector with the least error at a number of keys, the oracle aside, which nobody has. */
export function bestCurve(curves: readonly SelectorCurve[], count: number): SelectorCurve {
  const error = (curve: SelectorCurve) => curve.error[curve.counts.indexOf(count)];
  return curves
    .filter(({ selector }) => selector !== 'oracle')
    .reduce((a, b) => (error(b) < error(a) ? b : a));
}

/** What was found: a sentence on the set, one on the real queries, one on the cost of attention over few keys. */
export function summary({ heads, epsilon, pickCount, causal, prompt }: ReportFigures): string[] {
  const sizes = spreadOf(heads.map((head) => head.kept.length));
  const n = Math.max(...heads.map((head) => head.n));
  const bound = Math.floor(Math.max(...heads.map((head) => Math.min(head.n, head.sizeBound))));
  const who = heads.length === 1 ? '' : `In the median of ${heads.length} heads, `;
  const curves = acrossHeads(heads);
  const best = bestCurve(curves, pickCount);
  const at = best.counts.indexOf(pickCount);
  const leverage = curves.find(({ selector }) => selector === 'leverage')!;
  const also = best === leverage ? '' : `, by leverage ${percent(leverage.error[at])}`;
  return [
    `${who}${sizes.median} of ${n} keys can ever hold ${percent(epsilon)} of a query's weight; theory allows ${bound}.`,
    proofOf(realQueries(heads)),
    `Softmax attention over ${pickCount} ${causal ? `of the first ${prompt} keys, and all later ones,` : 'keys'} errs by ${percent(best.error[at])} when ${best.selector} chooses them${also}: a heuristic, measured, not promised.`,
  ];
}

function proofOf({ scores, heavy, outside }: RealQueries): string {
  if (outside > 0)
    return `${thousands(outside)} of ${thousands(heavy)} scores of the real queries that are that large lie on other keys: this must not happen, please report it.`;
  if (heavy === 0) return `Of ${thousands(scores)} scores of the real queries none is that large.`;
  return `Of ${thousands(scores)} scores of the real queries ${thousands(heavy)} are that large, and all of them lie on these keys.`;
}
