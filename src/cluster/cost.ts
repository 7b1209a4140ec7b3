/** What a job on many machines costs: bytes read and moved, memory of the driver, and time, by its sizes (docs/cluster.md). */

/** What a job reads, and where it runs. */
export interface JobSize {
  readonly rows: number;
  /** Columns. */
  readonly d: number;
  /** Executors, and cores of each. */
  readonly executors: number;
  readonly cores: number;
  /** The most rows of a partition. */
  readonly partitionRows: number;
  readonly format: 'npy' | 'parquet';
  readonly epsilon: number;
  /** Share of the rows whose partitions are light as a whole, which the second pass does not read. */
  readonly skipped: number;
  /** Bytes that an executor reads a second at most, from a disk or a network. */
  readonly readRate: number;
}

/** What it costs. */
export interface JobCost {
  readonly partitions: number;
  /** Tasks of both passes and of the merges. */
  readonly tasks: number;
  /** Of inputs, in both passes; float32 numbers that are not compressed. */
  readonly bytesRead: number;
  /** Between machines: Grams up the tree, the Gram of all to every executor, keys to the driver. */
  readonly bytesMoved: number;
  /** Of the driver's job beside Spark's own: the manifest, the Gram of all and the keys. */
  readonly driverBytes: number;
  /** Of processors, by the workers. */
  readonly cpuSeconds: number;
  readonly seconds: number;
  /** The same, times the ratios of the jobs that were measured, the least and the greatest. */
  readonly measuredSeconds: readonly [least: number, most: number];
}

/**
 * Nanoseconds of one core, measured: for each number that is read and unpacked, for its part of the CRC-32, and for each of the d^2 products of a row, in the first pass and in the second.
 * npm run bench -- spark compares a job with them.
 */
const NANOSECONDS = {
  number: { npy: 4.5, parquet: 30 },
  crc32: 1.4,
  gram: 0.044,
  score: 0.055,
} as const;

/** Neighbours that are merged into one. */
const FAN_IN = 16;
/** Tasks of a core in a pass. */
const TASKS_PER_CORE = 4;
/** Seconds until the first task runs, of a task without rows, in which Python and Node start, and of a processor for that Node. */
const START_SECONDS = 12;
const TASK_SECONDS = 0.6;
const NODE_SECONDS = 0.17;
/** By how much jobs that were measured took longer on the clock than this says, alone on their machine and with other programs beside them (docs/cluster.md). */
const MEASURED = [1.2, 2.8] as const;
/** Bytes of a partition's line in a manifest with what a first pass knows of it, and of a key in a line of results. */
const PARTITION_BYTES = 320;
const KEY_BYTES = 40;

/** The cost of two passes. A Gram is a triangle of float64 numbers, in base64. */
export function jobCost(size: JobSize): JobCost {
  const { rows, d, executors, cores, partitionRows, format, epsilon, skipped, readRate } = size;
  const partitions = Math.ceil(rows / partitionRows);
  const all = executors * cores;
  const gram = Math.ceil((4 * 8 * ((d * (d + 1)) / 2)) / 3);
  const levels = levelsOf(partitions);
  const merged = levels.reduce((sum, nodes) => sum + nodes, 0);
  const passTasks = Math.min(partitions, TASKS_PER_CORE * all);
  const mergeTasks = levels.map((nodes) => Math.min(nodes, passTasks));
  const keys = Math.min(rows, d / epsilon) * KEY_BYTES;
  const second = 1 - skipped;
  const numbers = (NANOSECONDS.number[format] + NANOSECONDS.crc32) * d;
  const tasks = 2 * passTasks + mergeTasks.reduce((sum, tasks) => sum + tasks, 0);
  const work =
    rows * 1e-9 * (numbers + NANOSECONDS.gram * d * d + second * (numbers + NANOSECONDS.score * d * d));
  const bytesRead = 4 * d * rows * (1 + second);
  // Work that comes in whole partitions leaves some cores idle at the end.
  const waves = (tasks: number) => Math.ceil(tasks / all);
  const uneven = (waves(passTasks) * all) / passTasks;
  const seconds =
    START_SECONDS +
    TASK_SECONDS * (2 * waves(passTasks) + mergeTasks.reduce((sum, tasks) => sum + waves(tasks), 0)) +
    uneven * Math.max(work / all, bytesRead / (executors * readRate));
  return {
    partitions,
    tasks,
    bytesRead,
    // What is merged comes from the level below.
    bytesMoved: gram * (partitions + merged - 1 + executors) + keys,
    driverBytes: PARTITION_BYTES * partitions + gram + keys,
    cpuSeconds: work + NODE_SECONDS * tasks,
    seconds,
    measuredSeconds: [MEASURED[0] * seconds, MEASURED[1] * seconds],
  };
}

/** Nodes of each level of the tree above the partitions; the last has one. */
function levelsOf(partitions: number): number[] {
  const levels: number[] = [];
  for (let count = partitions; count > 1; ) {
    count = Math.ceil(count / FAN_IN);
    levels.push(count);
  }
  return levels;
}
