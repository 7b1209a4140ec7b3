/** Light keys as weighted clusters: their centres stand for them, and the keys that no centre is near to are kept as they are. */
import { groupBy } from './cluster-keys.js';
import { type ClustersOptions, plansOf } from './cluster-plans.js';
import { HeadFacts } from './head-facts.js';
import { errorOf, exactOutputs, sampleQueries } from './query-sample.js';
import { type Grouping, storedPairs } from './stored-pairs.js';
import type { Tail, TailHead } from './tail.js';

/** With fewer queries there is no telling from one half of them what the other half does. */
const FEWEST_QUERIES = 16;

/** Whether pairs may be chosen by queries: under a causal mask they see different keys, and would pass on what comes after some of them. */
function mayLookAtQueries({ q, m, d, causal }: TailHead): boolean {
  return (!causal || m === 1) && q.length / d >= FEWEST_QUERIES;
}

/** Clusters in place of the light keys. Where there are several plans, they are made by one half of the queries and judged by the other. */
export function clusters(options: ClustersOptions = {}, name = 'clusters'): Tail {
  return {
    name,
    single: false,
    *group(head, count) {
      const plans = plansOf(options, head.causal, mayLookAtQueries(head));
      if (plans.length === 1)
        return yield* groupBy(plans[0], new HeadFacts(head, sampleQueries(head)), count);
      const facts = new HeadFacts(head, sampleQueries(head, 'even'));
      const judges = sampleQueries(head, 'odd');
      const exact = exactOutputs(judges, head);
      let best: Grouping | undefined;
      let least = Number.POSITIVE_INFINITY;
      for (const plan of plans) {
        const grouping = yield* groupBy(plan, facts, count);
        const error = errorOf(judges, head, storedPairs(head.k, head.v, grouping, head.logWeights), exact);
        if (best && !(error < least)) continue;
        best = grouping;
        least = error;
      }
      return best!;
    },
  };
}
