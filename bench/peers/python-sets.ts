/** The sets of the Python peers: numpy as people write it, the lazy algorithm in numpy, PyTorch. */
import { readFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { absentee, type Contestant, fastest, type Laps } from '../measure.js';
import type { Shown } from '../own-sets.js';
import type { Case } from '../set-cases.js';
import type { PeerProcess } from './process.js';

/** How a peer is given the keys, and the forms of the computation that it may choose from. */
export interface Way {
  readonly name: string;
  /** float64: converted before the clock starts; cast: converted from float32 while it runs. */
  readonly keys: 'float32' | 'float64' | 'cast';
  readonly forms: readonly string[];
  readonly precision: 'float32' | 'float64';
  /** Bytes needed beside the float32 keys for each entry of these. */
  readonly bytes: number;
}

/** What people write. */
const usual = ['inverse', 'triangular solve'];

export const numpyWays = {
  float32: { name: 'numpy float32', keys: 'float32', forms: usual, precision: 'float32', bytes: 4 },
  held: {
    name: 'numpy float64, keys in float64',
    keys: 'float64',
    forms: usual,
    precision: 'float64',
    bytes: 16,
  },
  cast: {
    name: 'numpy float64, keys in float32',
    keys: 'cast',
    forms: usual,
    precision: 'float64',
    bytes: 16,
  },
  blocks: { name: 'numpy float64', keys: 'float32', forms: ['blocks'], precision: 'float64', bytes: 0 },
  lazy: { name: 'numpy', keys: 'float32', forms: ['lazy'], precision: 'float32', bytes: 0 },
} as const satisfies Record<string, Way>;

export const torchWay: Way = {
  name: 'PyTorch float32',
  keys: 'float32',
  forms: ['QR, topk'],
  precision: 'float32',
  bytes: 16,
};

/** The part of the machine's memory that a peer may take beside the keys. */
const MOST_MEMORY = 1 / 4;

/** A contestant in a process that has loaded the keys of the case; absent where that is. */
export function pythonContestant(
  peer: PeerProcess | string,
  threads: number,
  { name, keys, forms, precision, bytes }: Way,
  { n, d, epsilon }: Pick<Case, 'n' | 'd' | 'epsilon'>,
  scratch: string,
): Contestant<Shown> {
  if (typeof peer === 'string') return absentee(name, threads, peer);
  const needed = bytes * n * d;
  if (needed > MOST_MEMORY * totalmem())
    return absentee(name, threads, `not run: needs ${(needed / 2 ** 30).toFixed(0)} GiB beside the keys`);
  const run = (form: string) => peer.call<Laps>('run', { form, keys, epsilon });
  const result = async (form: string): Promise<Shown> => {
    // The process has computed another contestant's in between.
    await run(form);
    const { indices, scored } = await peer.call<{ indices: number[]; scored: boolean }>('result', {
      path: scratch,
    });
    if (!scored) return { superset: indices };
    const read = await readFile(scratch);
    const scores = new Float64Array(read.buffer, read.byteOffset, read.byteLength / 8);
    return { scores, indices, precision };
  };
  return {
    name,
    threads,
    async prepare() {
      const form = await fastest(forms, async (form) => (await run(form)).time);
      return { form, run: async () => ({ laps: await run(form), result: () => result(form) }) };
    },
  };
}
