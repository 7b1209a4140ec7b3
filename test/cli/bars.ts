/** A small data set of bars, and a model to train on it, for the commands of vision transformers. */
import type { ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'vitest';
import { randomStream } from '../../src/random.js';
import { Workplace } from './cli.js';

/** What is trained where a test says no more. */
export const config = {
  data: '.',
  model: { image: [8, 8], patch: 2, width: 16, depth: 2, heads: 2, classes: 4 },
  training: { images: 960, batch: 16, chunk: 4, rate: 6e-3, warmup: 4, shift: 0, evaluations: 2 },
};

/** A folder with the data set and `config.json`. */
export class BarsPlace extends Workplace {
  constructor() {
    super();
    this.writeBars('.', 32, 1);
    this.writeJson('config.json', config);
  }

  /** 64 training images and so many test images in a folder, half of their files gzipped. */
  writeBars(folder: string, tests: number, seed: number): void {
    mkdirSync(this.path(folder), { recursive: true });
    const [train, test] = [bars(64, seed), bars(tests, seed + 1)];
    this.write(join(folder, 'train-images-idx3-ubyte.gz'), gzipSync(train.images));
    this.write(join(folder, 'train-labels-idx1-ubyte'), train.labels);
    this.write(join(folder, 't10k-images-idx3-ubyte'), test.images);
    this.write(join(folder, 't10k-labels-idx1-ubyte.gz'), gzipSync(test.labels));
  }

  writeJson(name: string, value: unknown): void {
    this.write(name, JSON.stringify(value));
  }

  /** Runs a command that must succeed, and gives what it printed. */
  async printed(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(args);
    expect([stderr, code]).toEqual(['', 0]);
    return stdout;
  }

  /** Waits for a file that a command writes. */
  async appeared(name: string, child: ChildProcess): Promise<void> {
    for (const deadline = Date.now() + 60_000; Date.now() < deadline; )
      if (child.exitCode !== null || this.files().includes(name)) break;
      else await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Images of 8 x 8 with a bright bar, whose place is the label, and their labels, as IDX files. */
function bars(count: number, seed: number) {
  const random = randomStream(seed);
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 4);
  const pixels = Uint8Array.from({ length: count * 64 }, (_, at) => {
    const bright = Math.floor((Math.floor(at / 8) % 8) / 2) === labels[Math.floor(at / 64)];
    return Math.floor(random.uniform() * 100) + (bright ? 120 : 0);
  });
  return { images: idx([count, 8, 8], pixels), labels: idx([count], labels) };
}

/** An IDX file of bytes. */
function idx(shape: readonly number[], data: Uint8Array): Uint8Array {
  const header = new Uint8Array(4 + 4 * shape.length);
  header.set([0, 0, 8, shape.length]);
  shape.forEach((size, i) => {
    new DataView(header.buffer).setUint32(4 + 4 * i, size);
  });
  return Buffer.concat([header, data]);
}
