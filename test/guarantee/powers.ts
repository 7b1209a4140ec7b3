/** f(x) = |x|^p: the set against sensitivities by an independent convex programme (p >= 1) or directed queries (p < 1). */
import { power, universalSet } from '../../src/index.js';
import { attack } from '../oracle/adversary.js';
import type { Judge } from '../oracle/judge.js';
import { tensor } from '../oracle/matrix.js';
import type { Random } from '../oracle/random.js';
import { sensitivityOf } from '../oracle/sensitivity.js';
import * as weights from '../oracle/weights.js';
import { type Check, claim, claimWellFormed, drawEpsilon, drawSubject, flat } from './check.js';

/** Rounding of the oracle itself. */
const SLACK = 1e-9;

/** Both ends of every sensitivity; the upper one is 1 where only queries are known. */
export function brackets(
  truth: Judge,
  p: number,
  random: Random,
): { lower: Float64Array; upper: Float64Array } {
  const { n, rank, basis } = truth;
  if (rank === 0) return { lower: new Float64Array(n), upper: new Float64Array(n) };
  if (p < 1)
    return {
      lower: attack(basis, n, weights.power(p), 1, true, random).lower,
      upper: new Float64Array(n).fill(1),
    };
  const ends = Array.from({ length: n }, (_, j) => sensitivityOf(basis, n, j, p, random));
  return {
    lower: Float64Array.from(ends, (end) => end.lower * (1 - truth.tolerance)),
    upper: Float64Array.from(ends, (end) => end.upper * (1 + truth.tolerance)),
  };
}

export const checkPower: Check = (random) => {
  const p = random.pick([0.5, 1, 1.5, 3, 4, 6]);
  const subject = drawSubject(random, { n: 24, d: 4, centre: 0.15 });
  const { matrix, truth, centre } = subject;
  const { lower, upper } = brackets(truth, p, random);
  const drawn = drawEpsilon(random, lower, 0.02);
  const epsilon = drawn * (1 - SLACK);
  const exact = p >= 1 && random.chance(0.5);
  const budget = random.pick([undefined, undefined, undefined, 1, 3e3]);
  const set = flat(universalSet(tensor(matrix), { epsilon, f: power(p), centre, exact, budget }));
  const { indices, margin, undecided } = set;
  const about = (j: number, what: string) => () =>
    `${subject.label}, p ${p}, exact ${exact}, budget ${budget}: epsilon ${epsilon}, key ${j} of sensitivity [${lower[j]}, ${upper[j]}] ` +
    `${what}; margin ${margin}, ${indices.length} keys, undecided [${undecided}], ${set.guarantee}`;

  claimWellFormed(indices, set.scores, matrix.n);
  const kept = new Set(indices);
  for (let j = 0; j < matrix.n; j++)
    claim(kept.has(j) || !(lower[j] * (1 - SLACK / 2) >= epsilon), about(j, 'is lost'));
  for (const j of undecided) claim(kept.has(j), about(j, 'is undecided and not kept'));
  claim(set.f === `power:${p}` && set.guarantee !== 'none', () => JSON.stringify(set));
  if (set.certificate !== null) claim(set.certificate > 0, () => `certificate ${set.certificate}`);
  indices.forEach((j, i) => {
    const score = set.scores[i];
    if (set.scoreKind === 'upper')
      claim(score >= lower[j] * (1 - 1e-7), about(j, `has the upper score ${score}`));
    else if (!undecided.includes(j))
      claim(
        score >= lower[j] * (1 - margin) - 1e-7 && score <= upper[j] * (1 + margin) + 1e-7,
        about(j, `has the exact score ${score}`),
      );
  });
  if (set.guarantee === 'minimal')
    for (const j of indices) {
      claim(undecided.includes(j) || upper[j] >= epsilon * (1 - SLACK), about(j, 'is kept and light'));
      claim(upper[j] >= epsilon * (1 - margin) * (1 - SLACK), about(j, 'is kept beyond the margin'));
    }
  claim(
    subject.loose || indices.length <= set.sizeBound * (1 + 1e-6),
    () =>
      `${subject.label}, p ${p}, epsilon ${epsilon}: ${indices.length} keys over the bound ${set.sizeBound}`,
  );
  if (exact && subject.conditioning === 'good') {
    const candidates = flat(universalSet(tensor(matrix), { epsilon, f: power(p), centre }));
    for (const j of indices) claim(candidates.indices.includes(j), about(j, 'is kept and was no candidate'));
    claim(
      set.guarantee === 'minimal' || undecided.length > 0,
      () => `${subject.label}, p ${p}: no minimal set`,
    );
  }
};
