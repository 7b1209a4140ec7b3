/** What whole questions found, one file each in `records/`, and RESULTS.md, which shows the latest of all. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Machine, machineText } from './machine.js';
import { type Answer, answerText, targetsText } from './results.js';

/** The answer to a question, and where it comes from. */
export interface QuestionRecord {
  readonly name: string;
  readonly machine: Machine;
  readonly answer: Answer;
}

const fileOf = (name: string) => new URL(`records/${name}.json`, import.meta.url);

/** Replaces the records of these questions, and writes RESULTS.md from those of all, in the order of `names`. */
export function keepRecords(records: readonly QuestionRecord[], names: readonly string[]): void {
  for (const record of records) writeFileSync(fileOf(record.name), `${JSON.stringify(record, briefly, 1)}\n`);
  const kept = names.filter((name) => existsSync(fileOf(name)));
  const all = kept.map((name): QuestionRecord => JSON.parse(readFileSync(fileOf(name), 'utf8')));
  writeFileSync(fileURLToPath(new URL('RESULTS.md', import.meta.url)), recordsText(all));
}

/** Five digits of a time are more than a machine repeats. */
function briefly(_: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(5)) : value;
}

/** Records as Markdown. */
export function recordsText(records: readonly QuestionRecord[]): string {
  const targets = records.flatMap(({ answer }) => answer.targets);
  return `# Results

Each time is the median of several runs in milliseconds, with the least one in brackets; \`ratio\` is the median over that of the
table's first row, and a target's ratio the one of the two rows that it names. All contestants of a table run in turns, in one process run of \`npm run bench\`, on the same bytes; \`agreement\`
compares what they computed with what levattention computed. Treat differences under 1.4x as noise.

## Targets

${targets.length > 0 ? targetsText(targets) : 'Not measured in this run.'}

${records.map(({ machine, answer }) => answerText(answer, machineText(machine))).join('\n\n')}
`;
}
