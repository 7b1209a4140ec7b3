/** Keys by the attention that they receive: the sum over queries of A_ij, in float64. */
import type { Floats, KeyMatrix } from '../../keys.js';
import type { Steps } from '../../steps.js';
import { dotProducts, STEP_WORK } from './points.js';
import type { SelectorContext } from './selector.js';
import { topKeys } from './top-keys.js';

/**
 * Turns the scores <q,k_j> of the first `visible` keys into probabilities, `logWeights` being added to the logarithms of the weights, and gives
 * the logarithm of the weights' sum. A query whose keys are hidden, or whose power weights are all zero, attends to nothing.
 */
export function toProbabilities(
  scores: Float64Array,
  visible: number,
  {
    scale,
    power,
    logWeights,
  }: { readonly scale: number; readonly power?: number; readonly logWeights?: Floats },
): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let j = 0; j < visible; j++) {
    scores[j] = power === undefined ? scores[j] * scale : power * Math.log(Math.abs(scores[j]));
    if (logWeights) scores[j] += logWeights[j];
    if (scores[j] > largest) largest = scores[j];
  }
  let total = 0;
  for (let j = 0; j < visible; j++) {
    scores[j] = largest > Number.NEGATIVE_INFINITY ? Math.exp(scores[j] - largest) : 0;
    total += scores[j];
  }
  for (let j = 0; j < visible && total > 0; j++) scores[j] /= total;
  return largest + Math.log(total);
}

/** [n]: the attention probabilities of key j, summed over the last `window` queries of each query head. O(n d) a query. */
function* attentionMass(keys: KeyMatrix, context: SelectorContext, window: number): Steps<Float64Array> {
  const { queries = [], causal, limits, added, scale, power } = context;
  const { n, d } = keys;
  const k = new Float64Array(keys.rows(0, n));
  const mass = new Float64Array(n);
  const scores = new Float64Array(n);
  const offsets = added && new Float64Array(n);
  let work = 0;
  for (const [head, query] of queries.entries()) {
    const m = query.n;
    const first = Math.max(0, m - window);
    const q = new Float64Array(query.rows(first, m));
    for (let i = first; i < m; i++) {
      const visible = causal ? (limits?.[i] ?? i + n - m + 1) : n;
      dotProducts(q, i - first, k, visible, d, scores);
      if (added && offsets) for (let j = 0; j < visible; j++) offsets[j] = added(head, i, j);
      toProbabilities(scores, visible, { scale, power, logWeights: offsets });
      for (let j = 0; j < visible; j++) mass[j] += scores[j];
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
