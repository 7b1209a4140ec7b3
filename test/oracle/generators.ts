/** Families of key matrices that make algorithms lose keys: each is a function of a random generator and a size. */
import { filip, longley, wampler } from './designs.js';
import type { Matrix } from './matrix.js';
import type { Random } from './random.js';

export interface Generator {
  readonly name: string;
  /**
   * 'good': condition number up to 1e6 after column scaling, or exactly rank-deficient (integers, copies).
   * 'bad': beyond, yet every direction stands out from the rounding of the rows, or the matrix has a `span`.
   */
  readonly conditioning: 'good' | 'bad';
  /** Rows of such different scales that float64 resolves the small ones only among themselves; sets are supersets then. */
  readonly wide?: true;
  make(random: Random, n: number, d: number): Matrix;
}

type Entry = (random: Random, i: number, c: number) => number;

function fill(random: Random, n: number, d: number, entry: Entry): Matrix {
  const data = new Float64Array(n * d);
  for (let i = 0; i < n; i++) for (let c = 0; c < d; c++) data[i * d + c] = entry(random, i, c);
  return { data, n, d };
}

const gaussian = (random: Random, n: number, d: number): Matrix => fill(random, n, d, (r) => r.gaussian());

/** Rows of a Gaussian matrix divided by the root of a chi-squared of `freedom`. */
function student(random: Random, n: number, d: number, freedom: number): Matrix {
  const factors = Array.from({ length: n }, () => {
    let sum = 0;
    for (let k = 0; k < freedom; k++) sum += random.gaussian() ** 2;
    return Math.sqrt(freedom / sum);
  });
  return fill(random, n, d, (r, i) => r.gaussian() * factors[i]);
}

/** X times a [k, d] matrix. */
function product({ data, n, d: k }: Matrix, right: Float64Array, d: number): Matrix {
  const out = new Float64Array(n * d);
  for (let i = 0; i < n; i++)
    for (let a = 0; a < k; a++)
      for (let c = 0; c < d; c++) out[i * d + c] += data[i * k + a] * right[a * d + c];
  return { data: out, n, d };
}

/** Applies random reflections to the columns: a rotation, to rounding. */
function rotated(random: Random, matrix: Matrix): Matrix {
  const { n, d } = matrix;
  const data = Float64Array.from(matrix.data);
  for (let k = 0; k < Math.min(d, 3); k++) {
    const v = Array.from({ length: d }, () => random.gaussian());
    const square = v.reduce((sum, x) => sum + x * x, 0);
    for (let i = 0; i < n; i++) {
      let dot = 0;
      for (let c = 0; c < d; c++) dot += data[i * d + c] * v[c];
      for (let c = 0; c < d; c++) data[i * d + c] -= ((2 * dot) / square) * v[c];
    }
  }
  return { data, n, d };
}

function scaledColumns(matrix: Matrix, scales: readonly number[]): Matrix {
  return { ...matrix, data: matrix.data.map((x, i) => x * scales[i % matrix.d]) };
}

/** Columns of scales 10^(-reach .. 0), mixed by a rotation: condition number 10^reach that no column scaling removes. */
export function conditioned(random: Random, n: number, d: number, reach: number): Matrix {
  const scales = Array.from({ length: d }, (_, c) => 10 ** (d === 1 ? 0 : (-reach * c) / (d - 1)));
  return rotated(random, scaledColumns(gaussian(random, n, d), scales));
}

/** Gaussian entries rounded to multiples of 2^-9. */
export function gaussianGrid(random: Random, n: number, d: number): Matrix {
  return fill(random, n, d, (r) => Math.round(r.gaussian() * 512) / 512);
}

/**
 * Adds small multiples of columns to others: mixes the columns of a matrix on a grid without any rounding, so that what is
 * exactly zero before stays exactly dependent.
 */
function sheared(random: Random, { data: input, n, d }: Matrix): Matrix {
  const data = Float64Array.from(input);
  for (let step = 0; step < 4 && d > 1; step++) {
    const from = random.integer(0, d - 1);
    const to = (from + random.integer(1, d - 1)) % d;
    const factor = random.pick([-2, -1, 1, 2]);
    for (let i = 0; i < n; i++) data[i * d + to] += factor * data[i * d + from];
  }
  return { data, n, d };
}

/** A row alone in the last direction, at 2^-`depth` of the others, seen from sheared coordinates. */
function hidden(random: Random, n: number, d: number, depth: number): Matrix {
  const alone = random.integer(0, n - 1);
  const { data } = gaussianGrid(random, n, d);
  for (let i = 0; i < n && d > 1; i++) data[i * d + d - 1] = i === alone ? 2 ** -depth : 0;
  return sheared(random, { data, n, d });
}

const good = (name: string, make: Generator['make']): Generator => ({ name, conditioning: 'good', make });
const bad = (name: string, make: Generator['make']): Generator => ({ name, conditioning: 'bad', make });

export const generators: readonly Generator[] = [
  good('gaussian', gaussian),
  good('student-2', (r, n, d) => student(r, n, d, 2)),
  good('student-3', (r, n, d) => student(r, n, d, 3)),
  good('mean and outliers', (random, n, d) => {
    const mean = Array.from({ length: d }, () => 20 * random.gaussian());
    return fill(random, n, d, (r, _, c) => mean[c] + (r.chance(0.02) ? 30 : 1) * r.gaussian());
  }),
  good('coherent', (random, n, d) => {
    const alone = Array.from({ length: d }, () => random.integer(0, n - 1));
    return fill(random, n, d, (r, i, c) => (c % 2 ? (i === alone[c] ? 1 + r.uniform() : 0) : r.gaussian()));
  }),
  good('clusters', (random, n, d) => {
    const count = random.integer(1, 4);
    const centres = fill(random, count, d, (r) => 5 * r.gaussian()).data;
    const cluster = Array.from({ length: n }, () => random.integer(0, count - 1));
    return fill(random, n, d, (r, i, c) => centres[cluster[i] * d + c] + 0.1 * r.gaussian());
  }),
  good('sorted', (random, n, d) => {
    const { data } = student(random, n, d, 3);
    const rows = Array.from({ length: n }, (_, i) => Array.from(data.subarray(i * d, (i + 1) * d)));
    const square = (row: number[]): number => row.reduce((sum, x) => sum + x * x, 0);
    rows.sort((a, b) => square(a) - square(b));
    return { data: Float64Array.from(rows.flat()), n, d };
  }),
  good('duplicates', (random, n, d) => {
    const pool = gaussian(random, Math.max(1, Math.ceil(n / 4)), d);
    const source = Array.from({ length: n }, () => random.integer(0, pool.n - 1));
    return fill(random, n, d, (_, i, c) => pool.data[source[i] * d + c]);
  }),
  good('zero rows', (random, n, d) => {
    const zero = Array.from({ length: n }, () => random.chance(0.4));
    return fill(random, n, d, (r, i) => (zero[i] ? 0 : r.gaussian()));
  }),
  good('zero columns', (random, n, d) => {
    const zero = Array.from({ length: d }, () => random.chance(0.5));
    return fill(random, n, d, (r, _, c) => (zero[c] ? 0 : r.gaussian()));
  }),
  good('copied columns', (random, n, d) => {
    const { data } = gaussian(random, n, d);
    const source = Array.from({ length: d }, (_, c) => random.integer(0, c));
    return fill(random, n, d, (_, i, c) => data[i * d + source[c]] * (source[c] === c ? 1 : 2));
  }),
  good('integers', (random, n, d) => fill(random, n, d, (r) => r.integer(-2, 2))),
  good('integers of low rank', (random, n, d) => {
    const rank = random.integer(1, d);
    const left = fill(random, n, rank, (r) => r.integer(-5, 5));
    return product(left, Float64Array.from(fill(random, rank, d, (r) => r.integer(-5, 5)).data), d);
  }),
  good('one-hot', (random, n, d) => {
    const hot = Array.from({ length: n }, () => random.integer(0, d - 1));
    return fill(random, n, d, (_, i, c) => (hot[i] === c ? 1 : 0));
  }),
  good('column scales', (random, n, d) => {
    const scales = Array.from({ length: d }, () => 10 ** random.integer(-18, 17));
    return scaledColumns(student(random, n, d, 3), scales);
  }),
  good('whole scale', (random, n, d) => {
    const scale = 10 ** random.integer(-18, 17);
    return fill(random, n, d, (r) => scale * r.gaussian());
  }),
  good('condition up to 1e6', (random, n, d) => conditioned(random, n, d, random.integer(2, 6))),
  bad('condition beyond 1e6', (random, n, d) => conditioned(random, n, d, random.integer(7, 10))),
  good('hidden direction', (random, n, d) => hidden(random, n, d, random.integer(3, 17))),
  bad('deeply hidden direction', (random, n, d) => hidden(random, n, d, random.integer(18, 34))),
  bad('products of low rank', (random, n, d) => {
    const rank = random.integer(1, Math.max(1, d - 1));
    const span = gaussian(random, n, rank);
    return { ...product(span, Float64Array.from(gaussian(random, rank, d).data), d), span };
  }),
  {
    ...bad('few huge rows', (random, n, d) => {
      const huge = 10 ** random.integer(6, 12);
      const count = random.integer(1, Math.min(n, 3));
      return fill(random, n, d, (r, i) => (i % Math.ceil(n / count) === 0 ? huge : 1) * r.gaussian());
    }),
    wide: true,
  },
  {
    ...bad('rows of all scales', (random, n, d) => {
      const scales = Array.from({ length: n }, () => 10 ** random.integer(-9, 9));
      return fill(random, n, d, (r, i) => scales[i] * r.gaussian());
    }),
    wide: true,
  },
  {
    ...bad('tiny rows alone', (random, n, d) => {
      // The others have rank d - 1 exactly; beside them the tiny rows are less than rounding, by themselves they are not.
      const { data } = gaussianGrid(random, n, d);
      for (let i = 0; i < n; i++) data[i * d + d - 1] = 0;
      const matrix = sheared(random, { data, n, d });
      const tiny = 2 ** -random.integer(40, 80);
      for (let k = random.integer(1, 3); k > 0; k--) {
        const i = random.integer(0, n - 1);
        for (let c = 0; c < d; c++) matrix.data[i * d + c] = tiny * random.gaussian();
      }
      return matrix;
    }),
    wide: true,
  },
  bad('polynomial', (random, n, d) => {
    const centre = random.gaussian() * 3;
    const x = Array.from({ length: n }, () => centre + random.uniform());
    return fill(random, n, d, (_, i, c) => x[i] ** c);
  }),
  bad('almost a zero column', (random, n, d) => {
    const entry = random.integer(0, n - 1);
    const size = 10 ** -random.integer(3, 300);
    return fill(random, n, d, (r, i, c) => (c === d - 1 ? (i === entry ? size : 0) : r.gaussian()));
  }),
  bad('near copies', (random, n, d) => {
    const size = 10 ** -random.integer(4, 11);
    const { data } = gaussian(random, n, 1);
    return fill(random, n, d, (r, i) => data[i] + size * r.gaussian());
  }),
];

/** The real designs, whatever size is asked for. */
export const designs: readonly Generator[] = [
  bad('Filip', () => filip()),
  bad('Longley', () => longley()),
  good('Wampler', () => wampler()),
];

/** Rounded to float32, as real keys are. Its rounding stands out in float64, so that no `span` is left. */
export function toFloat32({ data, n, d }: Matrix): Matrix {
  return { data: Float32Array.from(data), n, d };
}
