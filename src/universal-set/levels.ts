/** The levels of a sketch: one for |x|^p with even p, and one for each round of peeling of every other f (docs/algorithms.md, section 6). */
import type { WeightFunction } from '../weights/weight.js';
import { IndexedRows } from './indexed-rows.js';
import { type PeelingPlan, peelingPlan } from './peeling.js';
import { shapeOf } from './shape.js';
import { Summary } from './summary.js';
import { tensorDimension } from './tensor-power.js';

/** The largest dimension of symmetric tensors that a sketch takes. */
const MOST_COLUMNS = 4096;
/** The most rounds of peeling. */
const MOST_LEVELS = 4096;

/** A cascade: what one level drops goes to the next. */
export interface Levels {
  /** Of the tensors whose leverage scores count. */
  readonly order: number;
  /** The rounds, unless one level does. */
  readonly plan?: PeelingPlan;
  readonly list: readonly Summary[];
}

/** Levels that hold nothing yet. */
export function emptyLevels(d: number, epsilon: number, f: WeightFunction, centre: boolean): Levels {
  const degree = 2 * Math.max(1, Math.ceil(f.growth / 2));
  const order = degree / 2;
  // |x|^p with even p is bounded by its tensors; every other f is peeled.
  const plan = f.power === degree ? undefined : peelingPlan(epsilon, { ...f, growth: degree });
  const { rounds, threshold } = plan ?? { rounds: 1, threshold: () => epsilon };
  const width = tensorDimension(d + Number(centre), order);
  if (width > MOST_COLUMNS)
    throw new RangeError(
      `UniversalSetSketch: at most ${MOST_COLUMNS} columns are taken, got ${width}${order > 1 ? `, those of the tensors of ${f.name}` : ''}`,
    );
  if (rounds > MOST_LEVELS)
    throw new RangeError(
      `UniversalSetSketch: epsilon must be at least 1/${MOST_LEVELS} for f = ${f.name}, got ${epsilon}`,
    );
  const shape = shapeOf(d, centre, order);
  return { order, plan, list: chain(rounds, (round, next) => new Summary(shape, threshold(round), next)) };
}

/** Copies of levels, which can be finished while these go on. */
export function clonesOf({ list }: Levels): Summary[] {
  return chain(list.length, (round, next) => list[round].clone(next));
}

function chain(count: number, make: (round: number, next?: Summary) => Summary): Summary[] {
  const levels: Summary[] = [];
  for (let round = count - 1; round >= 0; round--) levels.unshift(make(round, levels[0]));
  return levels;
}

/** The rows that a level holds, and those of its open block. */
export function allRows({ held, open, shape }: Summary): IndexedRows {
  const all = new IndexedRows(shape.d);
  all.append(held.data, held.indices);
  all.append(open.data, open.indices);
  return all;
}
