/** What a run found, as data and as Markdown tables that are aligned for the terminal too. */
import { type Contestant, median, type Timing } from './measure.js';

/** One figure: milliseconds of several runs, or a peak of memory. */
export interface Figure {
  readonly median: number;
  readonly min: number;
  readonly runs: number;
  /** The median over that of the first row of the table that has one. */
  readonly ratio: number;
}

/** Whether a contestant computed the same thing as the first row, and how close it came. */
export interface Check {
  readonly same: boolean;
  readonly text: string;
}

/** A contestant's row. */
export interface Row {
  readonly contestant: string;
  readonly threads: number;
  readonly form?: string;
  /** Why there are no figures. */
  readonly absent?: string;
  /** By what was measured. */
  readonly figures: Readonly<Record<string, Figure>>;
  readonly check?: Check;
}

/** One case; its first row is what the others are compared with. */
export interface Table {
  readonly title: string;
  readonly unit: 'ms' | 'MiB';
  readonly rows: readonly Row[];
  /** Why there are no rows. */
  readonly absent?: string;
}

/** A row of a table, by its name and threads. */
export interface Side {
  readonly contestant: string;
  readonly threads: number;
}

/** A ratio of two rows of one table: of their medians, and of their least times, which is what is left when the machine disturbs nobody. */
export interface Ratio {
  readonly medians: number;
  readonly least: number;
}

/** A ratio that must be reached, or must not be exceeded. */
export interface Target {
  readonly text: string;
  readonly bound: 'at least' | 'at most';
  readonly wanted: number;
  /** Judged by its medians; undefined where it was not measured. */
  readonly ratio?: Ratio;
}

/** The answer to a question. */
export interface Answer {
  readonly question: string;
  readonly about: string;
  readonly tables: readonly Table[];
  readonly targets: readonly Target[];
}

/** The rows of a race; `check` compares a result with one that is known to be right, if there is another. */
export function rowsOf<Result>(
  contestants: readonly Contestant<Result>[],
  timings: readonly Timing<Result>[],
  check: (timing: Timing<Result>, index: number) => Check | undefined,
): Row[] {
  const namesOf = ({ laps, absent }: Timing<Result>) =>
    absent === undefined && laps.length > 0 ? Object.keys(laps[0]) : [];
  const timesOf = ({ laps }: Timing<Result>, name: string) => laps.map((lap) => lap[name]);
  const firstOf = (name: string) => timings.find((timing) => namesOf(timing).includes(name)) ?? timings[0];
  const figure = (timing: Timing<Result>, name: string): Figure => {
    const times = timesOf(timing, name);
    const middle = median(times);
    return {
      median: middle,
      min: Math.min(...times),
      runs: times.length,
      ratio: middle / median(timesOf(firstOf(name), name)),
    };
  };
  return contestants.map((contestant, i) => ({
    contestant: contestant.name,
    threads: contestant.threads,
    form: timings[i].form,
    absent: timings[i].absent,
    figures: Object.fromEntries(namesOf(timings[i]).map((name) => [name, figure(timings[i], name)])),
    check: check(timings[i], i),
  }));
}

/** How many times as long the slower row takes; undefined where a row is absent. */
export function ratioOf({ rows }: Table, name: string, slower: Side, faster: Side): Ratio | undefined {
  const figure = ({ contestant, threads }: Side) =>
    rows.find((row) => row.contestant === contestant && row.threads === threads)?.figures[name];
  const [above, below] = [figure(slower), figure(faster)];
  return above && below && { medians: above.median / below.median, least: above.min / below.min };
}

/** The rows that did not compute the same thing as the first. */
export function differences(answers: readonly Answer[]): string[] {
  const rows = answers.flatMap(({ tables }) =>
    tables.flatMap(({ title, rows }) => rows.map((row) => ({ title, row }))),
  );
  return rows
    .filter(({ row }) => row.check?.same === false)
    .map(({ title, row }) => `${title}: ${row.contestant} ${row.check?.text}`);
}

/** An answer as Markdown, with where it comes from. */
export function answerText({ question, about, tables }: Answer, source: string): string {
  return [
    `## ${question}`,
    about,
    source,
    ...tables.map((table) => `### ${table.title}\n\n${tableText(table)}`),
  ].join('\n\n');
}

/** Targets as Markdown. */
export function targetsText(targets: readonly Target[]): string {
  const cells = targets.map(({ text, bound, wanted, ratio }) => [
    text,
    `${bound} ${wanted}x`,
    ratio ? `${ratio.medians.toFixed(2)}x` : '',
    ratio ? `${ratio.least.toFixed(2)}x` : '',
    !ratio ? 'not measured' : reached(bound, wanted, ratio.medians) ? 'met' : 'not met',
  ]);
  return gridText(['target', 'wanted', 'medians', 'least times', ''], cells);
}

function reached(bound: Target['bound'], wanted: number, ratio: number): boolean {
  return bound === 'at least' ? ratio >= wanted : ratio <= wanted;
}

function tableText({ rows, unit, absent }: Table): string {
  if (absent !== undefined) return `Skipped: ${absent}.`;
  const names = [...new Set(rows.flatMap(({ figures }) => Object.keys(figures)))];
  const head = [
    '',
    'threads',
    ...names.flatMap((name) => [`${name}, ${unit}`, 'ratio']),
    ...(unit === 'ms' ? ['runs'] : []),
    'agreement',
  ];
  const cells = rows.map((row) => {
    const figures = names.flatMap((name) => {
      const figure = row.figures[name];
      if (!figure) return ['', ''];
      const least = figure.runs > 1 ? ` (${short(figure.min)})` : '';
      return [`${short(figure.median)}${least}`, figure.ratio.toFixed(2)];
    });
    return [
      row.form ? `${row.contestant}: ${row.form}` : row.contestant,
      String(row.threads),
      ...figures,
      ...(unit === 'ms' ? [String(Object.values(row.figures)[0]?.runs ?? '')] : []),
      row.absent ?? row.check?.text ?? '',
    ];
  });
  return gridText(head, cells);
}

/** Three digits, or as many as it takes. */
function short(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value.toFixed(value >= 10 ? 1 : 2);
}

/** A Markdown table with columns of one width; numbers to the right. */
export function gridText(head: readonly string[], cells: readonly (readonly string[])[]): string {
  const widths = head.map((title, c) => Math.max(3, title.length, ...cells.map((row) => row[c].length)));
  const numeric = head.map((_, c) => cells.every((row) => /^([\d.,]+x?( \([\d.]+\))?)?$/.test(row[c])));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, c) => (numeric[c] ? cell.padStart(widths[c]) : cell.padEnd(widths[c]))).join(' | ')} |`;
  const rule = `| ${widths.map((width, c) => (numeric[c] ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width))).join(' | ')} |`;
  return [line(head), rule, ...cells.map(line)].join('\n');
}
