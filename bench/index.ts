/** Sets up the peers, asks the questions and writes down the answers: `npm run bench -- [--quick] [--json] [question[/part] ...]`. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { attention } from './attention.js';
import { machine, machineText } from './machine.js';
import { memory } from './memory.js';
import { type Setting, setUpPeers } from './peers/setup.js';
import { type Answer, answerText, differences, targetsText } from './results.js';
import { stream } from './stream.js';
import { universalSet } from './universal-set.js';

const questions = new Map<string, (setting: Setting) => Promise<Answer>>([
  ['universal-set', universalSet],
  ['stream', stream],
  ['attention', attention],
  ['memory', memory],
]);

const args = process.argv.slice(2);
/** question/part: the tables of the question whose title contains the part. */
const parts = args
  .filter((arg) => !arg.startsWith('--'))
  .map((arg) => {
    const [question, ...part] = arg.split('/');
    return { question, part: part.join('/').toLowerCase() };
  });
const flags = new Set(args.filter((arg) => arg.startsWith('--')));
const unknown =
  parts.find(({ question }) => !questions.has(question))?.question ??
  [...flags].find((flag) => !['--quick', '--json'].includes(flag));
if (unknown !== undefined) {
  console.error(
    `bench: unknown argument '${unknown}'; known: --quick, --json, ${[...questions.keys()].join(', ')}, and a question with a part of its tables' titles, as in universal-set/gauss`,
  );
  process.exit(2);
}
const quick = flags.has('--quick');
const asked = (name: string) =>
  parts.length === 0 ? [''] : parts.filter(({ question }) => question === name).map(({ part }) => part);

const started = performance.now();
const say = (text: string) =>
  console.error(`[${((performance.now() - started) / 1000).toFixed(0)} s] ${text}`);
const folder = mkdtempSync(join(tmpdir(), 'levattention-bench-'));
const answers: Answer[] = [];
const setting = { ...setUpPeers(), quick, folder, say };
const about = await machine(
  setting,
  ['npm run bench', ...(args.length > 0 ? ['--', ...args] : [])].join(' '),
);
try {
  for (const [name, ask] of questions) {
    const wanted = asked(name);
    const askedFor = (title: string) => wanted.some((part) => title.toLowerCase().includes(part));
    if (wanted.length > 0) answers.push(await ask({ ...setting, asked: askedFor }));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

const wrong = differences(answers);
const targets = answers.flatMap((answer) => answer.targets);
const text = `# Results

${machineText(about)}

Each time is the median of several runs in milliseconds, with the least one in brackets; \`ratio\` is the median over that of the
table's first row, and a target's ratio the one of the two rows that it names. All contestants of a table run in turns, in one process run of \`npm run bench\`, on the same bytes; \`agreement\`
compares what they computed with what levattention computed. Treat differences under 1.4x as noise.

## Targets

${targets.length > 0 ? targetsText(targets) : 'Not measured in this run.'}

${answers.map(answerText).join('\n\n')}
`;
if (flags.has('--json')) console.log(JSON.stringify({ machine: about, targets, answers, wrong }, null, 2));
else console.log(text);
if (!quick && parts.length === 0) {
  const complete = setting.packages === undefined && 'python' in setting.python;
  if (complete) writeFileSync(fileURLToPath(new URL('RESULTS.md', import.meta.url)), text);
  say(complete ? 'written to bench/RESULTS.md' : 'bench/RESULTS.md stays as it is: a peer is absent');
}
for (const line of wrong) console.error(`bench: not the same result: ${line}`);
process.exitCode = wrong.length > 0 ? 1 : 0;
