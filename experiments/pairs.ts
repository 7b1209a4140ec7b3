/** Makes the pairs of a combination: the head as a tail sees it, with the queries that the combination may look at. */
import { parseSelector } from '../src/attention/selectors/index.js';
import { selectSteps } from '../src/attention/selectors/selector.js';
import { eachGaussianTerm, momentsOf } from '../src/attention/tail/gaussian.js';
import { parseTail } from '../src/attention/tail/index.js';
import { storedPairs } from '../src/attention/tail/stored-pairs.js';
import type { TailHead } from '../src/attention/tail/tail.js';
import { wasmAttend } from '../src/kernels/wasm-attend.js';
import { matrixOver } from '../src/keys.js';
import { randomStream } from '../src/random.js';
import { run } from '../src/steps.js';
import type { Combination } from './combinations.js';
import type { Head } from './heads.js';
import type { Pairs, Rest } from './measure.js';

/** Draws of a head: one stream for the selector, one for the tail. */
const streamOf = ({ layer, head }: Head, which: number) => randomStream(layer, 2 * head + which);

/** At most `count` pairs of a head, the same in every run. */
export function makePairs(combination: Combination, head: Head, count: number): Pairs {
  const tail = parseTail(combination.tail.replace(', observed', ''));
  const grouping = run(tail.group(tailHead(combination, head), count));
  const pairs = storedPairs(head.keys, head.values, grouping);
  return grouping.rest ? { ...pairs, rest: restOf(head, grouping.rest) } : pairs;
}

/** The closed form that stands for some keys. */
function restOf({ keys, values, d, dv, scale }: Head, rows: readonly number[]): Rest {
  const moments = momentsOf(keys, values, { d, dv }, rows);
  return {
    count: rows.length,
    mean: moments.key,
    terms(q) {
      const queries = q.rows(0, q.n);
      const logWeights = new Float64Array(q.n);
      const terms = new Float64Array(q.n * dv);
      eachGaussianTerm(moments, queries, scale, (i, { logWeight, value }) => {
        logWeights[i] = logWeight;
        terms.set(value, i * dv);
      });
      return { logWeights, values: terms };
    },
  };
}

function tailHead({ selector, before, sees }: Combination, head: Head): TailHead {
  const { n, d, dv, scale, keysBefore, values, observed, test, causal } = head;
  const keys = before ? keysBefore! : head.keys;
  // The oracle alone looks at the test; a tail beside it does not.
  const shown = sees === 'keys' ? [] : observed;
  const q = new Float32Array(shown.reduce((size, each) => size + each.n * d, 0));
  shown.reduce((at, each) => {
    q.set(each.rows(0, each.n), at);
    return at + each.n * d;
  }, 0);
  return {
    k: keys,
    v: values,
    n,
    d,
    dv,
    q,
    // The queries to come see all keys. Those observed, the last of the prompt, are taken as if they did: as queries of one place.
    m: causal ? 1 : (shown[0]?.n ?? 0),
    causal,
    scale,
    attend: wasmAttend,
    always: [],
    random: streamOf(head, 1),
    choose: (count) =>
      selectSteps(parseSelector(parametrised(selector, head)), matrixOver(keys, n, d), count, {
        random: streamOf(head, 0),
        queries: selector === 'oracle' ? test : shown,
        causal: selector !== 'oracle' && causal,
        scale,
      }),
  };
}

/** What the library would choose where none is named; and SnapKV takes all the observed queries, however many they are. */
function parametrised(selector: string, { observed }: Head): string {
  if (selector === 'none') return 'leverage-centred';
  return selector === 'snapkv' ? `snapkv:${observed[0].n}` : selector;
}
