/** numpy and OpenBLAS in a process of their own (numpy_peer.py), which holds the same bytes and times its own computation. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { absentee, type Contestant, fastest, type Laps } from '../measure.js';
import type { Case, Found } from '../universal-set.js';

const script = fileURLToPath(new URL('numpy_peer.py', import.meta.url));

/** What the process says of itself. */
export interface NumpyVersions {
  readonly python: string;
  readonly numpy: string;
  readonly scipy: string;
  /** The libraries with the kernel that each chose for this processor. */
  readonly blas: readonly string[];
}

/** A running process: one line of JSON for a call, one for its reply. */
export interface NumpyProcess {
  readonly threads: number;
  call<Reply = object>(name: string, parameters?: object): Promise<Reply>;
  close(): void;
}

/** Starts the process with OpenBLAS free to choose its kernel, at a given number of threads. */
export function startNumpy(python: string, threads: number): NumpyProcess {
  const count = String(threads);
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    OPENBLAS_NUM_THREADS: count,
    OMP_NUM_THREADS: count,
    MKL_NUM_THREADS: count,
  };
  delete env.OPENBLAS_CORETYPE;
  delete env.OPENBLAS_L2_SIZE;
  const child = spawn(python, [script], { env, stdio: ['pipe', 'pipe', 'pipe'] });
  // A process that is gone answers no more: that is what its reader reports.
  child.on('error', () => {});
  child.stdin.on('error', () => {});
  let complaint = '';
  child.stderr.on('data', (bytes) => {
    complaint = `${complaint}${bytes}`.slice(-2000);
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    threads,
    async call<Reply>(name: string, parameters: object = {}) {
      child.stdin.write(`${JSON.stringify({ call: name, ...parameters })}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`numpy ended: ${complaint.trim().split('\n').at(-1) || 'no message'}`);
      const reply: Reply & { error?: string } = JSON.parse(value);
      if (reply.error !== undefined) throw new Error(reply.error);
      return reply;
    },
    close: () => child.stdin.end(),
  };
}

/** How numpy is given the keys, and the forms of the computation that it may choose from. */
export interface NumpyWay {
  readonly name: string;
  /** float64: converted before the clock starts; cast: converted from float32 while it runs. */
  readonly keys: 'float32' | 'float64' | 'cast';
  readonly forms: readonly string[];
  readonly precision: 'float32' | 'float64';
}

/** What people write. */
const usual = ['inverse', 'triangular solve'];

export const numpyWays: readonly NumpyWay[] = [
  { name: 'numpy float64, keys in float64', keys: 'float64', forms: usual, precision: 'float64' },
  { name: 'numpy float64, keys in float32', keys: 'cast', forms: usual, precision: 'float64' },
  { name: 'numpy float64', keys: 'float32', forms: ['blocks'], precision: 'float64' },
  { name: 'numpy float32', keys: 'float32', forms: usual, precision: 'float32' },
];

/** One contestant for each way; the process has loaded the keys of the case. */
export function numpyContestants(
  numpy: NumpyProcess | undefined,
  threads: number,
  absent: string | undefined,
  { epsilon }: Case,
  scratch: string,
): Contestant<Found>[] {
  return numpyWays.map(({ name, keys, forms, precision }) => {
    if (!numpy) return absentee(name, threads, absent ?? 'absent');
    const run = (form: string) => numpy.call<Laps>('run', { form, keys, epsilon });
    const result = async (form: string): Promise<Found> => {
      // The process has computed another contestant's in between.
      await run(form);
      const { indices } = await numpy.call<{ indices: number[] }>('result', { path: scratch });
      const bytes = await readFile(scratch);
      const scores = new Float64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8);
      return { scores, indices, precision };
    };
    return {
      name,
      threads,
      async prepare() {
        const form = await fastest(forms, async (form) => (await run(form)).set);
        return { form, run: async () => ({ laps: await run(form), result: () => result(form) }) };
      },
    };
  });
}
