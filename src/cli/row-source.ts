/** Rows of keys that come one after the other: of a file, from any row on, or of standard input, which can be read once. */
import { addAbortSignal, type Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { sourceOf } from '../io/bytes.js';
import { type Encoding, FLOAT_BYTES, numberReader } from '../io/elements.js';
import type { FloatType } from '../io/index.js';
import { NPY_LEAD, npyHeader, npyHeaderPlace } from '../io/npy.js';
import { InputError, UsageError } from './failure.js';
import { openInput } from './inputs.js';
import { parseCount } from './options.js';
import { endOfPiece, pieceRows, type RowSource } from './rows.js';
import { isStreamed, openStreamed } from './streamed-rows.js';

/** How a stream without a header is to be read. */
export interface RawOptions {
  /** The type of its numbers. */
  readonly raw?: string;
  /** Numbers of a row. */
  readonly cols?: string;
}

/** The name that stands for standard input. */
export const STANDARD_INPUT = '-';

/** Refuses options for a stream where there is none, and reads them. */
function rawEncoding(
  reference: string,
  { raw, cols }: RawOptions,
): { encoding: Encoding; d: number } | undefined {
  if (raw === undefined && cols === undefined) return undefined;
  if (reference !== STANDARD_INPUT)
    throw new UsageError(`--raw and --cols are for numbers from standard input, '-', got '${reference}'`);
  if (raw === undefined || cols === undefined)
    throw new UsageError(
      `--raw TYPE and --cols D belong together, ${raw === undefined ? '--raw' : '--cols'} is missing`,
    );
  const type = raw.toUpperCase();
  if (!Object.hasOwn(FLOAT_BYTES, type))
    throw new UsageError(`--raw must be f16, bf16, f32 or f64, got '${raw}'`);
  return { encoding: { type: type as FloatType, littleEndian: true }, d: parseCount(cols, '--cols') };
}

/**
 * Opens rows of shape [n, d]: `FILE`, `FILE#NAME`, a URL, or `-` for an .npy, or raw numbers, from standard input.
 *
 * @throws UsageError, InputError or FormatError, one line, for what is no matrix of numbers
 */
export async function openRows(
  reference: string,
  options: RawOptions,
  signal?: AbortSignal,
): Promise<RowSource> {
  const raw = rawEncoding(reference, options);
  if (reference === STANDARD_INPUT) {
    if (process.stdin.isTTY)
      throw new UsageError(
        `'-' is standard input, and that is a terminal: pipe an .npy into it, or raw numbers`,
      );
    const stream = new ByteStream(process.stdin, signal);
    return raw ? rawRows(stream, raw.encoding, raw.d) : npyRows(stream);
  }
  if (isStreamed(reference)) return openStreamed(reference, signal);
  const input = await openInput(reference);
  if (!input.flat)
    throw new InputError(`${reference}: shape must be [n, d], got [${input.shape.join(', ')}]`);
  const [{ matrix }] = input.heads();
  const { n, d } = matrix;
  return {
    name: reference,
    d,
    n,
    again: true,
    identity: input.identity,
    close: input.close,
    async *rows({ from = 0, every = Number.POSITIVE_INFINITY } = {}) {
      const most = pieceRows(d * 8);
      for (let start = from; start < n; ) {
        const end = Math.min(n, endOfPiece(start, most, every));
        yield { start, keys: { data: matrix.rows(start, end), shape: [end - start, d] } };
        start = end;
        // Lets an interrupt be noticed.
        await setImmediate();
      }
    },
  };
}

/**
 * Refuses rows that would stand so far behind that numbers cannot tell one from the next.
 *
 * @param count - rows so far, of a source that does not know how many it has
 */
export function checkOffset(offset: number, { name, n }: RowSource, count = 1): void {
  if (!Number.isSafeInteger(offset + (n ?? count)))
    throw new UsageError(
      `--offset and the number of rows must be below 2^53 together: ${name} has ${n ?? `${count} or more`}, got '${offset}'`,
    );
}

const NAME = 'standard input';

async function npyRows(stream: ByteStream): Promise<RowSource> {
  const lead = await stream.take(NPY_LEAD);
  const { start } = npyHeaderPlace(lead, NAME);
  const head = Buffer.concat([lead, await stream.take(Math.max(0, start - lead.length))]);
  const { encoding, descr, shape, fortran } = npyHeader(sourceOf(head, NAME), NAME);
  if (!encoding)
    throw new InputError(
      `${NAME}: cannot read numbers of type '${descr}', only floating-point ones of 2, 4 or 8 bytes`,
    );
  if (shape.length !== 2 || shape.includes(0) || !shape.every(Number.isSafeInteger))
    throw new InputError(`${NAME}: shape must be [n, d], got [${shape.join(', ')}]`);
  if (fortran && shape[1] > 1 && shape[0] > 1)
    throw new InputError(`${NAME}: numbers must be in C order, row after row, got Fortran order`);
  return rawRows(stream, encoding, shape[1], shape[0]);
}

/** Rows as they come: whole ones, `n` of them where that is known. */
function rawRows(stream: ByteStream, encoding: Encoding, d: number, n?: number): RowSource {
  const rowBytes = d * FLOAT_BYTES[encoding.type];
  return {
    name: NAME,
    d,
    n,
    again: false,
    async *rows({ every = Number.POSITIVE_INFINITY } = {}) {
      const most = pieceRows(rowBytes);
      const all = n ?? Number.MAX_SAFE_INTEGER;
      const room = new Uint8Array(most * rowBytes);
      const read = numberReader(sourceOf(room, NAME), encoding, NAME);
      for (let start = 0; start < all; ) {
        const wanted = Math.min(all, endOfPiece(start, most, every)) - start;
        const bytes = await stream.fill(room.subarray(0, wanted * rowBytes));
        const count = Math.floor(bytes / rowBytes);
        if (n !== undefined && count < wanted)
          throw new InputError(`${NAME}: ended after ${start + count} of ${n} rows`);
        if (bytes % rowBytes !== 0)
          throw new InputError(
            `${NAME}: ended within row ${start + count}, after ${bytes % rowBytes} of its ${rowBytes} bytes`,
          );
        if (count === 0) break;
        yield { start, keys: { data: read(0, count * d), shape: [count, d] } };
        start += count;
        if (count < wanted) break;
      }
      if (n !== undefined && (await stream.fill(new Uint8Array(1))) > 0)
        throw new InputError(`${NAME}: goes on after the ${n} rows of its header`);
    },
  };
}

/** Bytes of a stream, in the amounts that are asked for. */
class ByteStream {
  private readonly chunks: AsyncIterator<Uint8Array>;
  private rest: Uint8Array = new Uint8Array(0);

  constructor(stream: Readable, signal?: AbortSignal) {
    this.chunks = (signal ? addAbortSignal(signal, stream) : stream)[Symbol.asyncIterator]();
  }

  /** Fills an array as far as the stream goes; how far that is. */
  async fill(target: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < target.length) {
      if (this.rest.length === 0) {
        const { done, value } = await this.chunks.next();
        if (done) break;
        this.rest = value;
      }
      const part = this.rest.subarray(0, target.length - filled);
      target.set(part, filled);
      filled += part.length;
      this.rest = this.rest.subarray(part.length);
    }
    return filled;
  }

  /** The next bytes, as many as there are. */
  async take(count: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(count);
    return bytes.subarray(0, await this.fill(bytes));
  }
}
