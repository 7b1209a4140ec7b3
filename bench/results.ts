/** What a run found, as data and as Markdown tables that are aligned for the terminal too. */
import { type Contestant, median, type Timing } from './measure.js';

/** One figure: milliseconds of several runs, or a peak of memory. */
export interface Figure {
  readonly median: number;
  readonly min: number;
  readonly runs: number;
  /** The median over that of the table's first row. */
  readonly ratio: number;
  /** The same of the least ones: what is left when the machine disturbs nobody. */
  readonly leastRatio: number;
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
}

/** A ratio that must be reached. */
export interface Target {
  readonly text: string;
  readonly wanted: number;
  /** What it is judged by; undefined where it was not measured. */
  readonly figure?: Figure;
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
  const first = timings[0];
  const medianOf = ({ laps }: Timing<Result>, name: string) => median(laps.map((lap) => lap[name]));
  const leastOf = ({ laps }: Timing<Result>, name: string) => Math.min(...laps.map((lap) => lap[name]));
  return contestants.map((contestant, i) => {
    const { form, laps, absent } = timings[i];
    const names = absent === undefined && laps.length > 0 ? Object.keys(laps[0]) : [];
    const figure = (name: string): Figure => ({
      median: medianOf(timings[i], name),
      min: leastOf(timings[i], name),
      runs: laps.length,
      ratio: medianOf(timings[i], name) / medianOf(first, name),
      leastRatio: leastOf(timings[i], name) / leastOf(first, name),
    });
    return {
      contestant: contestant.name,
      threads: contestant.threads,
      form,
      absent,
      figures: Object.fromEntries(names.map((name) => [name, figure(name)])),
      check: check(timings[i], i),
    };
  });
}

/** The figure that a target needs; undefined where the row is absent. */
export function figureOf(
  rows: readonly Row[],
  name: string,
  contestant: string,
  threads: number,
): Figure | undefined {
  return rows.find((row) => row.contestant === contestant && row.threads === threads)?.figures[name];
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

/** An answer as Markdown. */
export function answerText({ question, about, tables }: Answer): string {
  return [
    `## ${question}`,
    about,
    ...tables.map((table) => `### ${table.title}\n\n${tableText(table)}`),
  ].join('\n\n');
}

/** Targets as Markdown. */
export function targetsText(targets: readonly Target[]): string {
  const cells = targets.map(({ text, wanted, figure }) => [
    text,
    `${wanted}x`,
    figure ? `${figure.ratio.toFixed(2)}x` : '',
    figure ? `${figure.leastRatio.toFixed(2)}x` : '',
    !figure ? 'not measured' : figure.ratio >= wanted ? 'met' : 'not met',
  ]);
  return gridText(['target', 'at least', 'medians', 'least times', ''], cells);
}

function tableText({ rows, unit }: Table): string {
  const names = Object.keys(rows[0].figures);
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
      ...(unit === 'ms' ? [String(row.figures[names[0]]?.runs ?? '')] : []),
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
  const numeric = head.map((_, c) => cells.every((row) => /^([\d.]+x?( \([\d.]+\))?)?$/.test(row[c])));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, c) => (numeric[c] ? cell.padStart(widths[c]) : cell.padEnd(widths[c]))).join(' | ')} |`;
  const rule = `| ${widths.map((width, c) => (numeric[c] ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width))).join(' | ')} |`;
  return [line(head), rule, ...cells.map(line)].join('\n');
}
