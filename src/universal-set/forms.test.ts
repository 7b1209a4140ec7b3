/** Forms against what they must lie above: the score itself, for rows that are the worst for them. */
import { describe, expect, it } from 'vitest';
import { kernels } from '../kernels/load.js';
import type { Form } from '../kernels/sieve.js';
import { matrixOver } from '../keys.js';
import { randomStream } from '../random.js';
import { gramOf, summationDepth } from '../scores/gram.js';
import { type GramFactor, gramFactor } from '../scores/gram-factor.js';
import { run } from '../steps.js';
import { type Direction, directionOf, leadingDirections } from './directions.js';
import {
  boundingForm,
  type Coordinates,
  coordinatesOf,
  inverseOf,
  type Scorer,
  triangularForm,
} from './forms.js';

const epsilon = 0.1;

/** A factor of Gaussian rows times a random triangle with a diagonal of 10^(-reach .. 0). */
function factorOf(seed: number, d: number, reach: number): Scorer {
  const { normal } = randomStream(seed);
  const n = 20 * d;
  const triangle = Float64Array.from({ length: d * d }, (_, i) => {
    const [a, c] = [Math.floor(i / d), i % d];
    return a === c ? 10 ** (-reach * (c / d)) : a < c ? (0.5 / d) * normal() : 0;
  });
  const data = new Float64Array(n * d);
  for (let j = 0; j < n; j++) {
    const x = Array.from({ length: d }, normal);
    for (let a = 0; a < d; a++) for (let c = 0; c < d; c++) data[j * d + c] += x[a] * triangle[a * d + c];
  }
  const matrix = matrixOver(data, n, d);
  const { factor, ...errors } = gramFactor(run(gramOf(matrix, { d })), d, summationDepth(n)) as GramFactor;
  return { plan: { d, factor }, ...errors };
}

const coordinates = (factor: Scorer) => coordinatesOf(factor, epsilon) as Coordinates;

/** Rows whose score is epsilon to within rounding, along each vector of y. */
function rowsAtEpsilon({ d, scale, a }: Coordinates, vectors: readonly ArrayLike<number>[]): Float64Array {
  const out = new Float64Array(vectors.length * d);
  vectors.forEach((y, i) => {
    let score = 0;
    for (let b = 0; b < d; b++) for (let c = 0; c < d; c++) score += y[b] * a[b * d + c] * y[c];
    for (let c = 0; c < d; c++)
      out[i * d + c] = (y[c] / scale[c]) * Math.sqrt((epsilon * (1 + 1e-9)) / score);
  });
  return out;
}

/** Random vectors, eigenvectors from both ends, and combinations of the two. */
function hostileVectors(form: Coordinates, directions: readonly Direction[], seed: number): Float64Array[] {
  const { d, a } = form;
  const { normal } = randomStream(seed);
  const ends = [...leadingDirections(a, d, 4), ...leadingDirections(inverseOf(form), d, 4), ...directions];
  const random = Array.from({ length: 60 }, () => Float64Array.from({ length: d }, normal));
  const mixed = random.map((x, i) => {
    const [one, two] = [ends[i % ends.length], ends[(3 * i + 1) % ends.length]];
    return one.vector.map((v, c) => v + normal() * two.vector[c] + 1e-3 * x[c]);
  });
  return [...ends.map(({ vector }) => vector), ...random, ...mixed];
}

function expectAbove(form: Form, at: Coordinates, directions: readonly Direction[], seed: number): void {
  const rows = rowsAtEpsilon(at, hostileVectors(at, directions, seed));
  for (const input of [rows, Float32Array.from(rows)]) {
    const values = new Float32Array(rows.length / at.d);
    kernels().quadratic(form.plan).values(input, values);
    // Rounding the rows to float32 changes ill-conditioned scores.
    const slack = input === rows ? 1 : 0.9;
    values.forEach((value) => {
      expect(value).toBeGreaterThanOrEqual(slack * form.below);
    });
  }
}

describe('a form', () => {
  it('drops no row whose score is epsilon, whatever directions it is given', () => {
    let certified = 0;
    for (let seed = 0; seed < 60; seed++) {
      const d = 1 + (seed % 24);
      const at = coordinates(factorOf(seed, d, seed % 3));
      const count = Math.min(d, seed % 5);
      const high = leadingDirections(at.a, d, count + 1);
      const low = leadingDirections(inverseOf(at), d, count).map(({ vector }) => directionOf(at.a, vector));
      const { normal } = randomStream(seed, 1);
      const wild = Array.from({ length: count }, () => {
        const x = Float64Array.from({ length: d }, normal);
        return directionOf(
          at.a,
          x.map((v) => v / Math.hypot(...x)),
        );
      });
      const rest = high.at(-1)?.value as number;
      for (const [plus, minus, mu] of [
        [[], [], high[0].value],
        [[], [], 0.4 * high[0].value],
        [high.slice(0, count), [], rest],
        [[], low, high[0].value],
        [high.slice(0, count), low, rest],
        [wild, low, high[0].value],
        [high, wild, 0.5 * rest],
      ] as const) {
        const form = boundingForm(at, mu, plus, minus);
        if (!form) continue;
        certified++;
        expectAbove(form, at, [...plus, ...minus], seed);
      }
    }
    expect(certified).toBeGreaterThan(200);
  });

  it('makes up for the rounding of a direction that outweighs all others', () => {
    // Rows whose mean is nearly nothing: along it scores are so large that the room of the other directions is nothing beside them.
    const d = 64;
    const { normal } = randomStream(5);
    const data = new Float64Array(20 * d * d);
    for (let j = 0; j < 20 * d; j++) {
      const x = Array.from({ length: d }, normal);
      const mean = x.reduce((sum, value) => sum + value) / d;
      x.forEach((value, c) => {
        data[j * d + c] = value - (1 - 1e-4) * mean;
      });
    }
    const matrix = matrixOver(data, 20 * d, d);
    const { factor, growth } = gramFactor(
      run(gramOf(matrix, { d })),
      d,
      summationDepth(matrix.n),
    ) as GramFactor;
    // The factor as if it were exact: its own margin would hide that of the form.
    const at = coordinates({ plan: { d, factor }, growth, absolute: 0, relative: 0 });
    const [first, second] = leadingDirections(at.a, d, 2);
    const form = boundingForm(at, second.value, [first], []) as Form;
    const along = Array.from({ length: 1000 }, () => first.vector.map((v) => v + 0.05 * normal()));
    const rows = rowsAtEpsilon(at, along);
    const values = new Float32Array(along.length);
    kernels().quadratic(form.plan).values(rows, values);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(form.below);
    expect(Math.max(...values)).toBeLessThan(1.1 * form.below);
  });

  it('is refused where rounding in float32 leaves nothing, and exact enough elsewhere', () => {
    for (let seed = 0; seed < 30; seed++) {
      const at = coordinates(factorOf(seed, 1 + seed, 1));
      const form = triangularForm(at) as Form;
      expectAbove(form, at, [], seed);
      expect(form.below).toBeGreaterThan(0.6 * epsilon);
    }
    expect(triangularForm({ ...coordinates(factorOf(1, 5, 1)), growth: 1e5 })).toBeUndefined();
  });

  it('is not made at an epsilon beyond its precision', () => {
    const factor = factorOf(2, 4, 0);
    expect(coordinatesOf(factor, 1e-13)).toBeUndefined();
    expect(coordinatesOf({ ...factor, absolute: 1 }, 0.1)).toBeUndefined();
    expect(coordinatesOf({ ...factor, plan: { d: 4 } }, 0.1)).toBeUndefined();
  });

  it('takes columns of any scale', () => {
    const factor = factorOf(3, 3, 0);
    const scales = [1e-150, 1, 1e150];
    const w = (factor.plan.factor as Float64Array).map((entry, i) => entry / scales[i % 3]);
    const at = coordinates({ ...factor, plan: { d: 3, factor: w } });
    for (let c = 0; c < 3; c++) expect(Math.abs(Math.log2(at.a[c * 3 + c]))).toBeLessThanOrEqual(1.001);
    const form = boundingForm(at, 2, [], []) as Form;
    const rows = rowsAtEpsilon(at, [Float64Array.of(1, -1, 1)]);
    const values = new Float32Array(1);
    kernels().quadratic(form.plan).values(rows, values);
    expect(values[0]).toBeGreaterThanOrEqual(form.below);
  });
});
