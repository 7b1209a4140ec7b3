/** `top`: the keys asked for, and every score above the reported epsilon among them. */
import { parseWeight, power, universalSet } from '../../src/index.js';
import { attack } from '../oracle/adversary.js';
import { tensor } from '../oracle/matrix.js';
import { mEstimators } from '../oracle/weights.js';
import { type Check, claim, claimWellFormed, drawSubject, flat, neighbour } from './check.js';
import { brackets } from './powers.js';

export const checkTop: Check = (random) => {
  const subject = drawSubject(random, { n: 24, d: 4 });
  const { matrix, truth, centre } = subject;
  const { n, rank, basis } = truth;
  const top = random.integer(1, matrix.n);
  const kind = random.pick(['square', 'power', 'estimator']);
  const p = kind === 'square' ? 2 : random.pick([0.5, 1, 1.5, 3, 4, 6]);
  const estimator = kind === 'estimator' ? mEstimators[random.pick(Object.keys(mEstimators))](1) : undefined;
  const f = estimator ? parseWeight(estimator.name) : power(p);
  const exact = kind === 'power' && p >= 1 && random.chance(0.5);
  const budget = random.pick([undefined, 1e4]);
  const set = flat(universalSet(tensor(matrix), { top, f, centre, exact, budget }));
  const label =
    `${subject.label}, ${f.name}, top ${top}, exact ${exact}, budget ${budget}: ` +
    `epsilon ${set.epsilon}, keys [${set.indices}]`;

  claimWellFormed(set.indices, set.scores, matrix.n);
  claim(set.indices.length === top && set.epsilon >= 0 && set.epsilon <= 1, () => label);
  const kept = new Set(set.indices);
  const left = Array.from({ length: n }, (_, j) => j).filter((j) => !kept.has(j));
  if (kind === 'square') {
    for (const j of left) {
      claim(
        !truth.reaches(j, neighbour(set.epsilon, 1)),
        () => `${label}: key ${j} of score ${truth.scores[j]} > epsilon is left out`,
      );
      for (const i of set.guarantee === 'minimal' ? set.indices : [])
        claim(
          truth.scores[i] >= truth.scores[j] - 1e-4,
          () => `${label}: key ${i} of score ${truth.scores[i]} before key ${j} of ${truth.scores[j]}`,
        );
    }
    const largest = left.reduce((a, j) => Math.max(a, truth.scores[j]), 0);
    claim(
      set.guarantee !== 'minimal' || Math.abs(set.epsilon - largest) <= 1e-4,
      () => `${label}: the largest left out is ${largest}`,
    );
    return;
  }
  const lower = estimator
    ? rank === 0
      ? new Float64Array(n)
      : attack(basis, n, estimator, 1, false, random).lower
    : brackets(truth, p, random).lower;
  for (const j of left)
    claim(
      lower[j] * (1 - 1e-9 - truth.tolerance) <= set.epsilon,
      () => `${label}: key ${j} of sensitivity ${lower[j]} is left out`,
    );
};
