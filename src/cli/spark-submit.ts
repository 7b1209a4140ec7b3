/** A job on an existing Apache Spark: spark-submit as a process, what the job tells of itself, and what its failures mean. */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { CallOptions } from '../steps.js';
import { InputError, UsageError } from './failure.js';

/** What the job says when it is done. */
export interface Outcome {
  readonly passes: 1 | 2;
  /** Whether a Gram was taken and did not certify scores. */
  readonly uncertified?: boolean;
  /** Of two passes. */
  readonly factor?: { readonly rank: number; readonly margin: number };
  /** Tasks by the executor that ran them, those that were run again counted again. */
  readonly tasks: Readonly<Record<string, number>>;
}

/** A line of the job. */
type Event =
  | { readonly phase: string }
  | { readonly done: number; readonly total: number }
  | { readonly error: string }
  | { readonly outcome: Outcome };

/** What such a line begins with. */
const MARK = '@levattention ';

/** Lines of Spark's own messages that are kept for the case that it fails. */
const KEPT_LINES = 400;

/**
 * The spark-submit to use: the one that is named, that of SPARK_HOME, or the first on PATH.
 *
 * @throws UsageError where there is none
 */
export function findSparkSubmit(named: string | undefined, environment: NodeJS.ProcessEnv): string {
  const { SPARK_HOME: home, PATH: path = '' } = environment;
  const places = named
    ? [named]
    : home
      ? [join(home, 'bin', 'spark-submit')]
      : path.split(delimiter).map((folder) => join(folder, 'spark-submit'));
  const found = places.find(isProgram);
  if (found !== undefined) return found;
  if (named) throw new UsageError(`--spark-submit ${named}: is no program`);
  throw new UsageError(
    home
      ? `SPARK_HOME has no program bin/spark-submit, got '${home}'`
      : 'spark-submit is missing: install Apache Spark (pip install pyspark has it), and name it by --spark-submit, SPARK_HOME or PATH',
  );
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/**
 * Runs spark-submit to its end.
 *
 * @throws InputError, one line, where the job or Spark itself fails; what aborts the signal
 */
export async function submit(
  program: string,
  args: readonly string[],
  { signal, onProgress }: CallOptions,
): Promise<Outcome> {
  signal?.throwIfAborted();
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const stop = () => child.kill('SIGTERM');
  signal?.addEventListener('abort', stop);
  try {
    const [told, said, ended] = await Promise.all([
      eventsOf(child, onProgress),
      lastLines(child),
      endOf(child),
    ]);
    signal?.throwIfAborted();
    if (told.error !== undefined) throw new InputError(told.error);
    if (ended !== 0 || !told.outcome) throw new InputError(reasonOf(said, ended));
    return told.outcome;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

/** Follows the job by its lines; what other programs print is left alone. */
async function eventsOf(
  child: ChildProcess,
  onProgress: CallOptions['onProgress'],
): Promise<{ error?: string; outcome?: Outcome }> {
  const told: { error?: string; outcome?: Outcome } = {};
  let phase = 'starting Spark';
  let before = { done: 0, total: 0 };
  onProgress?.({ phase, done: 0, total: 0 });
  for await (const line of createInterface({ input: child.stdout! })) {
    if (!line.startsWith(MARK)) continue;
    const event: Event = JSON.parse(line.slice(MARK.length));
    if ('phase' in event) phase = event.phase;
    else if ('error' in event) told.error = event.error;
    else if ('outcome' in event) told.outcome = event.outcome;
    else before = event;
    onProgress?.({ phase: `${phase}, tasks`, ...before });
  }
  return told;
}

async function lastLines(child: ChildProcess): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stderr! })) {
    lines.push(line);
    if (lines.length > KEPT_LINES) lines.shift();
  }
  return lines;
}

function endOf(child: ChildProcess): Promise<number | string> {
  return new Promise((resolve) => {
    child.on('error', ({ message }) => resolve(message));
    child.on('close', (code, signal) => resolve(code ?? signal ?? 'no code'));
  });
}

/** What Spark's messages mean, where that is known, or the one that tells most. */
function reasonOf(lines: readonly string[], ended: number | string): string {
  const all = lines.join('\n');
  if (
    /JAVA_HOME is not set|Unable to locate a Java Runtime|java: (command )?not found|JAVA_GATEWAY_EXITED/.test(
      all,
    )
  )
    return 'Java is missing, or Spark cannot run it: Spark 4 needs Java 17 or later, on PATH or at JAVA_HOME';
  if (/Could not find valid SPARK_HOME|Failed to find Spark jars/.test(all))
    return 'spark-submit does not find its Spark: SPARK_HOME says where it is, or PYSPARK_PYTHON which Python has pyspark';
  if (/UnsupportedClassVersionError/.test(all))
    return 'Java is too old for this Spark: Spark 4 needs Java 17 or later, on PATH or at JAVA_HOME';
  if (
    /(python3?|env:.*): (No such file or directory|(command )?not found)|Cannot run program "python/.test(all)
  )
    return 'Python is missing: the job is a script of PySpark, which needs python3 on the driver and on the executors (PYSPARK_PYTHON says which)';
  if (/All masters are unresponsive|Could not parse Master URL|Failed to connect to master/i.test(all))
    return `Spark does not reach the master: ${told(lines)}`;
  return `spark-submit ended with ${ended}: ${told(lines)}`;
}

/** The last message that speaks of an error, else the last one. */
function told(lines: readonly string[]): string {
  const spoken = lines.filter((line) => /\S/.test(line) && !/^\s+at /.test(line));
  return spoken.findLast((line) => /error|exception/i.test(line)) ?? spoken.at(-1) ?? 'it said nothing';
}
