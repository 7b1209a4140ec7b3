/** What the universal sets must reach: ratios of two rows of a table. */
import type { Distribution } from './inputs.js';
import { reads } from './one-read.js';
import { names } from './own-sets.js';
import { numpyWays } from './peers/python-sets.js';
import { ratioOf, type Side, type Table, type Target } from './results.js';
import { awkward, type Case, distributions, titleOf } from './set-cases.js';

/** A target of all drawn keys of these kinds and numbers, d = 64. */
interface Rule {
  readonly what: string;
  readonly against: string;
  readonly distributions: readonly Distribution[];
  readonly sizes: readonly number[];
  readonly slower: Side;
  readonly faster: Side;
  readonly bound: Target['bound'];
  readonly wanted: number;
}

const hard: readonly Distribution[] = ['coherent', 'correlated'];
const plain: readonly Distribution[] = ['Gaussian', 't3'];
const small = 100_000;
const large = 1_000_000;

const on = (contestant: string, threads = 1): Side => ({ contestant, threads });

const rules: readonly Rule[] = [
  lazyAgainstFloat32(plain, small, 2.5),
  lazyAgainstFloat32(plain, large, 3),
  lazyAgainstFloat32(hard, large, 1.3),
  ...Object.values(reads).map(
    (read): Rule => ({
      what: 'lazy set',
      against: read,
      distributions: ['Gaussian'],
      sizes: [large],
      slower: on(names.lazy),
      faster: on(read),
      bound: 'at most',
      wanted: 4,
    }),
  ),
  {
    what: 'lazy set',
    against: names.exact,
    distributions: [...distributions, ...awkward],
    sizes: [small, large],
    slower: on(names.lazy),
    faster: on(names.exact),
    bound: 'at most',
    wanted: 1.3,
  },
  ...[numpyWays.held.name, numpyWays.cast.name].map(
    (name): Rule => ({
      what: 'exact set',
      against: name,
      distributions: [...plain, ...hard],
      sizes: [small, large],
      slower: on(name),
      faster: on(names.exact),
      bound: 'at least',
      wanted: 1.3,
    }),
  ),
  ...[names.lazy, names.exact].map(
    (name): Rule => ({
      what: `${name.replace('levattention, ', '')} set on two threads`,
      against: 'one thread',
      distributions: plain,
      sizes: [large],
      slower: on(name),
      faster: on(name, 2),
      bound: 'at least',
      wanted: 1.6,
    }),
  ),
];

function lazyAgainstFloat32(distributions: readonly Distribution[], size: number, wanted: number): Rule {
  const { name } = numpyWays.float32;
  return {
    what: 'lazy set',
    against: name,
    distributions,
    sizes: [size],
    slower: on(name),
    faster: on(names.lazy),
    bound: 'at least',
    wanted,
  };
}

/** The targets of a case, with what its table says of them. */
export function targetsOf(example: Case, table: Table): Target[] {
  const { distribution, n, d } = example;
  return rules
    .filter(
      ({ distributions, sizes }) =>
        d === 64 && distribution && distributions.includes(distribution) && sizes.includes(n),
    )
    .map(({ what, against, slower, faster, bound, wanted }) => ({
      text: `${what}, ${titleOf(example)}, against ${against}`,
      bound,
      wanted,
      ratio: ratioOf(table, 'time', slower, faster),
    }));
}
