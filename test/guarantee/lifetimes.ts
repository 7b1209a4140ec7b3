/** Lifetimes of keys in a causal sequence against exact leverage scores of its prefixes, to the last bit of epsilon. */
import { keyLifetimes, universalSet } from '../../src/index.js';
import { type ExactLeverage, exactLeverage } from '../oracle/exact.js';
import { type Judge, judge } from '../oracle/judge.js';
import { type Matrix, tensor } from '../oracle/matrix.js';
import { type Check, claim, drawEpsilon, drawSubject, flat } from './check.js';

const head = ({ data, d, span }: Matrix, n: number): Matrix => ({
  data: data.slice(0, n * d),
  n,
  d,
  span: span && head(span, n),
});

/** Computes the value of a position once. */
function once<T>(compute: (position: number) => T): (position: number) => T {
  const known = new Map<number, T>();
  return (position) => {
    if (!known.has(position)) known.set(position, compute(position));
    return known.get(position) as T;
  };
}

export const checkLifetimes: Check = (random) => {
  const size = { n: random.chance(0.1) ? 220 : 40, d: random.chance(0.2) ? 8 : 4, centre: 0 };
  const subject = drawSubject(random, size);
  const { matrix, label } = subject;
  const { n } = matrix;
  // What is true up to rounding, and what is true of the numbers as they are.
  const judged = once((t): Judge => judge(head(matrix, t + 1)));
  const exact = once((t): ExactLeverage => exactLeverage({ ...head(matrix, t + 1), span: undefined }));
  const chosen = random.integer(0, n - 1);
  const epsilon = drawEpsilon(
    random,
    judged(random.integer(chosen, n - 1)).scores.subarray(chosen, chosen + 1),
  );
  const result = flat(keyLifetimes(tensor(matrix), { epsilon }));
  const { lastNeeded, undecided, alive, peak, guarantee, rank, sizeBound } = result;
  const open = new Set(undecided);
  const about = (j: number, what: string) => () =>
    `${label}: epsilon ${epsilon}, key ${j}, needed until ${lastNeeded[j]}, ${what}; undecided [${undecided}]`;

  const counts = new Uint32Array(n);
  for (let j = 0; j < n; j++) {
    const last = lastNeeded[j];
    claim(Number.isInteger(last) && last >= j - 1 && last < n, about(j, 'is not a position'));
    for (let t = j; t <= last; t++) counts[t]++;
    if (last + 1 < n) {
      claim(!judged(last + 1).reaches(j, epsilon), about(j, 'is dropped too early'));
      claim(exact(last + 1).compare(j, epsilon) < 0, about(j, 'is dropped too early, at face value'));
    }
    if (!open.has(j) && last >= j)
      claim(exact(last).compare(j, epsilon) >= 0, about(j, 'is kept too long and not undecided'));
  }
  claim(
    undecided.every((j, i) => i === 0 || undecided[i - 1] < j),
    () => `${label}: undecided [${undecided}]`,
  );
  claim(
    counts.every((count, t) => count === alive[t]) && peak === Math.max(...counts),
    () => `${label}: alive`,
  );
  claim((guarantee === 'minimal') === (undecided.length === 0), () => `${label}: ${guarantee}`);
  claim(Math.abs(sizeBound * epsilon - rank) <= 1e-9 * rank, () => `${label}: bound ${sizeBound}`);
  counts.forEach((_, t) => {
    let certain = 0;
    for (let j = 0; j <= t; j++) if (lastNeeded[j] >= t && !open.has(j)) certain++;
    claim(
      certain <= Math.min(rank, t + 1) / epsilon,
      () => `${label}: ${certain} alive at ${t}, rank ${rank}`,
    );
  });

  const set = flat(universalSet(tensor(matrix), { epsilon, exact: true }));
  const [inSet, unsure] = [new Set(set.indices), new Set([...set.undecided, ...undecided])];
  for (let j = 0; j < n; j++)
    claim(
      unsure.has(j) || inSet.has(j) === (lastNeeded[j] === n - 1),
      about(j, 'at the end, is no universal set'),
    );
};
