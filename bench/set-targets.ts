/** What the universal sets must reach: ratios of two rows of a table. */
import type { Distribution } from './inputs.js';
import { reads } from './one-read.js';
import { names } from './own-sets.js';
import { numpyWays } from './peers/python-sets.js';
import { ratioOf, type Side, type Table, type Target } from './results.js';
import { type Case, titleOf } from './set-cases.js';

/** A target of all drawn keys of these kinds and numbers, d = 64. */
interface Rule {
  readonly what: string;
  readonly distributions: readonly Distribution[];
  readonly sizes: readonly number[];
  readonly slower: Side;
  readonly faster: Side;
  readonly bound: Target['bound'];
  readonly wanted: number;
}

const single = (contestant: string): Side => ({ contestant, threads: 1 });
const double = (contestant: string): Side => ({ contestant, threads: 2 });

const [lazy, exact] = [single(names.lazy), single(names.exact)];
const float32 = single(numpyWays.float32.name);
const hard: readonly Distribution[] = ['coherent', 'correlated'];
const plain: readonly Distribution[] = ['Gaussian', 't3'];
const small = 100_000;
const large = 1_000_000;

const rules: readonly Rule[] = [
  atLeast(2.5, 'lazy set', plain, [small], float32, lazy),
  atLeast(3, 'lazy set', plain, [large], float32, lazy),
  atLeast(1.3, 'lazy set', hard, [large], float32, lazy),
  ...Object.values(reads).map((read) => atMost(4, 'lazy set', ['Gaussian'], [large], lazy, single(read))),
  ...[numpyWays.held, numpyWays.cast].map(({ name }) =>
    atLeast(1.3, 'exact set', [...plain, ...hard], [small, large], single(name), exact),
  ),
  atLeast(1.6, 'lazy set, two threads', plain, [large], lazy, double(names.lazy)),
  atLeast(1.6, 'exact set, two threads', plain, [large], exact, double(names.exact)),
];

function atLeast(
  wanted: number,
  what: string,
  distributions: readonly Distribution[],
  sizes: readonly number[],
  slower: Side,
  faster: Side,
): Rule {
  return { what, distributions, sizes, slower, faster, bound: 'at least', wanted };
}

function atMost(
  wanted: number,
  what: string,
  distributions: readonly Distribution[],
  sizes: readonly number[],
  slower: Side,
  faster: Side,
): Rule {
  return { what, distributions, sizes, slower, faster, bound: 'at most', wanted };
}

/** The targets of a case, with what its table says of them. */
export function targetsOf(example: Case, table: Table): Target[] {
  const { distribution, n, d } = example;
  return rules
    .filter(
      ({ distributions, sizes }) =>
        d === 64 && distribution && distributions.includes(distribution) && sizes.includes(n),
    )
    .map(({ what, slower, faster, bound, wanted }) => {
      const other = bound === 'at least' ? slower : faster;
      const own = bound === 'at least' ? faster : slower;
      const threads = own.threads === other.threads ? '1 thread each' : 'one thread';
      const against = own.contestant === other.contestant ? threads : `${other.contestant}, ${threads}`;
      const text = `${what}, ${titleOf(example)}, against ${against}`;
      return { text, bound, wanted, ratio: ratioOf(table, 'time', slower, faster) };
    });
}
