/** Leverage scores in ml-matrix, float64 in plain JavaScript: Gram, Cholesky, solve, row sums of products. */
import { absentee, type Contestant, type Run, timed } from '../measure.js';
import type { Found } from '../own-sets.js';
import type { Case } from '../set-cases.js';
import { loadPackage, packageVersion } from './packages.js';

interface Matrix {
  transpose(): Matrix;
  mmul(other: Matrix): Matrix;
  mul(other: Matrix): Matrix;
  sum(by: 'row'): number[];
}

interface MlMatrix {
  readonly Matrix: {
    from1DArray(rows: number, columns: number, data: ArrayLike<number>): Matrix;
    eye(size: number): Matrix;
  };
  readonly CholeskyDecomposition: new (matrix: Matrix) => { solve(right: Matrix): Matrix };
}

/** Seconds at 100,000 x 64, and gigabytes. */
export function mlMatrixContestant(
  absent: string | undefined,
  { n, d, epsilon }: Case,
  keys: Float32Array,
): Contestant<Found> {
  const name = 'ml-matrix float64';
  if (packageVersion('ml-matrix') === undefined) return absentee(name, 1, absent ?? 'not installed');
  return {
    name,
    threads: 1,
    async prepare() {
      const { Matrix, CholeskyDecomposition } = await loadPackage<MlMatrix>('ml-matrix');
      const matrix = Matrix.from1DArray(n, d, keys);
      const scoresOf = () => {
        const inverse = new CholeskyDecomposition(matrix.transpose().mmul(matrix)).solve(Matrix.eye(d));
        return matrix.mmul(inverse).mul(matrix).sum('row');
      };
      return { run: () => scoresThenSet(scoresOf, epsilon, 'float64') };
    },
  };
}

/** Times the scores and the places of those that reach epsilon. */
export async function scoresThenSet(
  scoresOf: () => ArrayLike<number> | Promise<ArrayLike<number>>,
  epsilon: number,
  precision: Found['precision'],
): Promise<Run<Found>> {
  const { milliseconds, value } = await timed(async () => {
    const scores = await scoresOf();
    const indices: number[] = [];
    for (let j = 0; j < scores.length; j++) if (scores[j] >= epsilon) indices.push(j);
    return { scores, indices, precision };
  });
  return { laps: { time: milliseconds }, result: () => value };
}
