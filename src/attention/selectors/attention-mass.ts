/** Keys by the attention that they receive: the sum over queries of A_ij, in float64. */
import type { KeyMatrix } from '../../keys.js';
import type { Steps } from '../../steps.js';
import { dotProducts, STEP_WORK } from './points.js';
import type { SelectorContext } from './selector.js';
import { topKeys } from './top-keys.js';

/** Turns the scores <q,k_j> of the first `visible` keys into probabilities and adds them to the mass. */
function addProbabilities(
  scores: Float64Array,
  visible: number,
  { scale, power }: SelectorContext,
  mass: Float64Array,
): void {
  let largest = Number.NEGATIVE_INFINITY;
  for (let j = 0; j < visible; j++) {
    scores[j] = power === undefined ? scores[j] * scale : Math.abs(scores[j]);
    if (scores[j] > largest) largest = scores[j];
  }
  // A query whose power weights are all zero attends to nothing.
  if (power !== undefined && largest === 0) return;
  let total = 0;
  for (let j = 0; j < visible; j++) {
    scores[j] = power === undefined ? Math.exp(scores[j] - largest) : (scores[j] / largest) ** power;
    total += scores[j];
  }
  for (let j = 0; j < visible; j++) mass[j] += scores[j] / total;
}

/** [n]: the attention probabilities of key j, summed over the last `window` queries of each query head. O(n d) a query. */
function* attentionMass(keys: KeyMatrix, context: SelectorContext, window: number): Steps<Float64Array> {
  const { queries = [], causal } = context;
  const { n, d } = keys;
  const k = new Float64Array(keys.rows(0, n));
  const mass = new Float64Array(n);
  const scores = new Float64Array(n);
  let work = 0;
  for (const [head, query] of queries.entries()) {
    const m = query.n;
    const first = Math.max(0, m - window);
    const q = new Float64Array(query.rows(first, m));
    for (let i = first; i < m; i++) {
      const visible = causal ? i + n - m + 1 : n;
      dotProducts(q, i - first, k, visible, d, scores);
      addProbabilities(scores, visible, context, mass);
      work += visible * d;
      if (work < STEP_WORK) continue;
      work = 0;
      yield { phase: 'attention mass', done: head * m + i, total: queries.length * m };
    }
  }
  return mass;
}

/** The `count` keys of largest attention mass over the last `window` queries of each query head. */
export function* topByMass(
  keys: KeyMatrix,
  count: number,
  context: SelectorContext,
  window = Number.POSITIVE_INFINITY,
): Steps<number[]> {
  return topKeys(yield* attentionMass(keys, context, window), count, context.always);
}
