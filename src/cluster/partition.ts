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
  /** CRC-32 of its rows as the first pass read them, as eight hexadecimal digits: a second one refuses rows that have another. */
  readonly crc32?: string;
  /** As long as the input has this version it is as it was when the first pass opened it. */
  readonly version?: string;
}

const WHOLE = ['partition', 'start', 'rows', 'offset'] as const;
/** What the first pass knows of a partition. */
const KNOWN = ['gram', 'crc32', 'version'] as const;

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
  const unknown = Object.keys(partition).find((name) => ![...WHOLE, ...KNOWN, 'input'].includes(name));
  if (unknown !== undefined) refuse(`a partition has no ${JSON.stringify(unknown.slice(0, 40))}`);
  if (typeof partition.input !== 'string' || /^-?$|\0/.test(partition.input))
    refuse('a partition needs an input, a file or a URL');
  for (const name of KNOWN)
    if (partition[name] !== undefined && typeof partition[name] !== 'string')
      refuse(`a partition needs a text as its ${name}, if it has one`);
  for (const name of WHOLE)
    if (!(Number.isSafeInteger(partition[name]) && partition[name] >= 0))
      refuse(`a partition needs a whole number as its ${name}`);
  if (!Number.isSafeInteger(Math.max(partition.offset, partition.start) + partition.rows))
    refuse('rows must have numbers below 2^53');
  return partition;
}

/** What an input is read from: the same for all names of one file, and the tensor or column in it, if one is named. */
export interface Place {
  readonly file: string;
  readonly name?: string;
}

/** The partitions of a job as they come: no number, no row of the matrix and no row of an input may come twice. */
export class PartitionList {
  private readonly numbers = new Set<number>();
  private readonly rows = new Ranges();
  private readonly places = new Map<string, Place>();
  /** What is read of each file, by the name in it; under the empty name, where none is said. */
  private readonly files = new Map<string, Map<string, Ranges>>();

  constructor(private readonly placeOf: (input: string) => Place) {}

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
    const place = this.places.get(input) ?? this.placeOf(input);
    this.places.set(input, place);
    const { file, name = '' } = place;
    const read = this.files.get(file) ?? new Map<string, Ranges>();
    this.files.set(file, read);
    for (const [other, ranges] of read) {
      // Without a name the only one is meant, which another partition may name.
      const twice = (name === '' || other === '' || other === name) && ranges.overlap(start, start + rows);
      if (twice)
        refuse(
          `rows ${twice[0]} to ${twice[1] - 1} of ${input}, of partition ${partition}, are in another one, too`,
        );
    }
    const ranges = read.get(name) ?? new Ranges();
    read.set(name, ranges);
    ranges.add(start, start + rows);
  }
}
