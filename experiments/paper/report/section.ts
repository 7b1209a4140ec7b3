/** What a report is made of: sections with tables, plots and claims, each claim judged by code from the results. */
import { gridText } from '../../../bench/results.js';
import type { Kept, Place } from '../place.js';
import type { Run } from '../run.js';
import type { Estimate } from './statistics.js';

/** Whether what the paper says held here. */
export interface Claim {
  readonly claim: string;
  /** Absent while results are missing, or do not tell. */
  readonly holds?: boolean | undefined;
  readonly evidence: string;
}

/** Cells as text or as numbers; numbers are accuracies and the like, written by the column. */
export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A picture beside the text. */
export interface Plot {
  /** In the name of its file. */
  readonly name: string;
  readonly description: string;
  readonly svg: string;
}

/** One experiment. */
export interface Section {
  readonly name: string;
  readonly title: string;
  readonly text: string;
  readonly tables: readonly Table[];
  readonly claims: readonly Claim[];
  readonly plots: readonly Plot[];
}

/** The results that are there, by the names of their runs. */
export class Results {
  readonly #runs: ReadonlyMap<string, Run>;

  constructor(
    runs: readonly Run[],
    readonly place: Place,
  ) {
    this.#runs = new Map(runs.map((run) => [run.name, run]));
  }

  /** All runs whose names begin so. */
  named(part: string): Run[] {
    return [...this.#runs.values()].filter(({ name }) => name.startsWith(part));
  }

  get<Result>(name: string): Kept<Result> | undefined {
    const run = this.#runs.get(name);
    return run && this.place.result<Result>(run);
  }

  /** Those of several runs that are there. */
  all<Result>(names: readonly string[]): Result[] {
    return names.map((name) => this.get<Result>(name)?.result).filter((each) => each !== undefined);
  }
}

/** `86.21 %`, `86.21 ± 0.12 %`. */
export function accuracyText({ mean, error }: Estimate): string {
  return `${(100 * mean).toFixed(2)}${error === undefined ? '' : ` ± ${(100 * error).toFixed(2)}`} %`;
}

/** `+1.21`, `-0.30 ± 0.12`: a difference of accuracies in points. */
export function pointsText({ mean, error }: Estimate): string {
  const sign = mean < 0 ? '-' : '+';
  return `${sign}${(100 * Math.abs(mean)).toFixed(2)}${error === undefined ? '' : ` ± ${(100 * error).toFixed(2)}`}`;
}

/** `3`, `1 of 3`. */
export const countText = (found: number, wanted: number): string =>
  found < wanted ? `${found} of ${wanted}` : String(found);

/** `93 %`. */
export const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

/** `93.1 %`. */
export const tenths = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Markdown of a section. */
export function sectionText({ title, text, tables, claims, plots }: Section, prefix: string): string {
  return [
    `## ${title}`,
    text,
    ...claims.map(claimText),
    ...tables
      .filter(({ rows }) => rows.length > 0)
      .map((table) => `${table.title}\n\n${gridText(table.head, table.rows)}`),
    ...plots.map(({ name, description }) => `![${description}](${prefix}${name}.svg)`),
  ].join('\n\n');
}

/** `Held here.`, `Did not hold here.`, or that it is open. */
export function claimText({ claim, holds, evidence }: Claim): string {
  const verdict = holds === undefined ? 'Open' : holds ? 'Held here' : 'Did not hold here';
  return `**${claim}** ${verdict}: ${evidence}`;
}
