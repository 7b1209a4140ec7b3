/** A Python peer in a process of its own (peer.py), which holds the same bytes and times its own computation. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** What the process says of itself: versions by name, and the BLAS libraries with the kernel that each chose for this processor. */
export type PeerVersions = Readonly<Record<string, string>> & { readonly blas: readonly string[] };

/** A running process: one line of JSON for a call, one for its reply. */
export interface PeerProcess {
  readonly threads: number;
  call<Reply = object>(name: string, parameters?: object): Promise<Reply>;
  close(): void;
}

/** Starts a script of this folder with OpenBLAS free to choose its kernel, at a given number of threads. */
export function startPeer(python: string, script: string, threads: number): PeerProcess {
  const count = String(threads);
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    OPENBLAS_NUM_THREADS: count,
    OMP_NUM_THREADS: count,
    MKL_NUM_THREADS: count,
    // No compiled files beside the scripts.
    PYTHONDONTWRITEBYTECODE: '1',
  };
  delete env.OPENBLAS_CORETYPE;
  delete env.OPENBLAS_L2_SIZE;
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(python, [path], { env, stdio: ['pipe', 'pipe', 'pipe'] });
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
      if (done) throw new Error(`${script} ended: ${complaint.trim().split('\n').at(-1) || 'no message'}`);
      const reply: Reply & { error?: string } = JSON.parse(value);
      if (reply.error !== undefined) throw new Error(reply.error);
      return reply;
    },
    close: () => child.stdin.end(),
  };
}
