/** The built command line as a user runs it, in a folder with files of keys, queries and values. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeNpy, writeSafetensors } from '../../src/io/index.js';
import type { FloatTensor } from '../../src/keys.js';
import { randomStream } from '../../src/random.js';
import { built } from '../packaging/built.js';

/** Looked up once: that it is not older than its sources takes a walk through them. */
const program = built('cli.js');

/** What a run printed and returned. */
export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder of its own for the files of a test. */
export class Workplace {
  readonly folder: string;

  constructor(name = 'levattention-cli-') {
    this.folder = mkdtempSync(join(tmpdir(), name));
  }

  /** The path of a file in the folder. */
  path(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, content: string | Uint8Array): void {
    writeFileSync(this.path(name), content);
  }

  /** All files, each with the folder it is in. */
  files(): string[] {
    return readdirSync(this.folder, { recursive: true, encoding: 'utf8' }).sort();
  }

  start(
    args: readonly string[],
    environment: Record<string, string> = {},
    stdout: 'pipe' | number = 'pipe',
  ): ChildProcess {
    return spawn(process.execPath, [program, ...args], {
      cwd: this.folder,
      env: { ...process.env, ...environment },
      stdio: ['pipe', stdout, 'pipe'],
    });
  }

  /** Runs `levattention ...args` in the folder. */
  run(args: readonly string[], environment: Record<string, string> = {}): Promise<Finished> {
    return finished(this.start(args, environment));
  }

  /** Runs `levattention ...args` with these bytes as its standard input. */
  pipe(input: Uint8Array, args: readonly string[]): Promise<Finished> {
    const child = this.start(args);
    // A program that refuses its input does not read it to the end.
    child.stdin!.on('error', () => {}).end(input);
    return finished(child);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Waits for a process and gathers what it prints. */
export function finished(child: ChildProcess): Promise<Finished> {
  const printed = { stdout: '', stderr: '' };
  child.stdout!.on('data', (data) => (printed.stdout += data));
  child.stderr!.on('data', (data) => (printed.stderr += data));
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code) => resolve({ code, ...printed }));
  });
}

/** Random entries in [-1/2, 1/2), every so many rows six times longer; the same for a seed. */
export function tensor(
  shape: readonly number[],
  seed: number,
  longEvery = 0,
): FloatTensor & { shape: readonly number[] } {
  const random = randomStream(seed);
  const d = shape[shape.length - 1];
  const size = shape.reduce((a, b) => a * b);
  const long = (i: number) => longEvery > 0 && Math.floor(i / d) % longEvery === 0;
  return {
    shape,
    data: Float32Array.from({ length: size }, (_, i) => (random.uniform() - 0.5) * (long(i) ? 6 : 1)),
  };
}

/** Two-dimensional inputs, and four-dimensional ones with two query heads to a key head. */
export const inputs = {
  q: tensor([30, 6], 1),
  k: tensor([120, 6], 2, 13),
  v: tensor([120, 5], 3),
  q4: tensor([2, 4, 20, 6], 4),
  k4: tensor([2, 2, 60, 6], 5, 13),
  v4: tensor([2, 2, 60, 5], 6),
};

/** A workplace with the inputs as .npy files, and all of them in `all.safetensors`. */
export function workplace(): Workplace {
  const place = new Workplace();
  for (const [name, array] of Object.entries(inputs)) place.write(`${name}.npy`, writeNpy(array));
  place.write('all.safetensors', writeSafetensors(inputs));
  return place;
}

/** Interrupts a run after a second, or later where it had not `begun` by then. */
export async function interrupted(
  start: () => ChildProcess,
  begun = ({ code }: Finished) => code !== null,
): Promise<Finished> {
  for (let patience = 1000; ; patience *= 2) {
    const child = start();
    const ended = finished(child);
    const timer = setTimeout(() => child.kill('SIGINT'), patience);
    const result = await ended;
    clearTimeout(timer);
    if (begun(result) || patience > 16_000) return result;
  }
}
