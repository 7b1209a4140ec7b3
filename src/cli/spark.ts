/** `levattention spark`: the universal set of keys that lie in many files, by the machines of an existing Apache Spark. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { runAsync } from '../kernels/run-async.js';
import type { CallOptions } from '../steps.js';
import { LARGEST_MARGIN } from '../universal-set/result.js';
import { parseWeight } from '../weights/parse.js';
import type { WeightFunction } from '../weights/weight.js';
import { InputError, UsageError } from './failure.js';
import { FOUND_ENDINGS, type FoundKey, writeFoundKeys } from './found-keys.js';
import { checkOutside } from './globs.js';
import { about } from './inputs.js';
import { writeManifest } from './manifest.js';
import { parseCount, parsedBy, parseEpsilon } from './options.js';
import { checkOutput } from './outputs.js';
import type { Session } from './session.js';
import { readSketch } from './sketching.js';
import { type JobPartitions, partitionsOfJob, readFound } from './spark-job.js';
import { findSparkSubmit, type Outcome, submit } from './spark-submit.js';
import { counted, number, seconds, thousands } from './text.js';

/** The options of the command. */
export interface SparkOptions {
  readonly master: string;
  readonly input?: readonly string[];
  readonly manifest?: string;
  readonly rows: string;
  readonly epsilon: string;
  readonly f: string;
  readonly centre?: boolean;
  readonly onePass?: boolean;
  readonly output: string;
  readonly sparkSubmit?: string;
  readonly node: string;
  readonly cli?: string;
  readonly tasks?: string;
  readonly conf: readonly string[];
  readonly keep?: string;
  readonly json?: boolean;
}

const help = `
Every executor must see the inputs under the same paths or URLs, and have Node 20.19 or newer and Python. Two passes for
power:2: the first takes the Gram of each partition, the second lists the keys that can be heavy, and does not read partitions again
that are certainly light as a whole. Other weights, and keys whose Gram does not certify scores, take one pass by sketches, as --one-pass
does. Options after -- go to spark-submit as they are. docs/cluster.md has more.

Examples:
  levattention spark --master spark://host:7077 --input 'keys/*.parquet' --epsilon 0.01 -o heavy.parquet
  levattention spark --master 'local[4]' --manifest parts.jsonl --epsilon 0.05 --f huber:1 -o heavy.jsonl --json
  levattention spark --master yarn --input '/mnt/keys/*.parquet' --epsilon 0.01 -o heavy.parquet --conf spark.executor.memory=4g`;

/** The command. */
export function sparkCommand({ call, print }: Session): Command {
  const several = (value: string, before: readonly string[] = []) => [...before, value];
  return new Command('spark')
    .summary('the heavy keys of many files, on Apache Spark')
    .description(
      'Finds the universal set of keys that lie in many files, on an existing Apache Spark, and writes the rows of its keys, counted over all files, with their scores.',
    )
    .argument('[submit-options...]', 'options of spark-submit, after --')
    .requiredOption('--master <url>', 'the Spark, as spark-submit takes it')
    .option(
      '--input <files>',
      "files of keys or URLs; '*' and '?' stand for letters; may come again",
      several,
    )
    .option('--manifest <file.jsonl>', 'partitions that levattention manifest wrote, instead of --input')
    .option('--rows <n>', 'with --input: the most rows of a partition', '1000000')
    .requiredOption('--epsilon <e>', 'threshold of the attention score, in (0, 1]')
    .option(
      '--f <weight>',
      'power:P, huber:S, tukey:S, cauchy:S, welsch:S, gemanMcClure:S or l1l2:S',
      'power:2',
    )
    .option('--centre', 'cover queries with an offset too, f(<query, key> + b)')
    .option('--one-pass', 'by sketches, which read all keys once')
    .requiredOption('-o, --output <file>', 'write the keys: .parquet or .jsonl')
    .option('--spark-submit <path>', 'the program; that of SPARK_HOME or PATH unless given')
    .option('--node <path>', 'Node on the executors', 'node')
    .option('--cli <path>', 'dist/cli.js on the executors; it is sent to them unless given')
    .option('--tasks <n>', 'tasks of a pass; four for each core unless given')
    .option('--conf <name=value>', 'a setting of Spark; may come again', several, [])
    .option(
      '--keep <folder>',
      'keep the manifest, the Gram or sketch of all rows, and the results of the second pass',
    )
    .option('--json', 'print JSON')
    .addHelpText('after', help)
    .action(async (rest: string[], options: SparkOptions) => print(await spark(rest, options, call)));
}

async function spark(rest: readonly string[], options: SparkOptions, call: CallOptions): Promise<string> {
  const started = performance.now();
  const epsilon = parseEpsilon(options.epsilon);
  const f = parsedBy(parseWeight, options.f, '--f');
  const tasks = options.tasks === undefined ? null : parseCount(options.tasks, '--tasks');
  if (/\b(deploy-mode[= ]cluster|deployMode=cluster)\b/.test([...rest, ...options.conf].join(' ')))
    throw new UsageError('the job runs in client mode alone: its results come to this machine');
  checkOutput(options.output, FOUND_ENDINGS, '-o', options.manifest === undefined ? [] : [options.manifest]);
  checkOutside(options.output, options.input ?? [], '-o');
  const program = findSparkSubmit(options.sparkSubmit, process.env);
  const job = await partitionsOfJob(options, call);
  const inputs = new Set(job.partitions.map(({ input }) => input));
  checkOutput(options.output, FOUND_ENDINGS, '-o', [...inputs]);
  const folder = options.keep ? resolve(options.keep) : mkdtempSync(join(tmpdir(), 'levattention-spark-'));
  mkdirSync(folder, { recursive: true });
  try {
    const plan = planOf(folder, job, { ...options, epsilon, f, tasks });
    const outcome = await submit(
      program,
      [...submitOptions(options), ...rest, ...clientMode, shim, plan],
      call,
    );
    const found = await foundBy(outcome, folder, job, epsilon, call);
    writeFoundKeys(options.output, found.keys);
    const elapsed = (performance.now() - started) / 1000;
    const result = { ...found, seconds: elapsed, f: f.name, epsilon, outcome, job };
    return options.json ? inJson(result, options) : inWords(result, options);
  } finally {
    if (options.keep === undefined) rmSync(folder, { recursive: true, force: true });
  }
}

/** What Spark runs: it lies beside this program. */
const shim = fileURLToPath(new URL('levattention_spark.py', import.meta.url));
const ownProgram = fileURLToPath(import.meta.url);

/** Above what Spark's own files of settings say. */
const clientMode = ['--deploy-mode', 'client'];

function submitOptions({ master, conf }: SparkOptions): string[] {
  const settings = ['spark.ui.showConsoleProgress=false', ...conf];
  return [
    '--master',
    master,
    '--name',
    'levattention',
    ...settings.flatMap((setting) => ['--conf', setting]),
  ];
}

/** Writes what the job is to do, and returns the file. */
function planOf(
  folder: string,
  { partitions }: JobPartitions,
  options: Omit<SparkOptions, 'epsilon' | 'f' | 'tasks'> & {
    readonly epsilon: number;
    readonly f: WeightFunction;
    readonly tasks: number | null;
  },
): string {
  const { epsilon, f, centre, tasks, node, cli = null, onePass = false } = options;
  const manifest = join(folder, 'parts.jsonl');
  writeManifest(manifest, partitions);
  // Outside of a package a file is a module by its name.
  const ship = cli === null ? join(folder, 'levattention-cli.mjs') : null;
  if (ship !== null) copyFileSync(ownProgram, ship);
  const gram = centre ? ['--centre'] : [];
  const filter = ['--epsilon', `${epsilon}`];
  const plan = join(folder, 'plan.json');
  writeFileSync(
    plan,
    JSON.stringify({
      ...{ manifest, folder, node, cli, ship, tasks, gram, filter },
      ...{ driverNode: process.execPath, driverCli: ownProgram },
      sketch: [...filter, '--f', f.name, ...gram],
      // The leverage scores of a Gram are the scores of x^2.
      onePass: onePass || f.power !== 2,
    }),
  );
  return plan;
}

/** The keys, and what is known of them. */
interface Found {
  readonly keys: readonly FoundKey[];
  readonly guarantee: string;
  readonly rank: number;
  readonly margin: number;
  readonly skipped: { readonly partitions: number; readonly rows: number };
}

async function foundBy(
  { factor }: Outcome,
  folder: string,
  job: JobPartitions,
  epsilon: number,
  call: CallOptions,
): Promise<Found> {
  if (factor) {
    const { keys, skipped } = readFound(readFileSync(join(folder, 'found.jsonl'), 'utf8'), job.partitions);
    const guarantee = factor.margin <= LARGEST_MARGIN ? 'minimal' : 'superset';
    return { keys, skipped, guarantee, ...factor };
  }
  const path = join(folder, 'all.lev');
  const sketch = await readSketch(path);
  if (sketch.rows !== job.rows || sketch.epsilon !== epsilon)
    throw new InputError(`the sketch of all has ${sketch.rows} of ${job.rows} rows`);
  const set = await about(path, () => runAsync(sketch.finishSteps(), call));
  const { indices, scores, guarantee, rank, margin } = set;
  const undecided = new Set(set.undecided);
  const keys = indices.map((row, i) => ({ row, score: scores[i], undecided: undecided.has(row) }));
  return { keys, guarantee, rank, margin, skipped: { partitions: 0, rows: 0 } };
}

type Result = Found & {
  readonly seconds: number;
  readonly f: string;
  readonly epsilon: number;
  readonly outcome: Outcome;
  readonly job: JobPartitions;
};

function inJson(result: Result, { output }: SparkOptions): string {
  const { keys, outcome, job, f, epsilon, guarantee, rank, margin, skipped } = result;
  return JSON.stringify({
    ...{ n: job.rows, d: job.d, partitions: job.partitions.length, f, epsilon, guarantee, rank, margin },
    keys: keys.length,
    undecided: keys.filter(({ undecided }) => undecided).length,
    passes: outcome.passes,
    uncertified: outcome.uncertified ?? false,
    ...{ skipped, tasks: outcome.tasks, output, seconds: result.seconds },
  });
}

function inWords(result: Result, { output }: SparkOptions): string {
  const { keys, outcome, job, f, epsilon, guarantee, margin, skipped } = result;
  const ran = Object.values(outcome.tasks);
  const why = outcome.uncertified
    ? ', as the Gram does not certify scores: the keys are of low rank or too ill-conditioned'
    : '';
  return [
    `${counted(keys.length, 'key')} of ${thousands(job.rows)} can score ${number(epsilon)} or more (weight ${f}, ${guarantee}, margin ${number(margin)}).`,
    '',
    `passes     ${outcome.passes}${why}`,
    `read once  ${counted(skipped.partitions, 'partition')} of ${job.partitions.length}, ${thousands(skipped.rows)} rows: light as a whole`,
    `executors  ${ran.length}, of ${ran.join(' and ')} tasks`,
    `keys       written to ${output}`,
    `took ${seconds(result.seconds)}`,
  ].join('\n');
}
