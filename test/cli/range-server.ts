/** A local HTTP server that gives ranges of bytes, and everything that can go wrong with them. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A file, and how the server deals with it; a request is the number-th for it, counted from 0. */
export interface Served {
  readonly bytes: Uint8Array;
  readonly etag?: (request: number) => string | undefined;
  /** Answers in its own way; true where it did. */
  readonly fault?: (response: ServerResponse, range: Range, request: number) => boolean;
}

/** The bytes that a request asks for, its end cut to that of the file. */
export interface Range {
  readonly start: number;
  readonly end: number;
  readonly part: Uint8Array;
  readonly headers: Record<string, string>;
}

/** A running server. */
export class RangeServer {
  /** By path, such as `/keys.npy`. */
  readonly files = new Map<string, Served>();
  /** Ranges that were asked for, in order: `/keys.npy 0-15`. */
  readonly requests: string[] = [];
  private readonly counts = new Map<string, number>();
  private readonly server = createServer((request, response) => this.answer(request, response));

  constructor(private readonly host = '127.0.0.1') {}

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, this.host, resolve));
    return this;
  }

  /** Serves a file under a path, and gives its URL. */
  serve(path: string, file: Served): string {
    this.files.set(path, file);
    return `http://${this.host}:${(this.server.address() as AddressInfo).port}${path}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url!.replace(/\?.*/, '');
    const file = this.files.get(path);
    if (!file) return void response.writeHead(404).end('no such page');
    const { bytes } = file;
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    const number = this.counts.get(path) ?? 0;
    this.counts.set(path, number + 1);
    this.requests.push(`${path} ${first}-${last}`);
    const [start, end] = [Number(first), Math.min(bytes.length, Number(last) + 1)];
    if (!(start < end))
      return void response.writeHead(416, { 'Content-Range': `bytes */${bytes.length}` }).end();
    const etag = file.etag?.(number);
    const headers: Record<string, string> = {
      'Content-Range': `bytes ${start}-${end - 1}/${bytes.length}`,
      'Content-Length': `${end - start}`,
      ...(etag === undefined ? {} : { ETag: etag }),
    };
    const part = bytes.subarray(start, end);
    if (!file.fault?.(response, { start, end, part, headers }, number))
      response.writeHead(206, headers).end(part);
  }
}
