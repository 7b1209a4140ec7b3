/** Rows without end through the built command line: does it find what was planted, in how much memory? */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { plantedRows } from './planted.js';

const peakMemory = new URL('peak-memory.mjs', import.meta.url).href;

/** Columns and threshold of every run. */
const D = 32;
const EPSILON = 0.01;
/** The most memory that the command line may hold, however many rows come: 200 MB. */
export const MOST_BYTES = 200e6;

/** What came out of a run. */
export interface Soaked {
  readonly rows: number;
  readonly seconds: number;
  /** The most memory that the process held, in bytes. */
  readonly peak: number;
  /** What is not as it must be; empty where all is well. */
  readonly faults: readonly string[];
}

/** What `levattention find --json` prints, as far as it is looked at. */
export interface Printed {
  readonly n: number;
  readonly guarantee: string;
  readonly indices: readonly number[];
}

/** The command line that is measured. */
export const builtProgram = fileURLToPath(new URL('../dist/cli.js', import.meta.url));

/** Pipes planted rows of 32 float32 numbers into `find -`; `report` gets the number of rows that are on their way. */
export async function soak(rows: number, report: (rows: number) => void = () => {}): Promise<Soaked> {
  const started = performance.now();
  const { heavy, pieces } = plantedRows(rows, D, EPSILON);
  const stream = ['-', '--raw', 'f32', '--cols', String(D)];
  const args = ['find', ...stream, '--epsilon', String(EPSILON), '--json'];
  const child = spawn(process.execPath, ['--import', peakMemory, builtProgram, ...args], {
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
  });
  const [[code], stdout, stderr, peak] = await Promise.all([
    once(child, 'close'),
    text(child.stdout!),
    text(child.stderr!),
    text(child.stdio[3] as Readable),
    // That it stopped reading is told by what it printed.
    pipeline(Readable.from(bytesOf(pieces(), report)), child.stdin!).catch(() => {}),
  ]);
  const seconds = (performance.now() - started) / 1000;
  const faults =
    code !== 0 ? [stderr.trim() || `ended with ${code}`] : faultsOf(JSON.parse(stdout), rows, heavy);
  const measured = { rows, seconds, peak: Number(peak) };
  if (!(measured.peak < MOST_BYTES)) faults.push(`the peak of memory must be below ${megabytes(MOST_BYTES)}`);
  return { ...measured, faults };
}

function* bytesOf(pieces: Iterable<Float32Array>, report: (rows: number) => void): Generator<Uint8Array> {
  let rows = 0;
  for (const { buffer, byteOffset, byteLength, length } of pieces) {
    yield new Uint8Array(buffer, byteOffset, byteLength);
    report((rows += length / D));
  }
}

/** What is wrong with the set of planted rows. */
export function faultsOf(
  { n, guarantee, indices }: Printed,
  rows: number,
  heavy: readonly number[],
): string[] {
  const faults: string[] = [];
  const lost = heavy.filter((i) => !indices.includes(i));
  const extra = indices.filter((i) => !heavy.includes(i));
  if (n !== rows) faults.push(`${n} rows were counted`);
  if (guarantee !== 'minimal') faults.push(`the set must be minimal, got ${guarantee}`);
  if (lost.length > 0) faults.push(`planted rows are lost: ${lost.join(', ')}`);
  if (extra.length > 0)
    faults.push(`rows are in the set that are not heavy: ${extra.slice(0, 9).join(', ')}`);
  return faults;
}

/** `131 MB`. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
