/** Measures what the report shows: sets, real heavy scores, and the cost of attention over few keys by every selector. */
import { attentionInputs } from '../../attention/inputs.js';
import { selectorNames } from '../../attention/selectors/index.js';
import { runAsync } from '../../kernels/run-async.js';
import { headsOf, type PerHead, type Tensor } from '../../keys.js';
import { leverageScoresAsync } from '../../scores/leverage.js';
import type { CallOptions } from '../../steps.js';
import { universalSetAsync } from '../../universal-set/universal-set.js';
import { bruteForceSteps, type RealQueries } from '../proof.js';
import { type CrossedErrors, type HeadFigures, meanOf, type Pick, type SelectorCurve } from './figures.js';
import {
  crossedSelectors,
  keyCounts,
  runTrials,
  type Setting,
  settingOf,
  spokenCount,
  standIns,
  type Trial,
  tailPairs,
} from './trials.js';

/** A threshold that means something for any keys: twice the mean score, the usual mark of high leverage, to one digit. */
export function defaultEpsilon(n: number, d: number): number {
  return Math.min(1, Number(((2 * Math.min(n, d)) / n).toPrecision(1)));
}

/** How to measure. */
export interface MeasureOptions extends CallOptions {
  readonly epsilon: number;
  readonly causal: boolean;
  /** What heads are called. */
  readonly label: (batch: number, head: number) => string;
}

/** The heads with all that was measured, and in what setting. */
export interface Measured {
  readonly heads: HeadFigures[];
  readonly setting: Setting;
}

/** All figures of the heads of q, k and v: [n, d] each, or [batch, heads, n, d] with grouped query heads. */
export async function measure(q: Tensor, k: Tensor, v: Tensor, options: MeasureOptions): Promise<Measured> {
  const { epsilon, causal, label, ...call } = options;
  attentionInputs('report', q, k, v, { mask: causal ? 'causal' : 'none' });
  const keys = headsOf(k, 'report: k');
  const queries = headsOf(q, 'report: q');
  const group = queries.heads / keys.heads;
  const scores = listed(await leverageScoresAsync(k, call));
  const sets = listed(await universalSetAsync(k, { epsilon, exact: true, ...call }));
  const setting = settingOf(q, k, v, causal);
  const trials = await runTrials(setting, options);
  const counts = keyCounts(setting.prompt);
  const spoken = spokenCount(setting);
  const heads: HeadFigures[] = [];
  for (const [i, { batch, head, matrix }] of keys.list.entries()) {
    const { indices, rank, margin, sizeBound, guarantee } = sets[i];
    const members = Array.from({ length: group }, (_, g) => i * group + g);
    const kept = new Set(indices);
    const real: RealQueries[] = [];
    for (const member of members)
      real.push(await runAsync(bruteForceSteps(queries.list[member].matrix, matrix, kept, epsilon), call));
    heads.push({
      label: label(batch, head),
      n: keys.n,
      d: keys.d,
      rank,
      scores: scores[i].scores,
      minimal: guarantee === 'minimal',
      kept: indices,
      sizeBound,
      margin,
      real,
      curves: curvesOf(trials, members, counts),
      tails: tailCurvesOf(trials, members, counts),
      crossed: crossedErrorsOf(trials, members, spoken),
      picks: trials
        .filter(({ count, seed, tail }) => count === spoken && seed === 0 && tail === undefined)
        .map(({ selector, chosen }): Pick => ({ selector, indices: chosen[i] })),
    });
  }
  return { heads, setting };
}

function listed<T extends object>(result: PerHead<T>): readonly T[] {
  return 'heads' in result ? result.heads : [result];
}

/** Mean cost of each selector over some query heads and, for random choice, seeds. */
function curvesOf(
  trials: readonly Trial[],
  queryHeads: readonly number[],
  counts: readonly number[],
): SelectorCurve[] {
  return selectorNames.map((selector) =>
    curveOf(
      selector,
      trials.filter((trial) => trial.selector === selector && trial.tail === undefined),
      queryHeads,
      counts,
    ),
  );
}

/** The same of selectors with what stands in for the other keys. */
function tailCurvesOf(
  trials: readonly Trial[],
  queryHeads: readonly number[],
  counts: readonly number[],
): SelectorCurve[] {
  return tailPairs.map(({ selector, tail }) =>
    curveOf(
      `${selector.replace(/:.*/, '')} + ${tail.replace(/:.*/, '')}`,
      trials.filter((trial) => trial.selector === selector && trial.tail === tail),
      queryHeads,
      counts,
    ),
  );
}

/** The error of every selector alone and with each tail, at one number of stored pairs. */
function crossedErrorsOf(
  trials: readonly Trial[],
  queryHeads: readonly number[],
  count: number,
): CrossedErrors {
  const tails = [undefined, ...standIns];
  return {
    tails: ['drop', ...standIns.map((tail) => tail.replace(/:.*/, ''))],
    rows: crossedSelectors.map((selector) => ({
      selector,
      errors: tails.map((tail) => {
        const some = trials.filter((trial) => trial.selector === selector && trial.tail === tail);
        return curveOf(selector, some, queryHeads, [count]).error[0];
      }),
    })),
  };
}

function curveOf(
  selector: string,
  trials: readonly Trial[],
  queryHeads: readonly number[],
  counts: readonly number[],
): SelectorCurve {
  const mean = (count: number, measure: 'error' | 'mass') =>
    meanOf(
      trials
        .filter((trial) => trial.count === count)
        .flatMap(({ comparison }) => queryHeads.map((head) => comparison[head][measure]))
        // Where the exact output is zero there is no relative error.
        .filter(Number.isFinite),
    );
  return {
    selector,
    counts,
    error: counts.map((count) => mean(count, 'error')),
    mass: counts.map((count) => mean(count, 'mass')),
  };
}
