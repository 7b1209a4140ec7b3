/** What the experiments are made of: runs, each with a name, all that its result depends on, and work that can be stopped and goes on. */
import { createHash } from 'node:crypto';
import type { Artefact } from './artefact.js';
import type { Place } from './place.js';

/** How far a run is. */
export interface Report {
  readonly done: number;
  readonly total: number;
  readonly note?: string;
}

/** What is computed by one process at a time and kept as one file. */
export interface Run {
  /** Of its files. */
  readonly name: string;
  /** All that the result depends on: a result of another configuration is not this run's. */
  readonly config: object;
  /** What it reads of training runs. */
  readonly reads: readonly Artefact[];
  /** What it leaves beside its result, for others to read. */
  readonly leaves?: readonly Artefact[];
  /** Seconds on one core, roughly: the time left is told by it. */
  readonly seconds: number;
  /**
   * Gives the result, as JSON holds it. Whatever takes long is kept in `place` as it goes, so that a process which was killed loses
   * little; the result must be the same whether or not one was.
   */
  work(place: Place): Promise<object>;
}

/** Runs that answer one question, and the text that says what they answered. */
export interface Experiment {
  /** As it is selected on the command line; the names of its runs begin with it. */
  readonly name: string;
  readonly runs: readonly Run[];
}

/** Eight digits that tell configurations apart. */
export function hashOf(config: object): string {
  return createHash('sha256').update(JSON.stringify(config)).digest('hex').slice(0, 8);
}
