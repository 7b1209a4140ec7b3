/** What do two passes on Apache Spark take of a core, beside the same set in a single process, and beside the cost model? */
import { spawn } from 'node:child_process';
import { appendFileSync, chmodSync, copyFileSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { jobCost } from '../src/cluster/cost.js';
import { writeNpy } from '../src/io/index.js';
import { Cluster } from '../test/spark/cluster.js';
import { javaAbsent } from '../test/spark/java.mjs';
import { draw } from './inputs.js';
import { type Contestant, race, timed } from './measure.js';
import type { Setting } from './peers/setup.js';
import { type Answer, rowsOf, type Table } from './results.js';

const d = 128;
/** Keys in a single .npy, or in Parquet files that each hold one partition, all of them copies of one: so some hundred million numbers are written in seconds. */
interface Case {
  readonly format: 'npy' | 'parquet';
  readonly n: number;
  /** Rows of a partition. */
  readonly partition: number;
}
const cases: readonly Case[] = [
  { format: 'npy', n: 400_000, partition: 50_000 },
  { format: 'npy', n: 1_600_000, partition: 50_000 },
  { format: 'parquet', n: 800_000, partition: 50_000 },
  { format: 'parquet', n: 3_200_000, partition: 50_000 },
];
const quickCases: readonly Case[] = [
  { format: 'npy', n: 50_000, partition: 10_000 },
  { format: 'parquet', n: 20_000, partition: 5000 },
];

const cli = fileURLToPath(new URL('../dist/cli.js', import.meta.url));

export async function spark(setting: Setting): Promise<Answer> {
  const about = `\`levattention spark\` in two passes on a standalone cluster of two executors with a core each, and \`find --exact\` in one process, of the same heavy-tailed (t3) float32 keys with ${d} columns: of a single .npy, or of Parquet files (lists, snappy) that are copies of one, which is all that \`find\` reads. \`CPU\` is that of all Node processes together, \`time\` what passes on the clock, with Spark's start.`;
  const question = 'Keys in many files, on Apache Spark';
  const absent = javaAbsent();
  if (absent !== undefined)
    return { question, about, tables: [{ title: 'two passes', unit: 'ms', rows: [], absent }], targets: [] };
  const cluster = await Cluster.start();
  const tables: Table[] = [];
  try {
    for (const example of setting.quick ? quickCases : cases) {
      const title = `two passes over ${example.n.toLocaleString('en')} x ${d}, ${example.format === 'npy' ? '.npy' : 'Parquet'}`;
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
  example: Case,
  cluster: Cluster,
  { folder: place, quick }: Setting,
): Promise<Table> {
  const folder = mkdtempSync(join(place, 'spark-'));
  const { input, one, copies } = written(example, folder);
  const { partition } = example;
  // Of c copies of a key each has a c-th of its score.
  const [least, most] = copies === 1 ? [0.01, 0.01] : [0.05 / copies, 0.05];
  const measured = measuringNode(folder);
  const output = join(folder, 'keys.jsonl');
  const single = ['find', one, '--epsilon', `${most}`, '--exact', '--json'];
  const job = [
    ...['spark', ...cluster.options, '--input', input, '--rows', `${partition}`, '--epsilon', `${least}`],
    ...['-o', output, '--node', measured.program],
  ];
  const contestants: Contestant<number[]>[] = [
    contestant(`levattention find --exact${copies > 1 ? ', of one file' : ''}`, 1, async () => {
      const text = await run(measured.program, [cli, ...single], {});
      const { n, indices }: { n: number; indices: number[] } = JSON.parse(text);
      return () => Array.from({ length: copies }, (_, c) => indices.map((row) => c * n + row)).flat();
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
    return {
      same,
      text: `${same ? 'same' : 'other'} ${result.length} keys; model: ${model(example, least)}`,
    };
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

/** Writes the keys of a case; what a job reads, one of the files, and how many there are. */
function written({ format, n, partition }: Case, folder: string) {
  if (format === 'npy') {
    const input = join(folder, 'keys.npy');
    writeFileSync(input, writeNpy({ data: draw('t3', n, d, n), shape: [n, d] }));
    return { input, one: input, copies: 1 };
  }
  const copies = n / partition;
  const files = Array.from({ length: copies }, (_, i) => join(folder, `${100 + i}.parquet`));
  const data = draw('t3', partition, d, n);
  const rows = Array.from({ length: partition }, (_, i) => Array.from(data.subarray(i * d, (i + 1) * d)));
  const bytes = parquetWriteBuffer({
    columnData: [{ name: 'key', data: rows }],
    schema: [
      { name: 'root', num_children: 1 },
      { name: 'key', repetition_type: 'OPTIONAL', converted_type: 'LIST', num_children: 1 },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      { name: 'element', repetition_type: 'OPTIONAL', type: 'FLOAT' },
    ],
    rowGroupSize: partition,
  });
  writeFileSync(files[0], new Uint8Array(bytes));
  for (const file of files.slice(1)) copyFileSync(files[0], file);
  return { input: join(folder, '*.parquet'), one: files[0], copies };
}

function model({ n, partition, format }: Case, epsilon: number): string {
  const size = { rows: n, d, partitionRows: partition, epsilon, executors: 2, cores: 1, skipped: 0 };
  const { cpuSeconds, seconds } = jobCost({ ...size, format, readRate: 1e9 });
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
