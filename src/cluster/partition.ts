/** Parts of one large matrix that are worked on apart: which rows of which input each has, and that no row is in two of them. */
import { Ranges } from '../universal-set/ranges.js';

/** A part, as a line of a manifest describes it. */
export interface Partition {
  /** Its number, which fixes its place in every tree of merges. */
  readonly partition: number;
  /** The file or URL that has its rows. */
  readonly input: string;
  /** The first of them in the input; 0 unless given. */
  readonly start: number;
  readonly rows: number;
  /** The number of its first row among all rows of the matrix. */
  readonly offset: number;
  /** Its Gram in base64, as a first pass gave it: a second one then need not read it where all its rows together are light. */
  readonly gram?: string;
}

const WHOLE = ['partition', 'start', 'rows', 'offset'] as const;

/**
 * Reads a line of a manifest: `{"partition": 3, "input": "part3.parquet", "offset": 750000, "rows": 250000}`.
 *
 * @throws RangeError, one line, for what is no such description
 */
export function parsePartition(line: string): Partition {
  const refuse = (rule: string): never => {
    throw new RangeError(`parsePartition: ${rule}, got ${line.slice(0, 200)}`);
  };
  let given: unknown;
  try {
    given = JSON.parse(line);
  } catch {
    return refuse('a partition must be a line of JSON');
  }
  if (given === null || typeof given !== 'object' || Array.isArray(given))
    return refuse('a partition must be an object of JSON');
  const partition = { start: 0, ...given } as Partition;
  const unknown = Object.keys(partition).find(
    (name) => name !== 'input' && name !== 'gram' && !WHOLE.some((one) => one === name),
  );
  if (unknown !== undefined) refuse(`a partition has no ${JSON.stringify(unknown.slice(0, 40))}`);
  if (typeof partition.input !== 'string' || partition.input === '' || partition.input === '-')
    refuse('a partition needs an input, a file or a URL');
  if (partition.gram !== undefined && typeof partition.gram !== 'string')
    refuse('a partition needs its Gram in base64, if it has one');
  for (const name of WHOLE)
    if (!(Number.isSafeInteger(partition[name]) && partition[name] >= 0))
      refuse(`a partition needs a whole number as its ${name}`);
  if (!Number.isSafeInteger(Math.max(partition.offset, partition.start) + partition.rows))
    refuse('rows must have numbers below 2^53');
  return partition;
}

/** The partitions of a job as they come: no number, no row of the matrix and no row of an input may come twice. */
export class PartitionList {
  private readonly numbers = new Set<number>();
  private readonly rows = new Ranges();
  private readonly inputs = new Map<string, Ranges>();

  /** @throws RangeError, one line, for what was there already. */
  add({ partition, input, start, rows, offset }: Partition): void {
    const refuse = (rule: string): never => {
      throw new RangeError(`PartitionList: ${rule}`);
    };
    if (this.numbers.has(partition)) refuse(`partition ${partition} is listed twice`);
    this.numbers.add(partition);
    if (rows === 0) return;
    const again = this.rows.overlap(offset, offset + rows);
    if (again)
      refuse(`rows ${again[0]} to ${again[1] - 1} of partition ${partition} are in another one, too`);
    this.rows.add(offset, offset + rows);
    const read = this.inputs.get(input) ?? new Ranges();
    this.inputs.set(input, read);
    const twice = read.overlap(start, start + rows);
    if (twice)
      refuse(
        `rows ${twice[0]} to ${twice[1] - 1} of ${input}, of partition ${partition}, are in another one, too`,
      );
    read.add(start, start + rows);
  }
}
