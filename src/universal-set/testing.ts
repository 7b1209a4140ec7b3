/** Sketches of generated keys, for the tests of sketches. */
import { generators, toFloat32 } from '../../test/oracle/generators.js';
import type { Matrix } from '../../test/oracle/matrix.js';
import { seeded } from '../../test/oracle/random.js';
import { UniversalSetSketch } from './sketch.js';
import type { SketchOptions } from './sketch-options.js';

/** Keys of a generator, rounded to float32. */
export function draw(name: string, n: number, d: number, seed = 5): Matrix {
  const generator = generators.find((entry) => entry.name === name);
  if (!generator) throw new Error(`no generator ${name}`);
  return toFloat32(generator.make(seeded(seed), n, d));
}

/** Some rows, as the library takes them. */
export const part = ({ data, d }: Matrix, start: number, end: number) => ({
  data: data.subarray(start * d, end * d),
  shape: [end - start, d] as const,
});

/** A sketch of all rows, in parts of `chunk`. */
export function sketchOf(
  matrix: Matrix,
  options: Omit<SketchOptions, 'd'>,
  chunk = matrix.n,
): UniversalSetSketch {
  const sketch = new UniversalSetSketch({ d: matrix.d, ...options });
  for (let at = 0; at < matrix.n; at += chunk)
    sketch.insert(part(matrix, at, Math.min(matrix.n, at + chunk)));
  return sketch;
}

export const heavyTailed = draw('student-2', 5001, 6);

/** Some rows of {@link heavyTailed}. */
export function part2(start: number, end: number): Matrix {
  const { data, d } = heavyTailed;
  return { data: data.subarray(start * d, end * d), n: end - start, d };
}
