/** What do two passes on Apache Spark take of a core, beside the same set in a single process, and beside the cost model? */
import { spawn } from 'node:child_process';
import { appendFileSync, chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { jobCost } from '../src/cluster/cost.js';
import { writeNpy } from '../src/io/index.js';
import { Cluster } from '../test/spark/cluster.js';
import { javaAbsent } from '../test/spark/java.mjs';
import { draw } from './inputs.js';
import { type Contestant, race, timed } from './measure.js';
import type { Setting } from './peers/setup.js';
import { type Answer, rowsOf, type Table } from './results.js';

const [d, epsilon] = [128, 0.01];
/** Rows of a case, and of a partition. */
const cases = [
  { n: 400_000, partition: 50_000 },
  { n: 1_600_000, partition: 50_000 },
];
const quickCases = [{ n: 50_000, partition: 10_000 }];

const cli = fileURLToPath(new URL('../dist/cli.js', import.meta.url));

export async function spark(setting: Setting): Promise<Answer> {
  const about = `\`levattention spark\` in two passes on a standalone cluster of two executors with a core each, and \`find --exact\` in one process, of the same .npy of heavy-tailed (t3) float32 keys with ${d} columns, epsilon ${epsilon}. \`CPU\` is that of all Node processes together, \`time\` what passes on the clock, with Spark's start.`;
  const question = 'Keys in many files, on Apache Spark';
  const absent = javaAbsent();
  if (absent !== undefined)
    return { question, about, tables: [{ title: 'two passes', unit: 'ms', rows: [], absent }], targets: [] };
  const cluster = await Cluster.start();
  const tables: Table[] = [];
  try {
    for (const example of setting.quick ? quickCases : cases) {
      const title = `two passes over ${example.n.toLocaleString('en')} x ${d}`;
      if (!setting.asked(title)) continue;
      setting.say(title);
      tables.push(await tableOf(title, example, cluster, setting));
    }
  } finally {
    await cluster.close();
  }
  return { question, about, tables, targets: [] };
}

async function tableOf(
  title: string,
  { n, partition }: (typeof cases)[number],
  cluster: Cluster,
  { folder: place, quick }: Setting,
): Promise<Table> {
  const folder = mkdtempSync(join(place, 'spark-'));
  const input = join(folder, 'keys.npy');
  writeFileSync(input, writeNpy({ data: draw('t3', n, d, n), shape: [n, d] }));
  const measured = measuringNode(folder);
  const output = join(folder, 'keys.jsonl');
  const single = ['find', input, '--epsilon', `${epsilon}`, '--exact', '--json'];
  const job = [
    ...['spark', ...cluster.options, '--input', input, '--rows', `${partition}`, '--epsilon', `${epsilon}`],
    ...['-o', output, '--node', measured.program],
  ];
  const contestants: Contestant<number[]>[] = [
    contestant('levattention find --exact', 1, async () => {
      const text = await run(measured.program, [cli, ...single], {});
      return () => JSON.parse(text).indices;
    }),
    contestant('levattention spark', 2, async () => {
      await run(process.execPath, [cli, ...job], cluster.environment);
      return () =>
        readFileSync(output, 'utf8')
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line).row);
    }),
  ];
  const timings = await race(contestants, { seconds: quick ? 1 : 60, rounds: 3, warmUp: false });
  const expected = timings[0].result?.join();
  const rows = rowsOf(contestants, timings, ({ result }, i) => {
    if (i === 0 || !result) return undefined;
    const same = result.join() === expected;
    return { same, text: `${same ? 'same' : 'other'} ${result.length} keys; model: ${model(n, partition)}` };
  });
  return { title, unit: 'ms', rows };

  function contestant(
    name: string,
    threads: number,
    work: () => Promise<() => number[]>,
  ): Contestant<number[]> {
    const once = async () => {
      measured.clear();
      const { milliseconds, value } = await timed(work);
      return { laps: { time: milliseconds, CPU: measured.milliseconds() }, result: value };
    };
    return { name, threads, prepare: async () => ({ run: once }) };
  }
}

function model(rows: number, partitionRows: number): string {
  const size = { rows, d, partitionRows, epsilon, executors: 2, cores: 1, skipped: 0 };
  const { cpuSeconds, seconds } = jobCost({ ...size, format: 'npy', readRate: 1e9 });
  return `CPU ${Math.round(1000 * cpuSeconds)}, time ${Math.round(1000 * seconds)}`;
}

/** A Node that writes down, as it ends, how long its processor worked. */
function measuringNode(folder: string) {
  const [log, hook, program] = ['cpu.txt', 'cpu.mjs', 'node'].map((name) => join(folder, name));
  writeFileSync(
    hook,
    `import { appendFileSync } from 'node:fs';
process.on('exit', () => {
  const { user, system } = process.cpuUsage();
  appendFileSync(${JSON.stringify(log)}, (user + system) / 1000 + '\\n');
});
`,
  );
  writeFileSync(program, `#!/bin/sh\nexec "${process.execPath}" --import "${hook}" "$@"\n`);
  chmodSync(program, 0o755);
  appendFileSync(log, '');
  return {
    program,
    clear: () => writeFileSync(log, ''),
    milliseconds: () =>
      readFileSync(log, 'utf8')
        .split('\n')
        .reduce((sum, line) => sum + Number(line), 0),
  };
}

/** Runs a program that must succeed; what it printed. */
function run(program: string, args: readonly string[], environment: Record<string, string>): Promise<string> {
  const child = spawn(program, args, { env: { ...process.env, ...environment } });
  let [printed, complaint] = ['', ''];
  child.stdout.on('data', (data) => (printed += data));
  child.stderr.on('data', (data) => (complaint += data));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve(printed) : reject(new Error(complaint.trim()))));
  });
}
