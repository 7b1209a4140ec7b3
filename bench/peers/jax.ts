/** Leverage scores in jax-js, float32 on its WebAssembly backend (its float64 needs a newer Node): jitted products, eager factors. */
import { absentee, type Contestant } from '../measure.js';
import type { Found } from '../own-sets.js';
import type { Case } from '../set-cases.js';
import { scoresThenSet } from './ml-matrix.js';
import { loadPackage, packageVersion } from './packages.js';

/** An array counts its references: each use but the last takes `.ref`. */
interface JaxArray {
  readonly ref: JaxArray;
  mul(other: JaxArray): JaxArray;
  reshape(shape: readonly number[]): JaxArray;
  data(): Promise<Float32Array>;
  dispose(): void;
}

interface Jax {
  init(device: 'wasm'): Promise<unknown>;
  defaultDevice(device: 'wasm'): unknown;
  jit<F extends (...arrays: JaxArray[]) => JaxArray>(work: F): F;
  readonly numpy: {
    array(data: Float32Array): JaxArray;
    eye(size: number): JaxArray;
    matmul(a: JaxArray, b: JaxArray): JaxArray;
    transpose(a: JaxArray): JaxArray;
    sum(a: JaxArray, axis: number): JaxArray;
    readonly linalg: { cholesky(a: JaxArray): JaxArray };
  };
  readonly lax: {
    readonly linalg: {
      triangularSolve(a: JaxArray, b: JaxArray, options: { leftSide: true; lower: true }): JaxArray;
    };
  };
}

/** Cholesky's factor and its inverse are small; the two products with all keys are compiled. */
export function jaxContestant(
  absent: string | undefined,
  { n, d, epsilon }: Case,
  keys: Float32Array,
): Contestant<Found> {
  const name = 'jax-js float32';
  if (packageVersion('@jax-js/jax') === undefined) return absentee(name, 1, absent ?? 'not installed');
  return {
    name,
    threads: 1,
    async prepare() {
      const { init, defaultDevice, jit, numpy, lax } = await loadPackage<Jax>('@jax-js/jax');
      await init('wasm');
      defaultDevice('wasm');
      const matrix = numpy.array(keys).reshape([n, d]);
      const gram = jit((k: JaxArray) => numpy.matmul(numpy.transpose(k.ref), k));
      const squaredLengths = jit((k: JaxArray, whitener: JaxArray) => {
        const whitened = numpy.matmul(k, numpy.transpose(whitener));
        return numpy.sum(whitened.ref.mul(whitened), 1);
      });
      const scoresOf = () => {
        const lower = numpy.linalg.cholesky(gram(matrix.ref));
        const whitener = lax.linalg.triangularSolve(lower, numpy.eye(d), { leftSide: true, lower: true });
        return squaredLengths(matrix.ref, whitener).data();
      };
      return {
        run: () => scoresThenSet(scoresOf, epsilon, 'float32'),
        close: async () => matrix.dispose(),
      };
    },
  };
}
