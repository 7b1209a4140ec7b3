/** What workers print: a line of JSON for each partition, and a trailer by which lines that are missing are noticed. */
import { crc32 } from '../io/crc32.js';

/** What a worker does with its partitions. */
export type Work = 'gram' | 'sketch' | 'merge' | 'factor' | 'filter';

/** The Gram or the sketch of a partition, or of several that were merged: in base64 or in a file; without either where there are no rows. */
export interface SummaryResult {
  readonly partition: number;
  readonly rows: number;
  readonly gram?: string;
  readonly sketch?: string;
  readonly file?: string;
}

/** Works whose results are merged. */
const SUMMED = ['gram', 'sketch', 'merge'];

/** The last line of a worker. */
export interface Trailer {
  readonly end: Work;
  /** Lines before it, and their rows. */
  readonly results: number;
  readonly rows: number;
  /** CRC-32 of these lines, each with the line break after it, as eight hexadecimal digits. */
  readonly crc32: string;
}

/** Lines so far, of which a trailer tells. */
class Tally {
  results = 0;
  rows = 0;
  private crc = 0;

  add(line: string, rows: number): void {
    this.results++;
    this.rows += rows;
    this.crc = crc32(new TextEncoder().encode(`${line}\n`), this.crc);
  }

  trailer(end: Work): Trailer {
    return { end, results: this.results, rows: this.rows, crc32: this.crc.toString(16).padStart(8, '0') };
  }
}

/** The lines of one worker, as they are printed. */
export class ResultWriter {
  private readonly tally = new Tally();

  constructor(private readonly work: Work) {}

  line(result: { readonly partition: number; readonly rows: number }): string {
    const line = JSON.stringify(result);
    this.tally.add(line, result.rows);
    return line;
  }

  /** The last line. */
  end(): string {
    return JSON.stringify(this.tally.trailer(this.work));
  }
}

/** The lines of workers one after the other, each worker's with its trailer. */
export class ResultReader {
  private tally = new Tally();
  private trailers = 0;

  /**
   * A result with a Gram or a sketch, or nothing for a trailer, which then agrees with the lines before it.
   *
   * @throws RangeError, one line, for what no worker prints, or where lines are missing
   */
  read(line: string): SummaryResult | undefined {
    const value = resultOf(line);
    if (!('end' in value)) {
      this.tally.add(line, value.rows);
      return value;
    }
    const expected = this.tally.trailer(value.end);
    for (const name of ['results', 'rows', 'crc32'] as const)
      if (value[name] !== expected[name])
        refuse(
          `lines of a worker are missing or damaged: its trailer tells of ${name} ${value[name]}, there are ${expected[name]}`,
        );
    this.tally = new Tally();
    this.trailers++;
    return undefined;
  }

  /** @throws RangeError, one line, where the last worker was cut off. */
  end(): void {
    if (this.tally.results > 0 || this.trailers === 0)
      refuse('the results end without a trailer: the worker that printed them was cut off');
  }
}

function refuse(rule: string): never {
  throw new RangeError(`ResultReader: ${rule}`);
}

function resultOf(line: string): SummaryResult | Trailer {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return refuse(`a result must be a line of JSON, got ${line.slice(0, 80)}`);
  }
  const result = value as SummaryResult | Trailer | null;
  if (
    result !== null &&
    typeof result === 'object' &&
    Number.isSafeInteger(result.rows) &&
    result.rows >= 0
  ) {
    if ('end' in result && SUMMED.includes(result.end)) return result;
    if (
      'partition' in result &&
      Number.isSafeInteger(result.partition) &&
      result.partition >= 0 &&
      [result.gram, result.sketch, result.file].filter((place) => typeof place === 'string').length ===
        Number(result.rows > 0)
    )
      return result;
  }
  return refuse(`a result must be what a worker prints for gram, sketch or merge, got ${line.slice(0, 80)}`);
}
