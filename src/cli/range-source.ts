/** Bytes that are read by position and may take their time: of a file, or of a server that gives ranges of one. */
import type { ByteSource } from '../io/bytes.js';

/** Where ranges of bytes come from. */
export interface RangeSource {
  /** Begins messages. */
  readonly name: string;
  readonly byteLength: number;
  /** As long as this is the same the bytes are as they were when it was first asked for; undefined where the source cannot tell. */
  identity(): string | undefined;
  /**
   * The bytes from `start` up to but not including `end`.
   *
   * @throws InputError, one line, where they cannot be had or are no longer those of the file that was opened
   */
  read(start: number, end: number): Promise<Uint8Array>;
  close?(): void;
}

/** Thrown where bytes are asked for that have not been fetched. */
class NotFetched {
  constructor(
    readonly start: number,
    readonly end: number,
  ) {}
}

/**
 * Bytes for the readers of levattention/io, which take what they ask for at once: where something is not there yet, it is
 * fetched, and the reader begins anew.
 */
export class FetchedBytes implements ByteSource {
  readonly name: string;
  readonly byteLength: number;
  /** Bytes of a fetch at least: those after the ones that are asked for come with them. */
  ahead = 2 ** 16;
  private held: { readonly start: number; readonly bytes: Uint8Array }[] = [];

  constructor(private readonly source: RangeSource) {
    this.name = source.name;
    this.byteLength = source.byteLength;
  }

  slice(start: number, end: number): Uint8Array {
    const part = this.held.find((part) => part.start <= start && end <= part.start + part.bytes.length);
    if (!part) throw new NotFetched(start, end);
    return part.bytes.subarray(start - part.start, end - part.start);
  }

  /** What `read` returns once all bytes are there that it asks for; of earlier fetches only the last is kept. */
  async run<T>(read: () => T | Promise<T>): Promise<T> {
    this.held = this.held.slice(-1);
    for (;;)
      try {
        return await read();
      } catch (error) {
        if (!(error instanceof NotFetched)) throw error;
        const { start, end } = error;
        const stop = Math.min(this.byteLength, Math.max(end, start + this.ahead));
        this.held.push({ start, bytes: await this.source.read(start, stop) });
      }
  }
}
