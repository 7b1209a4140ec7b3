/** `levattention estimate`: what a job on many machines would cost. */
import { Command } from 'commander';
import { type JobCost, type JobSize, jobCost } from '../cluster/cost.js';
import { UsageError } from './failure.js';
import { parseCount, parseEpsilon, parsePositive } from './options.js';
import type { Session } from './session.js';
import { counted, seconds, thousands } from './text.js';

interface EstimateOptions {
  readonly rows: string;
  readonly cols: string;
  readonly executors: string;
  readonly cores: string;
  readonly partitionRows: string;
  readonly format: string;
  readonly epsilon: string;
  readonly readRate: string;
  readonly json?: boolean;
}

const help = `
Two passes of levattention spark over float32 keys that are not compressed, by what one core takes for a number and a product, as it was
measured; every partition is read in both passes. Left out: tasks that are run again, executors that are late or slower than others, programs
beside them, and the opening of the inputs for the manifest. Jobs that were run took longer on the clock, which is printed beside the
time; docs/cluster.md has them.

Example:
  levattention estimate --rows 1000000000 --cols 128 --executors 100`;

/** The command. */
export function estimateCommand({ print }: Session): Command {
  return new Command('estimate')
    .summary('what levattention spark would read, move and take')
    .description(
      'Estimates bytes read and moved, the memory of the driver and the time of levattention spark, in two passes.',
    )
    .requiredOption('--rows <n>', 'keys')
    .requiredOption('--cols <d>', 'numbers of a key')
    .requiredOption('--executors <n>', 'executors')
    .option('--cores <n>', 'cores of each', '1')
    .option('--partition-rows <n>', 'the most rows of a partition', '1000000')
    .option('--format <name>', 'parquet or npy', 'parquet')
    .option('--epsilon <e>', 'threshold of the attention score, in (0, 1]', '0.01')
    .option('--read-rate <mb>', 'megabytes that an executor reads a second', '200')
    .option('--json', 'print JSON')
    .addHelpText('after', help)
    .action((options: EstimateOptions) => {
      const cost = jobCost(sizeOf(options));
      print(options.json ? JSON.stringify(cost) : inWords(cost));
    });
}

function sizeOf(options: EstimateOptions): JobSize {
  const { format } = options;
  if (format !== 'parquet' && format !== 'npy')
    throw new UsageError(`--format must be parquet or npy, got '${format}'`);
  return {
    rows: parseCount(options.rows, '--rows'),
    d: parseCount(options.cols, '--cols'),
    executors: parseCount(options.executors, '--executors'),
    cores: parseCount(options.cores, '--cores'),
    partitionRows: parseCount(options.partitionRows, '--partition-rows'),
    format,
    epsilon: parseEpsilon(options.epsilon),
    skipped: 0,
    readRate: 1e6 * parsePositive(options.readRate, '--read-rate'),
  };
}

function inWords({
  partitions,
  tasks,
  bytesRead,
  bytesMoved,
  driverBytes,
  cpuSeconds,
  ...cost
}: JobCost): string {
  const [least, most] = cost.measuredSeconds;
  const megabytes = (bytes: number) => `${thousands(Math.ceil(bytes / 1e6))} MB`;
  return [
    `${counted(partitions, 'partition')}, ${counted(tasks, 'task')}`,
    `read       ${megabytes(bytesRead)}`,
    `moved      ${megabytes(bytesMoved)}`,
    `driver     ${megabytes(driverBytes)} beside Spark's own`,
    `processor  ${seconds(cpuSeconds)} of all cores together`,
    `time       ${seconds(cost.seconds)} if nothing is in the way; as jobs that were measured, ${seconds(least)} to ${seconds(most)}`,
    'left out   tasks that are run again, executors that are late or slow, programs beside them, opening the inputs',
  ].join('\n');
}
