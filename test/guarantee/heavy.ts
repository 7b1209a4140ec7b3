/** `heavyScores` against every score by its definition, scalar products in exact arithmetic. */
import { heavyScores, parseWeight, power } from '../../src/index.js';
import { attentionScores } from '../oracle/heavy.js';
import { type Matrix, tensor } from '../oracle/matrix.js';
import type { Random } from '../oracle/random.js';
import * as weights from '../oracle/weights.js';
import { type Check, claim, drawSubject, flat } from './check.js';

function drawQueries(random: Random, keys: Matrix): Matrix {
  const { n: rows, d } = keys;
  const m = random.integer(1, 12);
  const data = new Float64Array(m * d);
  // Sizes of the columns, so that no single column decides every product.
  const size = Array.from({ length: d }, (_, c) => {
    let largest = 0;
    for (let i = 0; i < rows; i++) largest = Math.max(largest, Math.abs(keys.data[i * d + c]));
    return largest || 1;
  });
  for (let i = 0; i < m; i++) {
    const kind = random.pick(['random', 'key', 'coordinate', 'zero', 'orthogonal']);
    const row = random.integer(0, rows - 1);
    const [a, b] = [random.integer(0, d - 1), random.integer(0, d - 1)];
    for (let c = 0; c < d; c++) {
      const key = keys.data[row * d + c] / size[c];
      let value = 0;
      if (kind === 'random') value = random.gaussian();
      else if (kind === 'key') value = key;
      else if (kind === 'coordinate') value = c === a ? 1 : 0;
      else if (kind === 'orthogonal' && a !== b)
        value = c === a ? keys.data[row * d + b] / size[b] : c === b ? -keys.data[row * d + a] / size[a] : 0;
      data[i * d + c] = value / size[c];
    }
  }
  return { data, n: m, d };
}

export const checkHeavy: Check = (random) => {
  const subject = drawSubject(random, { n: 30, d: 5, centre: 0 });
  const { matrix } = subject;
  const queries = drawQueries(random, matrix);
  const own = random.chance(0.6)
    ? weights.power(random.pick([0.5, 1, 1.5, 2, 2, 3, 4, 6]))
    : weights.mEstimators[random.pick(Object.keys(weights.mEstimators))](10 ** random.integer(-2, 2));
  const f = own.name.startsWith('power:') ? power(Number(own.name.slice(6))) : parseWeight(own.name);
  const { lower, upper, noise } = attentionScores(queries, matrix, own);
  const some = lower[random.integer(0, lower.length - 1)];
  const epsilon = random.chance(0.5) && some >= 0.01 ? some * (1 - 1e-9) : 0.01 ** random.uniform();
  const found = flat(heavyScores(tensor(queries), tensor(matrix), { epsilon, f }));
  const label = `${subject.label}, ${queries.n} queries, ${own.name}, epsilon ${epsilon}`;

  claim(found.epsilon === epsilon && found.f === own.name, () => `${label}: ${found.epsilon}, ${found.f}`);
  const listed = new Map<number, number>();
  found.rows.forEach((i, k) => {
    const at = i * matrix.n + found.cols[k];
    claim(!listed.has(at), () => `${label}: (${i}, ${found.cols[k]}) is listed twice`);
    listed.set(at, found.scores[k]);
  });
  for (let at = 0; at < lower.length; at++) {
    // What is orthogonal to keys of low rank up to their rounding has no scores to speak of.
    if (matrix.span && noise[Math.floor(at / matrix.n)]) continue;
    const place = () =>
      `${label}: (${Math.floor(at / matrix.n)}, ${at % matrix.n}) has [${lower[at]}, ${upper[at]}]`;
    const score = listed.get(at);
    if (score === undefined) {
      claim(!(lower[at] * (1 - 5e-10) >= epsilon), () => `${place()} and is lost`);
      continue;
    }
    claim(upper[at] >= epsilon * (1 - 1e-6), () => `${place()} and is listed with ${score}`);
    claim(
      score >= lower[at] * (1 - 1e-9) && score <= upper[at] * (1 + 1e-9),
      () => `${place()}, listed with ${score}`,
    );
  }
};
