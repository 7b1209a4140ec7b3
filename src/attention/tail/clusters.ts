/** Light keys as weighted clusters: their centres stand for them, and the keys that no centre is near to are kept as they are. */
import type { Steps } from '../../steps.js';
import { groupBy, namedKeys } from './cluster-keys.js';
import { type ClustersOptions, type Plan, plansOf } from './cluster-plans.js';
import { fewKeys } from './few-keys.js';
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

/** The grouping of one of several plans: made by one half of the queries and judged by the other half, on fewer keys where there are many. */
function* bestOf(plans: readonly Plan[], head: TailHead, count: number): Steps<Grouping> {
  const facts = new HeadFacts(head, sampleQueries(head, 'even'));
  const named: (readonly number[])[] = [];
  for (const plan of plans) named.push(yield* namedKeys(facts, plan, count));
  const few = fewKeys(facts, named, count);
  const tried = few ?? { facts, named };
  const { head: seen } = tried.facts;
  const judges = sampleQueries(seen, 'odd');
  const exact = exactOutputs(judges, seen);
  let best: { readonly plan: number; readonly grouping: Grouping } | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const plan of plans.keys()) {
    const grouping = yield* groupBy(plans[plan], tried.facts, count, tried.named[plan]);
    const error = errorOf(judges, seen, storedPairs(seen.k, seen.v, grouping, seen.logWeights), exact);
    if (best && !(error < least)) continue;
    best = { plan, grouping };
    least = error;
  }
  const { plan, grouping } = best!;
  return few ? yield* groupBy(plans[plan], facts, count, named[plan]) : grouping;
}

/** Clusters in place of the light keys. Where there are several plans, they are made by one half of the queries and judged by the other. */
export function clusters(options: ClustersOptions = {}, name = 'clusters'): Tail {
  return {
    name,
    single: false,
    *group(head, count) {
      const plans = plansOf(options, head.causal, mayLookAtQueries(head));
      if (plans.length > 1) return yield* bestOf(plans, head, count);
      const facts = new HeadFacts(head, sampleQueries(head));
      return yield* groupBy(plans[0], facts, count, yield* namedKeys(facts, plans[0], count));
    },
  };
}
