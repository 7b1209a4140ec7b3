/** The keys chosen by leverage, on the short way that small heads take, are those of the factor that any matrix has. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { readTensor } from '../../io/index.js';
import { type Floats, type KeyMatrix, matrixOver } from '../../keys.js';
import { randomStream } from '../../random.js';
import { centred } from '../../scores/centred.js';
import { factorize } from '../../scores/factor.js';
import { scoresOf } from '../../scores/leverage.js';
import { run } from '../../steps.js';
import { leverage, leverageCentred } from './leverage.js';
import { selectSteps } from './selector.js';
import { topKeys } from './top-keys.js';

function expectSame(keys: KeyMatrix, what: string) {
  for (const selector of [leverage, leverageCentred]) {
    const factor = run(factorize(selector === leverage ? keys : centred(keys), 'keys'));
    const scores = run(scoresOf(factor));
    const of = `${what}, ${selector.name}`;
    for (const always of [[], [0]]) {
      const indices = run(selectSteps(selector, keys, 16, { always }));
      expect(indices, of).toEqual(topKeys(scores.slice(), 16, always));
    }
  }
}

/** Rows by what becomes of normal draws. */
const heads: Record<
  string,
  (x: number, i: number, c: number, row: (j: number, c: number) => number) => number
> = {
  random: (x) => x,
  'of three values': (x) => Math.round(x),
  'each row four times': (_x, i, c, row) => row(i >> 2, c),
  'all equal': (_x, _i, c) => c + 0.5,
  'of rank three': (_x, i, c, row) => row(i, 0) * (c + 1) + row(i, 1) * c * c + row(i, 2) * (c % 3),
  zero: () => 0,
  'of huge numbers': (x) => x * 1e150,
  'beyond squares': (x) => x * 1e200,
  'of tiny numbers': (x) => x * 1e-150,
  'below squares': (x) => x * 1e-200,
  'with a common mean': (x, _i, c) => x + 50 * (c % 4),
  'with a far larger mean': (x) => x + 1e7,
  'with columns of any scale': (x, _i, c) => x * 10 ** (9 * (c % 4)),
  'with a zero column': (x, _i, c) => (c === 2 ? 0 : x),
  'with a tiny key alone in its direction': (x, i, c) => (c === 0 ? (i === 40 ? 1e-17 : 0) : x),
  'with one huge key': (x, i) => (i === 33 ? x * 1e12 : x),
};

it.each(Object.keys(heads))('chooses the same of keys %s', (name) => {
  for (const [n, d] of [
    [50, 6],
    [197, 16],
    [66, 64],
    [40, 48],
  ]) {
    const random = randomStream(n);
    const draws = Float64Array.from({ length: n * d }, random.normal);
    const wide = draws.map((x, at) => heads[name](x, Math.floor(at / d), at % d, (j, c) => draws[j * d + c]));
    // Not all of them are numbers of float32.
    const versions: Floats[] = wide.every((x) => Number.isFinite(Math.fround(x)))
      ? [wide, Float32Array.from(wide)]
      : [wide];
    for (const data of versions) expectSame(matrixOver(data, n, d), `${n} x ${d}`);
  }
});

it('chooses the same of the keys of a language model', async () => {
  const file = readFileSync(new URL('../../../examples/data/stories260k.safetensors', import.meta.url));
  for (let layer = 0; layer < 5; layer++) {
    const { data, shape } = await readTensor(file, `layer${layer}.k`);
    const [, heads, n, d] = shape;
    for (let head = 0; head < heads; head++)
      expectSame(matrixOver(data, n, d, head * n * d), `layer ${layer}, head ${head}`);
  }
});
