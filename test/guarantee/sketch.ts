/**
 * Sketches in every mode: rows in parts of any size, merged in any tree, through bytes and back. Rows stand among thousands of zero rows, which change no
 * score, so that blocks fill and rows are pruned, and the exact scores of the few rows are those of all.
 */
import {
  parseWeight,
  power,
  type UniversalSet,
  UniversalSetSketch,
  universalSet,
  type WeightFunction,
} from '../../src/index.js';
import { attack } from '../oracle/adversary.js';
import type { Matrix } from '../oracle/matrix.js';
import type { Random } from '../oracle/random.js';
import { mEstimators } from '../oracle/weights.js';
import { type Check, claim, claimWellFormed, drawEpsilon, drawSubject, flat, type Subject } from './check.js';
import { brackets } from './powers.js';

const SLACK = 1e-9;

/** The rows of a matrix at random places of a longer one. */
function scattered(random: Random, { data, n, d }: Matrix): { rows: Matrix['data']; places: number[] } {
  const total = n + random.integer(0, random.chance(0.2) ? 8000 : 2600);
  const chosen = new Set<number>();
  while (chosen.size < n) chosen.add(random.integer(0, total - 1));
  const places = [...chosen].sort((a, b) => a - b);
  const rows = data instanceof Float32Array ? new Float32Array(total * d) : new Float64Array(total * d);
  places.forEach((place, j) => {
    rows.set(data.subarray(j * d, (j + 1) * d), place * d);
  });
  return { rows, places };
}

/** Inserts rows in chunks, parts apart, merges these in a random tree, and goes through bytes now and then. */
function sketched(
  random: Random,
  rows: Matrix['data'],
  options: { d: number; epsilon: number; f: WeightFunction; centre: boolean },
  offset: number,
): UniversalSet {
  const { d } = options;
  const n = rows.length / d;
  const cuts = Array.from({ length: random.integer(0, 5) }, () => random.integer(0, n)).sort((a, b) => a - b);
  const renewed = (sketch: UniversalSetSketch) =>
    random.chance(0.2) ? UniversalSetSketch.fromBytes(sketch.toBytes(), options) : sketch;
  const parts = [0, ...cuts].map((start, i) => {
    let sketch = new UniversalSetSketch(options);
    const end = cuts[i] ?? n;
    const most = random.pick([50, 700, 5000]);
    for (let at = start; at < end; ) {
      const count = Math.min(end - at, random.integer(1, most));
      sketch.insert({ data: rows.subarray(at * d, (at + count) * d), shape: [count, d] }, offset + at);
      at += count;
      sketch = renewed(sketch);
    }
    return sketch;
  });
  while (parts.length > 1) {
    const [taken] = parts.splice(random.integer(0, parts.length - 1), 1);
    const at = random.integer(0, parts.length - 1);
    parts[at].merge(taken);
    parts[at] = renewed(parts[at]);
  }
  return parts[0].finish();
}

/** What queries certainly reach, for each row. */
function lowerEnds(
  { truth }: Subject,
  f: WeightFunction,
  name: string,
  scale: number,
  random: Random,
): ArrayLike<number> {
  if (f.power === 2) return truth.scores;
  if (f.power !== undefined) return brackets(truth, f.power, random).lower;
  return truth.rank === 0
    ? new Float64Array(truth.n)
    : attack(truth.basis, truth.n, mEstimators[name](scale), scale, false, random).lower;
}

export const checkSketch: Check = (random) => {
  const square = random.chance(0.5);
  const subject = drawSubject(random, square ? { n: 40, d: 5 } : { n: 24, d: 4, centre: 0.15 });
  const { matrix, truth, centre } = subject;
  const name = random.pick(Object.keys(mEstimators));
  const scale = 10 ** random.integer(-3, 3);
  const f = square
    ? power(2)
    : random.chance(0.5)
      ? power(random.pick([0.5, 1, 1.5, 3, 4, 6]))
      : parseWeight(mEstimators[name](scale).name);
  const lower = lowerEnds(subject, f, name, scale, random);
  const epsilon = square ? drawEpsilon(random, lower, 5e-3) : drawEpsilon(random, lower, 0.04) * (1 - SLACK);
  const offset = random.pick([0, 0, random.integer(1, 5000), 2 ** 53 - 20000]);
  const { rows, places } = scattered(random, matrix);
  const set = sketched(random, rows, { d: matrix.d, epsilon, f, centre }, offset);
  const label = `${subject.label}, ${f.name}, epsilon ${epsilon}, ${rows.length / matrix.d} rows from ${offset}`;

  claimWellFormed(set.indices, set.scores, Number.MAX_SAFE_INTEGER);
  const rowOf = new Map(places.map((place, j) => [offset + place, j]));
  const kept = new Map(set.indices.map((place, i) => [rowOf.get(place), set.scores[i]]));
  // With an intercept column zero rows have scores too.
  if (!centre) claim(!kept.has(undefined), () => `${label}: a zero row is kept`);
  for (let j = 0; j < matrix.n; j++) {
    const reaches = square
      ? truth.reaches(j, epsilon)
      : lower[j] * (1 - SLACK / 2) >= epsilon * (1 + truth.tolerance);
    if (centre) continue;
    claim(
      kept.has(j) || !reaches,
      () => `${label}: key ${j} of ${lower[j]} is lost, ${set.guarantee}, margin ${set.margin}`,
    );
    const score = kept.get(j);
    claim(
      score === undefined || score >= lower[j] * (1 - SLACK - truth.tolerance),
      () => `${label}: key ${j} of ${lower[j]} has the bound ${score}`,
    );
  }
  const batch = flat(
    universalSet(
      { data: rows, shape: [rows.length / matrix.d, matrix.d] },
      { epsilon, f, centre, exact: square },
    ),
  );
  if (set.guarantee === 'minimal') {
    const open = new Set([...set.undecided, ...batch.undecided.map((j) => offset + j)]);
    const difference = symmetric(
      set.indices,
      batch.indices.map((j) => offset + j),
    );
    for (const j of difference)
      claim(open.has(j), () => `${label}: row ${j} is in one mode only, and not undecided`);
  }
  if (square && subject.conditioning === 'good' && rows.length > 3000 * matrix.d)
    claim(
      set.guarantee === 'minimal' || truth.rank < matrix.d || set.margin > 0.01,
      () => `${label}: ${set.guarantee}, margin ${set.margin}`,
    );
  claim(
    subject.loose ||
      set.guarantee === 'superset' ||
      set.indices.length <= (set.sizeBound / (1 - set.margin)) * (1 + 1e-12),
    () => `${label}: ${set.indices.length} keys over the bound ${set.sizeBound}`,
  );
};

function symmetric(a: readonly number[], b: readonly number[]): number[] {
  const [inA, inB] = [new Set(a), new Set(b)];
  return [...a.filter((j) => !inB.has(j)), ...b.filter((j) => !inA.has(j))];
}
