/** How the guarantee is attacked: checks of one random case each, repeated over seeds; a failure names the seed. */
import type { PerHead } from '../../src/keys.js';
import { designs, generators, toFloat32 } from '../oracle/generators.js';
import { type Judge, judge } from '../oracle/judge.js';
import type { Matrix } from '../oracle/matrix.js';
import { type Random, seeded } from '../oracle/random.js';

/** One random case, all of it drawn from `random`; throws what was violated. */
export type Check = (random: Random) => void;

export function claim(holds: boolean, message: () => string): asserts holds {
  if (!holds) throw new Error(message());
}

/** Runs a check on consecutive seeds and throws the first failures together. */
export function repeat(name: string, check: Check, count: number, first = 1): void {
  const failures: string[] = [];
  for (let seed = first; seed < first + count && failures.length < 5; seed++) {
    try {
      check(seeded(seed));
    } catch (error) {
      failures.push(`${name}, seed ${seed}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (failures.length > 0) throw new Error(failures.join('\n'));
}

/** Keys with the truth about them. */
export interface Subject {
  readonly matrix: Matrix;
  readonly centre: boolean;
  /** Of K, or of [K, 1] with `centre`. */
  readonly truth: Judge;
  readonly conditioning: 'good' | 'bad';
  /** Scales of rows beyond what a factor resolves: unresolved rows are kept, however many they are. */
  readonly wide: boolean;
  /** The bound of the size is that of the numerical rank; keys that only rounding, at face value, makes heavy come on top. */
  readonly loose: boolean;
  readonly label: string;
}

export interface Limits {
  readonly n: number;
  readonly d: number;
  /** Probability of an intercept column. */
  readonly centre?: number;
}

export function drawSubject(random: Random, { n: mostRows, d: mostColumns, centre = 0.2 }: Limits): Subject {
  const chosen = random.chance(0.01) ? random.pick(designs) : random.pick(generators);
  // More columns than rows, or a few rows only, in some.
  const broad = random.chance(0.1);
  const n = broad || random.chance(0.08) ? random.integer(1, broad ? 6 : 3) : random.integer(1, mostRows);
  const d = broad ? n + random.integer(1, 8) : random.integer(1, mostColumns);
  const drawn = chosen.make(random, n, d);
  const inRange = drawn.data.every((x) => x === 0 || (Math.abs(x) > 1e-30 && Math.abs(x) < 1e30));
  const single = inRange && random.chance(0.3);
  const matrix = single ? toFloat32(drawn) : drawn;
  const withCentre = !chosen.wide && random.chance(centre);
  return {
    matrix,
    centre: withCentre,
    truth: judge(matrix, withCentre),
    wide: chosen.wide ?? false,
    loose: (chosen.wide ?? false) || matrix.span !== undefined,
    // The intercept makes a good matrix bad where its columns are nearly constant.
    conditioning: withCentre ? 'bad' : chosen.conditioning,
    label: `${chosen.name} ${matrix.n} x ${matrix.d}${single ? ' float32' : ''}${withCentre ? ' centred' : ''}`,
  };
}

const bits = new BigInt64Array(1);
const float = new Float64Array(bits.buffer);

/** The float64 `steps` above (or below) x >= 0. */
export function neighbour(x: number, steps: number): number {
  float[0] = x;
  bits[0] += BigInt(steps);
  return float[0];
}

/** A threshold in (0, 1]: anything, or one of the scores to the last bit, or right beside one, or close to one. */
export function drawEpsilon(random: Random, scores: ArrayLike<number>, lowest = 1e-3): number {
  const anything = lowest ** random.uniform();
  if (random.chance(0.5)) return anything;
  const score = scores[random.integer(0, scores.length - 1)];
  if (!(score >= lowest && score <= 1)) return anything;
  const beside = neighbour(score, random.integer(-1, 1));
  const close = score * (1 + random.pick([-1, 1]) * 10 ** -random.integer(5, 15));
  return Math.min(1, random.chance(0.7) ? beside : close);
}

/** The bare result of a two-dimensional input. */
export function flat<T extends object>(result: PerHead<T>): T {
  claim(!('heads' in result), () => 'a two-dimensional input gave a list of heads');
  return result as T;
}

/** Indices ascending, in range, and one finite score in [0, infinity) each. */
export function claimWellFormed(indices: readonly number[], scores: ArrayLike<number>, n: number): void {
  claim(scores.length === indices.length, () => `${indices.length} indices, ${scores.length} scores`);
  indices.forEach((j, i) => {
    claim(
      Number.isInteger(j) && j >= 0 && j < n && (i === 0 || indices[i - 1] < j),
      () => `indices [${indices}]`,
    );
    claim(Number.isFinite(scores[i]) && scores[i] >= 0, () => `score ${scores[i]} of key ${j}`);
  });
}
