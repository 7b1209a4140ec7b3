/** What is known of a head before it is grouped, made when first asked for and then shared by all plans. */
import type { Steps } from '../../steps.js';
import type { Plan } from './cluster-plans.js';
import { type Points, pointsOf } from './metric.js';
import { massOf } from './query-mass.js';
import type { QuerySample } from './query-sample.js';
import { pointsHead } from './sides.js';
import type { TailHead } from './tail.js';

/** A head with its keys as points. */
export interface Facts {
  readonly head: TailHead;
  /** The keys as a plan measures their distances. */
  pointsOf(plan: Pick<Plan, 'metric' | 'values'>): Points;
}

/** A head with the queries that pairs are made by. */
export class HeadFacts implements Facts {
  private mass?: Float64Array;
  private readonly points = new Map<string, Points>();

  constructor(
    readonly head: TailHead,
    private readonly sample: QuerySample,
  ) {}

  /** [n]: what the queries attend to. */
  *massOf(): Steps<Float64Array> {
    this.mass ??= yield* massOf(this.sample, this.head);
    return this.mass;
  }

  pointsOf({ metric, values }: Pick<Plan, 'metric' | 'values'>): Points {
    const name = `${metric} ${values}`;
    let found = this.points.get(name);
    if (!found) {
      found = pointsOf(pointsHead(this.head), values, metric === 'queries' ? this.sample : undefined);
      this.points.set(name, found);
    }
    return found;
  }
}
