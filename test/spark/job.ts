/** Jobs of `levattention spark` on a cluster, beside the same work in a single process, and Nodes that go wrong. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeNpy } from '../../src/io/index.js';
import { randomStream } from '../../src/random.js';
import { type Finished, Workplace } from '../cli/cli.js';
import type { Cluster } from './cluster.js';

/** Keys that lie in files. */
export interface Keys {
  /** The manifest. */
  readonly manifest: string;
  /** All of them in one file. */
  readonly whole: string;
  readonly partitions: number;
}

/** Lines of JSON. */
export const linesOf = (text: string) =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));

/** What a run left in its folder. */
export interface Done {
  /** What it printed, as JSON. */
  readonly summary: {
    readonly n: number;
    readonly guarantee: string;
    readonly keys: number;
    readonly passes: number;
    readonly uncertified: boolean;
    readonly skipped: { readonly partitions: number; readonly rows: number };
    readonly tasks: Readonly<Record<string, number>>;
  };
  readonly output: string;
  /** The Gram or sketch of all rows, as bytes in hexadecimal. */
  readonly all: string;
}

/** A folder with keys and what becomes of them. */
export class Jobs extends Workplace {
  constructor(private readonly cluster: Cluster) {
    super();
  }

  /** Keys in files of these sizes, some of them empty, a few far longer than the others; the same for a name. */
  keys(name: string, sizes: readonly number[], d: number, entry?: (i: number, c: number) => number): Keys {
    const random = randomStream(sizes.length);
    const n = sizes.reduce((a, b) => a + b, 0);
    const data = new Float32Array(n * d);
    for (let i = 0; i < n; i++) {
      const size = i % 997 === 5 ? 12 : i % 2 === 0 ? 1 : 1e-3;
      for (let c = 0; c < d; c++) data[i * d + c] = entry?.(i, c) ?? (random.uniform() - 0.5) * size;
    }
    const whole = `${name}.npy`;
    this.write(whole, writeNpy({ data, shape: [n, d] }));
    let offset = 0;
    const parts = sizes.map((rows, partition) => {
      const part = { partition, input: whole, start: offset, rows, offset };
      offset += rows;
      return `${JSON.stringify(part)}\n`;
    });
    this.write(`${name}.jsonl`, parts.join(''));
    return { manifest: `${name}.jsonl`, whole, partitions: sizes.length };
  }

  /** Runs `levattention ...args`, which must succeed. */
  async succeed(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(args);
    if (code !== 0) throw new Error(`levattention ${args.join(' ')} ended with ${code}: ${stderr}`);
    return stdout;
  }

  /** Runs a job on the cluster. */
  spark(args: readonly string[], environment: Record<string, string> = {}): Promise<Finished> {
    return this.run(['spark', ...this.cluster.options, ...args], {
      ...this.cluster.environment,
      ...environment,
    });
  }

  /** Runs a job that must succeed. */
  async done(manifest: string, ...args: string[]): Promise<Done> {
    const folder = mkdtempSync(join(this.folder, 'run-'));
    const output = join(folder, 'keys.jsonl');
    const { code, stdout, stderr } = await this.spark([
      '--manifest',
      manifest,
      '-o',
      output,
      '--keep',
      join(folder, 'kept'),
      '--json',
      ...args,
    ]);
    if (code !== 0 || stderr !== '') throw new Error(`the job ended with ${code}: ${stderr}`);
    const all = ['all.lev', 'all.gram']
      .map((name) => join(folder, 'kept', name))
      .find((path) => existsSync(path));
    return {
      summary: JSON.parse(stdout),
      output: readFileSync(output, 'utf8'),
      all: readFileSync(all!).toString('hex'),
    };
  }

  /** The same two passes in this process's workers, one after the other: the bytes of the Gram, and of the keys. */
  async twoPasses({ manifest, partitions }: Keys, epsilon: string): Promise<{ all: string; output: string }> {
    const parts = readFileSync(this.path(manifest), 'utf8');
    const grams = await this.worker(parts, 'gram');
    const factor = await this.merged(grams, partitions);
    const known = linesOf(grams);
    const second = linesOf(parts).map((part, i) => JSON.stringify({ ...part, ...known[i] }));
    const options = ['--factor', factor, '--epsilon', epsilon];
    const found = linesOf(await this.worker(second.join('\n'), 'filter', ...options)).slice(0, -1);
    const output = found.flatMap(({ indices, scores, undecided }) =>
      indices.map((row: number, i: number) => {
        const key = { row, score: scores[i], undecided: undecided.includes(row) };
        return `${JSON.stringify(key)}\n`;
      }),
    );
    return { all: readFileSync(factor).toString('hex'), output: output.join('') };
  }

  /** The same single pass. */
  async onePass(
    { manifest, partitions }: Keys,
    ...options: string[]
  ): Promise<{ all: string; output: string }> {
    const sketches = await this.worker(readFileSync(this.path(manifest), 'utf8'), 'sketch', ...options);
    const all = await this.merged(sketches, partitions);
    const { indices, scores, undecided } = JSON.parse(await this.succeed('finish', all, '--json'));
    const output = indices.map((row: number, i: number) => {
      const key = { row, score: scores[i], undecided: undecided.includes(row) };
      return `${JSON.stringify(key)}\n`;
    });
    return { all: readFileSync(all).toString('hex'), output: output.join('') };
  }

  private async worker(input: string, ...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.pipe(Buffer.from(input), ['worker', ...args]);
    if (code !== 0) throw new Error(`levattention worker ${args.join(' ')} ended with ${code}: ${stderr}`);
    return stdout;
  }

  /** Results up the tree of fan-in 16; the file of the last one. */
  private async merged(results: string, partitions: number): Promise<string> {
    let level = results;
    for (let count = partitions; count > 16; count = Math.ceil(count / 16))
      level = await this.worker(level, 'merge', '--fan-in', '16');
    const folder = mkdtempSync(join(this.folder, 'merged-'));
    const [{ file }] = linesOf(await this.worker(level, 'merge', '--fan-in', '16', '-o', folder));
    return file;
  }

  /**
   * A Node that does what a shell script says before it works: `mode` is that of the worker, and `once NAME` holds for the first that asks.
   * The same path on every executor.
   */
  node(name: string, script: string): string {
    const path = this.path(name);
    const marks = mkdtempSync(join(this.folder, `${name}-`));
    writeFileSync(
      path,
      `#!/bin/sh
mode=$3
once() { mkdir "${marks}/$1" 2>/dev/null; }
place="${marks}"
${script}
exec "${process.execPath}" "$@"
`,
    );
    chmodSync(path, 0o755);
    return path;
  }

  /** The folder of the marks of such a Node. */
  marks(name: string): string {
    const folder = this.files().find((file) => file.startsWith(`${name}-`) && !file.includes('/'));
    return this.path(folder!);
  }
}
