/** Files on HTTP servers, read by ranges of bytes (RFC 9110, section 14): every answer is checked, and a lost one is asked for again. */
import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { InputError } from './failure.js';
import type { RangeSource } from './range-source.js';

/** How patient requests are. */
export interface Patience {
  /** Aborts requests. */
  readonly signal?: AbortSignal;
  /** Milliseconds without a byte after which an answer is given up. */
  readonly idle?: number;
  /** Milliseconds before each further try of a request that failed on the way or in the server. */
  readonly pauses?: readonly number[];
}

/** The first bytes of a file come with the answer that tells its length. */
const LEAD_BYTES = 4096;

/** Whether a reference is to a server. */
export function isUrl(reference: string): boolean {
  return /^https?:\/\//i.test(reference);
}

/** A URL as RFC 3986, section 6.2.2, writes it, the same for spellings that mean the same. */
export function normalUrl(url: string): string {
  if (!URL.canParse(url)) return url;
  return new URL(url).href.replace(/%[0-9a-f]{2}/gi, (code) => {
    const letter = String.fromCharCode(Number.parseInt(code.slice(1), 16));
    return /[\w.~-]/.test(letter) ? letter : code.toUpperCase();
  });
}

/** A failure that may pass: of the network, or of a server that is busy. */
class Passing extends Error {}

/** What tells one version of a file from another. */
interface Version {
  readonly length: number;
  /** The ETag or, where there is none, the time of the last change. */
  readonly tag: string | null;
}

/**
 * Opens a file on a server. Its length and version are those of the first answer, and every later one must be of the same.
 *
 * @throws InputError, one line, where the server cannot be reached, has no such file, or does not give ranges of it
 */
export async function openUrl(url: string, patience: Patience = {}): Promise<RangeSource> {
  const name = shownUrl(url);
  const { bytes: lead, version } = await requested(url, name, 0, LEAD_BYTES, patience);
  const strong = version.tag !== null && /^"/.test(version.tag);
  return {
    name,
    byteLength: version.length,
    identity: () => (strong ? `${digestOf(url)} ${version.length} ${version.tag}` : undefined),
    async read(start, end) {
      if (end <= lead.length) return lead.subarray(start, end);
      return (await requested(url, name, start, end, patience, version)).bytes;
    },
  };
}

/** A URL as a whole, which may be secret in part, told from others. */
function digestOf(url: string): string {
  return createHash('sha256').update(url).digest('hex');
}

/** A URL for messages: what follows the path may be a signature that is nobody's business. */
function shownUrl(url: string): string {
  if (!URL.canParse(url)) throw new InputError(`${url}: is not a URL`);
  const parsed = new URL(url);
  if (parsed.username || parsed.password)
    throw new InputError(`${parsed.origin}${parsed.pathname}: a user and a password cannot be part of a URL`);
  return `${parsed.origin}${parsed.pathname}${parsed.search && '?...'}`;
}

/** The bytes [start, end) of a file, or those up to its end where the version is not known yet; tries again what may pass. */
async function requested(
  url: string,
  name: string,
  start: number,
  end: number,
  { signal, idle = 30_000, pauses = [200, 1000] }: Patience,
  version?: Version,
): Promise<{ bytes: Uint8Array; version: Version }> {
  for (let attempt = 0; ; attempt++)
    try {
      return await request(url, name, start, end, { signal, idle }, version);
    } catch (error) {
      if (!(error instanceof Passing)) throw error;
      if (attempt === pauses.length)
        throw new InputError(`${name}: ${error.message}, in ${attempt + 1} tries`);
      await wait(pauses[attempt], undefined, { signal });
    }
}

/** One request. */
async function request(
  url: string,
  name: string,
  start: number,
  end: number,
  { signal, idle }: { signal?: AbortSignal; idle: number },
  version?: Version,
): Promise<{ bytes: Uint8Array; version: Version }> {
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(), idle);
  const both = signal ? AbortSignal.any([signal, silence.signal]) : silence.signal;
  const headers = { Range: `bytes=${start}-${end - 1}`, 'Accept-Encoding': 'identity' };
  try {
    const response = await fetch(url, { headers, signal: both });
    try {
      const found = versionOf(response, name, start, end);
      refuseOther(found, version, name);
      const length = Math.min(end, found.length) - start;
      return { bytes: await bodyOf(response, length, name, timer), version: found };
    } finally {
      // Of a refused answer nothing more is wanted; an answer that was read has nothing more to give.
      await response.body?.cancel().catch(() => {});
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof InputError || error instanceof Passing) throw error;
    if (silence.signal.aborted) throw new Passing(`the server did not answer for ${idle / 1000} s`);
    throw new Passing(`the connection failed (${reasonOf(error)})`);
  } finally {
    clearTimeout(timer);
  }
}

/** What lies behind "fetch failed". */
function reasonOf(error: unknown): string {
  const { cause, message } = error as Error;
  const { code } = (cause ?? {}) as NodeJS.ErrnoException;
  return code ?? (cause as Error | undefined)?.message ?? message;
}

/** The version that an answer is of, once it is known to be of the range that was asked for. */
function versionOf(response: Response, name: string, start: number, end: number): Version {
  const { status, headers } = response;
  const refuse = (rule: string): never => {
    throw new InputError(`${name}: ${rule}`);
  };
  if (status === 200)
    refuse('the server gives the whole file and no ranges of bytes (HTTP 200): download it first');
  if (status === 404 || status === 410) refuse(`no such file (HTTP ${status})`);
  if (status === 401 || status === 403) refuse(`permission denied (HTTP ${status})`);
  if (status === 416) refuse('is empty, or has become shorter (HTTP 416)');
  if (status === 429 || status >= 500) throw new Passing(`the server answers HTTP ${status}`);
  if (status !== 206) refuse(`the server answers HTTP ${status}, not with a range of bytes`);
  const range = headers.get('Content-Range');
  const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(range ?? '') ?? [];
  const length = Number(total);
  if (Number(first) !== start || Number(last) !== Math.min(end, length) - 1)
    refuse(
      `asked for bytes ${start} to ${end - 1}, the server gives '${range ?? 'a range without a place'}'`,
    );
  if (headers.get('Content-Encoding') !== null)
    refuse(
      `the server gives the range packed as ${headers.get('Content-Encoding')}, which was not asked for`,
    );
  return { length, tag: headers.get('ETag') ?? headers.get('Last-Modified') };
}

/** Refuses an answer of another version than the one before. */
function refuseOther(found: Version, version: Version | undefined, name: string): void {
  if (version && (found.length !== version.length || found.tag !== version.tag))
    throw new InputError(`${name}: has changed while it was read`);
}

/** The body of an answer, which must have this length; every piece of it winds up the timer. */
async function bodyOf(
  response: Response,
  length: number,
  name: string,
  timer: NodeJS.Timeout,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  const reader = response.body!.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      timer.refresh();
      if (filled + value.length > length)
        throw new InputError(`${name}: the server gives more than the ${length} bytes of a range`);
      bytes.set(value, filled);
      filled += value.length;
    }
  } finally {
    reader.releaseLock();
  }
  if (filled < length) throw new Passing(`the answer ended after ${filled} of ${length} bytes`);
  return bytes;
}
