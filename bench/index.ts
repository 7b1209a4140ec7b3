/** Sets up the peers, asks the questions and writes down the answers: `npm run bench -- [--quick] [--json] [question[/part] ...]`. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attention } from './attention.js';
import { machine } from './machine.js';
import { memory } from './memory.js';
import { type Setting, setUpPeers } from './peers/setup.js';
import { keepRecords, type QuestionRecord, recordsText } from './records.js';
import { type Answer, differences } from './results.js';
import { spark } from './spark.js';
import { stream } from './stream.js';
import { training } from './training.js';
import { universalSet } from './universal-set.js';

const questions = new Map<string, (setting: Setting) => Promise<Answer>>([
  ['universal-set', universalSet],
  ['stream', stream],
  ['attention', attention],
  ['memory', memory],
  ['training', training],
  ['spark', spark],
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
const records: QuestionRecord[] = [];
const setting = { ...setUpPeers(), quick, folder, say };
const about = await machine(
  setting,
  ['npm run bench', ...(args.length > 0 ? ['--', ...args] : [])].join(' '),
);
const isWhole = (name: string) => asked(name).includes('');
try {
  for (const [name, ask] of questions) {
    const wanted = asked(name);
    const askedFor = (title: string) => wanted.some((part) => title.toLowerCase().includes(part));
    if (wanted.length > 0)
      records.push({ name, machine: about, answer: await ask({ ...setting, asked: askedFor }) });
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

const wrong = differences(records.map(({ answer }) => answer));
if (flags.has('--json')) console.log(JSON.stringify({ records, wrong }, null, 2));
else console.log(recordsText(records));
const whole = quick ? [] : records.filter(({ name }) => isWhole(name));
if (whole.length > 0) {
  const complete = setting.packages === undefined && 'python' in setting.python;
  if (complete) keepRecords(whole, [...questions.keys()]);
  say(complete ? 'written to bench/RESULTS.md' : 'bench/RESULTS.md stays as it is: a peer is absent');
}
for (const line of wrong) console.error(`bench: not the same result: ${line}`);
process.exitCode = wrong.length > 0 ? 1 : 0;
