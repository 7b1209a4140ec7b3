/** f(x) = x^2: the set against exact leverage scores, to the last bit of epsilon. */
import { universalSet } from '../../src/index.js';
import { tensor } from '../oracle/matrix.js';
import { type Check, claim, claimWellFormed, drawEpsilon, drawSubject, flat } from './check.js';

export const checkSquare: Check = (random) => {
  const subject = drawSubject(random, { n: random.chance(0.1) ? 200 : 40, d: random.chance(0.1) ? 8 : 5 });
  const { matrix, truth, centre, conditioning } = subject;
  const epsilon = drawEpsilon(random, truth.scores);
  const exact = random.chance(0.3);
  const set = flat(universalSet(tensor(matrix), { epsilon, centre, exact }));
  const { indices, margin, undecided } = set;
  const about = (j: number, what: string) => () =>
    `${subject.label}: epsilon ${epsilon}, key ${j} of score ${truth.scores[j]} ${what}; margin ${margin}, ` +
    `${indices.length} keys, undecided [${undecided}], ${set.guarantee}`;

  claimWellFormed(indices, set.scores, matrix.n);
  const kept = new Set(indices);
  for (let j = 0; j < matrix.n; j++) claim(kept.has(j) || !truth.reaches(j, epsilon), about(j, 'is lost'));
  claim(set.f === 'power:2' && set.epsilon === epsilon, () => JSON.stringify(set));
  claim((set.scoreKind === 'exact') === (set.guarantee === 'minimal'), () => JSON.stringify(set));
  claim(margin >= 0 && margin <= 1, () => `margin ${margin}`);
  for (const j of undecided) claim(kept.has(j), about(j, 'is undecided and not kept'));
  // Of many keys the default takes a part for the whole; test/guarantee/lazy.ts attacks that.
  const whole = exact || matrix.n <= (16 * (matrix.d + Number(centre))) / epsilon;
  if (conditioning === 'good' && whole) {
    claim(set.guarantee === 'minimal', () => `${subject.label}: guarantee ${set.guarantee}`);
    claim(set.rank === truth.rank, () => `${subject.label}: rank ${set.rank} for ${truth.rank}`);
    indices.forEach((j, i) => {
      const error = Math.abs(set.scores[i] - truth.scores[j]);
      claim(error <= 1e-5, about(j, `has the score ${set.scores[i]}`));
    });
  }
  if (set.guarantee === 'minimal') {
    const open = new Set(undecided);
    for (const j of indices) {
      claim(open.has(j) || !truth.misses(j, epsilon), about(j, 'is kept, light and not undecided'));
      claim(!truth.misses(j, epsilon * (1 - margin) * (1 - 1e-15)), about(j, 'is kept beyond the margin'));
    }
  }
  const { sizeBound, rank, total } = set;
  claim(
    subject.loose || margin === 1 || indices.length <= (sizeBound / (1 - margin)) * (1 + 1e-12),
    () => `${subject.label}: ${indices.length} keys over the bound ${sizeBound}, ${set.guarantee}`,
  );
  claim(
    Math.abs(sizeBound - rank / epsilon) <= 1e-9 * sizeBound && (total === null || total === rank),
    () => `${subject.label}: sizeBound ${sizeBound}, rank ${rank}, total ${total}, epsilon ${epsilon}`,
  );
};
