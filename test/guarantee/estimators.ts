/** M-estimators and functions of one's own: no key that any query makes heavy is missing. */
import { parseWeight, universalSet, type WeightFunction } from '../../src/index.js';
import { attack } from '../oracle/adversary.js';
import { tensor } from '../oracle/matrix.js';
import { mEstimators } from '../oracle/weights.js';
import { type Check, claim, claimWellFormed, drawEpsilon, drawSubject, flat } from './check.js';
import { brackets } from './powers.js';

const SLACK = 1e-9;

export const checkEstimator: Check = (random) => {
  const name = random.pick(Object.keys(mEstimators));
  const scale = 10 ** random.integer(-3, 3);
  const f = mEstimators[name](scale);
  const subject = drawSubject(random, { n: 30, d: 4, centre: 0.15 });
  const { matrix, truth, centre } = subject;
  const { n, rank, basis } = truth;
  const lower = rank === 0 ? new Float64Array(n) : attack(basis, n, f, scale, false, random).lower;
  const epsilon = drawEpsilon(random, lower, 0.04) * (1 - SLACK);
  const set = flat(universalSet(tensor(matrix), { epsilon, f: parseWeight(f.name), centre }));
  const label = `${subject.label}, ${f.name}, epsilon ${epsilon}`;

  claimWellFormed(set.indices, set.scores, matrix.n);
  for (let j = 0; j < n; j++)
    claim(
      set.indices.includes(j) || !(lower[j] * (1 - SLACK / 2) >= epsilon * (1 + truth.tolerance)),
      () => `${label}: key ${j} is lost, a query gives it ${lower[j]}; ${set.indices.length} keys`,
    );
  claim(set.f === f.name && set.guarantee === 'superset', () => `${label}: ${JSON.stringify(set)}`);
  claim(
    subject.loose || set.indices.length <= set.sizeBound * (1 + 1e-6),
    () => `${label}: ${set.indices.length} keys over the bound ${set.sizeBound}`,
  );
  set.indices.forEach((j, i) => {
    claim(
      set.scores[i] >= lower[j] * (1 - SLACK - truth.tolerance),
      () => `${label}: key ${j} has the upper bound ${set.scores[i]}, a query gives it ${lower[j]}`,
    );
  });
  // f of another scale is the same f of another y.
  const other = parseWeight(`${name}:${scale * 8}`);
  const again = flat(universalSet(tensor(matrix), { epsilon, f: other, centre }));
  claim(
    again.indices.join() === set.indices.join(),
    () => `${label}: [${set.indices}] becomes [${again.indices}] at scale ${other.name}`,
  );
};

/** |x|^s as a function of one's own, of growth p >= s: peeling against the sensitivities of |x|^s. */
export const checkOwnFunction: Check = (random) => {
  const s = random.pick([0.7, 1, 1.5, 2, 3]);
  const growth = random.pick([2, 3, 4, s].filter((p) => p >= s));
  const lowerGrowth = random.pick([undefined, s, s / 2]);
  const f: WeightFunction = {
    name: `own:${s}`,
    growth,
    ...(lowerGrowth === undefined ? {} : { lowerGrowth }),
    value: (x) => Math.abs(x) ** s,
  };
  const subject = drawSubject(random, { n: 24, d: 4, centre: 0.15 });
  const { matrix, truth, centre } = subject;
  const { lower } = brackets(truth, s, random);
  const epsilon = drawEpsilon(random, lower, 0.03) * (1 - SLACK);
  const set = flat(universalSet(tensor(matrix), { epsilon, f, centre }));
  const label = `${subject.label}, |x|^${s} of growth ${growth} and ${lowerGrowth}, epsilon ${epsilon}`;
  claimWellFormed(set.indices, set.scores, matrix.n);
  for (let j = 0; j < matrix.n; j++)
    claim(
      set.indices.includes(j) || !(lower[j] * (1 - SLACK / 2) >= epsilon),
      () => `${label}: key ${j} of sensitivity ${lower[j]} is lost; ${set.indices.length} keys`,
    );
  set.indices.forEach((j, i) => {
    claim(
      set.scores[i] >= lower[j] * (1 - SLACK),
      () => `${label}: key ${j} of sensitivity ${lower[j]} has the upper bound ${set.scores[i]}`,
    );
  });
  claim(set.f === f.name && set.guarantee === 'superset', () => `${label}: ${JSON.stringify(set)}`);
  claim(
    subject.loose || set.indices.length <= set.sizeBound * (1 + 1e-6),
    () => `${label}: ${set.indices.length} keys over the bound ${set.sizeBound}`,
  );
};
