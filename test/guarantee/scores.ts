/** Leverage scores, Lewis weights and sensitivities by themselves, and what each result claims about its own error. */
import { leverageScores, lewisWeights, sensitivities } from '../../src/index.js';
import { exactLeverage } from '../oracle/exact.js';
import { tensor } from '../oracle/matrix.js';
import { type Check, claim, drawSubject, flat } from './check.js';
import { brackets } from './powers.js';

export const checkLeverage: Check = (random) => {
  const subject = drawSubject(random, { n: random.chance(0.1) ? 200 : 40, d: random.chance(0.2) ? 8 : 5 });
  const { matrix, truth, centre, conditioning, label } = subject;
  const { scores, rank, margin, unresolved, n, d } = flat(leverageScores(tensor(matrix), { centre }));
  claim(n === matrix.n && d === matrix.d && scores.length === n, () => `${label}: n ${n}, d ${d}`);
  const open = new Set(unresolved);
  let total = 0;
  for (let j = 0; j < n; j++) {
    total += scores[j];
    const error = Math.abs(scores[j] - truth.scores[j]);
    const what = () => `${label}: key ${j} has ${truth.scores[j]}, got ${scores[j]} with margin ${margin}`;
    claim(scores[j] >= 0 && scores[j] <= 1, what);
    if (open.has(j)) claim(scores[j] === 1, what);
    // Beside unresolved rows, which a query may silence, scores are upper bounds.
    else if (unresolved.length > 0) claim(scores[j] >= truth.scores[j] - margin - truth.tolerance, what);
    else claim(error <= margin + truth.tolerance && error <= 1e-5, what);
  }
  if (conditioning === 'bad' && unresolved.length > 0) return;
  claim(unresolved.length === 0, () => `${label}: unresolved [${unresolved}]`);
  claim(rank === truth.rank, () => `${label}: rank ${rank} for ${truth.rank}`);
  claim(Math.abs(total - rank) < 1e-5 * Math.max(1, rank), () => `${label}: sum ${total}, rank ${rank}`);
};

/** c against its definition in exact arithmetic, and the bound of the sensitivities that it certifies. */
export const checkLewis: Check = (random) => {
  const p = random.pick([0.5, 1, 1.5, 2, 3, 4, 6, 10]);
  const subject = drawSubject(random, { n: 20, d: 4, centre: 0 });
  const { matrix, truth } = subject;
  const { n } = matrix;
  const iterations = random.pick([undefined, undefined, 1, 3]);
  const { weights, rank, certificate } = flat(lewisWeights(tensor(matrix), { p, iterations }));
  const label = `${subject.label}, p ${p}, iterations ${iterations}`;
  if (subject.conditioning === 'good')
    claim(rank === truth.rank, () => `${label}: rank ${rank} for ${truth.rank}`);
  const zero = Array.from(truth.scores, (score) => score === 0);
  for (let j = 0; j < n; j++)
    claim(
      zero[j] ? weights[j] === 0 : weights[j] > 0 && Number.isFinite(weights[j]),
      () => `${label}: weight ${weights[j]} of key ${j} with leverage ${truth.scores[j]}`,
    );
  // Scores do not depend on the basis; rounding the scaled rows of K itself could raise its rank.
  const data = Float64Array.from(truth.basis, (x, i) => {
    const j = Math.floor(i / truth.rank);
    return zero[j] ? 0 : x * weights[j] ** (1 / 2 - 1 / p);
  });
  const { scores } = exactLeverage({ data, n, d: truth.rank });
  const largest = scores.reduce((a, tau, j) => (zero[j] ? a : Math.max(a, tau / weights[j])), 0);
  if (subject.conditioning === 'good')
    claim(
      certificate >= largest * (1 - 1e-9),
      () => `${label}: certificate ${certificate}, truth ${largest}`,
    );
  const total = certificate * weights.reduce((a, w) => a + w, 0);
  const { lower } = brackets(truth, p, random);
  for (let j = 0; j < n; j++) {
    const bound = Math.max(1, total) ** Math.max(0, p / 2 - 1) * certificate * weights[j];
    claim(
      lower[j] <= bound * (1 + 1e-7),
      () =>
        `${label}: key ${j} of sensitivity ${lower[j]} over its bound ${bound}; certificate ${certificate}`,
    );
  }
};

export const checkSensitivities: Check = (random) => {
  const p = random.pick([1, 1.2, 1.5, 2, 3, 4, 6]);
  const subject = drawSubject(random, { n: 20, d: 4, centre: 0 });
  const { matrix, truth } = subject;
  const indices = random.chance(0.5)
    ? undefined
    : Array.from({ length: matrix.n }, (_, j) => j).filter(() => random.chance(0.4));
  const found = flat(sensitivities(tensor(matrix), { p, indices }));
  const { lower, upper } = brackets(truth, p, random);
  const asked = indices ?? Array.from({ length: matrix.n }, (_, j) => j);
  claim(
    Array.from(found.indices).join() === asked.join(),
    () => `${subject.label}: asked [${asked}], got [${found.indices}]`,
  );
  asked.forEach((j, i) => {
    const what = () =>
      `${subject.label}, p ${p}: key ${j} in [${lower[j]}, ${upper[j]}], got [${found.lower[i]}, ${found.upper[i]}]`;
    claim(found.lower[i] >= 0 && found.lower[i] <= found.upper[i] && found.upper[i] <= 1, what);
    claim(found.lower[i] <= upper[j] * (1 + 1e-7) + 1e-9, what);
    claim(found.upper[i] >= lower[j] * (1 - 1e-7) - 1e-9, what);
    if (subject.conditioning === 'good')
      claim(found.upper[i] - found.lower[i] <= 1e-2 * found.upper[i] + 1e-9, what);
  });
};
