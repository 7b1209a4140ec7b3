/** Exact attention in PyTorch, forward or forward and backward, in a process of its own. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AttentionData, AttentionResult, Pass } from '../attention-data.js';
import { absentee, type Contestant, fastest } from '../measure.js';
import { type PeerProcess, startPeer } from './process.js';
import type { PythonPeers } from './python.js';

/** The kernel that writes no logits, and the one that writes all of them. */
export const FUSED = 'fused';
const PLAIN = 'plain';

/** Logits up to which the plain kernel is tried: beyond, their several copies would not fit in memory. */
const MOST_LOGITS = 2 ** 26;

/** Queries by which the time of more than these is estimated. */
const ESTIMATE_QUERIES = 1024;

/** Its process. */
export const TORCH_SCRIPT = 'torch_attention.py';

/** Hands the process the data of a case. */
export async function loadTorch(
  peer: PeerProcess,
  { q, k, v, dOut, heads, m, n, d }: AttentionData,
  folder: string,
): Promise<void> {
  const path = join(folder, 'attention.f32');
  const parts = [q, k, v, dOut].map((part) => new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
  await writeFile(path, parts);
  await peer.call('load', { path, heads, queries: m, keys: n, columns: d });
}

/** The parameters of a run of the process. */
export function torchRun(form: string, pass: Pass, queries: number) {
  return { form, backward: pass !== 'forward', queries };
}

/** Why there is no PyTorch. */
export function torchAbsent(python: PythonPeers | { readonly absent: string }): string | undefined {
  return 'python' in python ? python.torch : python.absent;
}

/** Exact attention of all queries, in whichever kernel is fastest. */
export function torchAttention(
  python: PythonPeers | { readonly absent: string },
  threads: number,
  data: AttentionData,
  pass: Pass,
  folder: string,
): Contestant<AttentionResult> {
  const name = 'PyTorch, exact';
  const absent = torchAbsent(python);
  if (!('python' in python) || absent !== undefined)
    return absentee(name, threads, absent ?? 'not installed');
  const { heads, m, n, d } = data;
  return {
    name,
    threads,
    async prepare() {
      const peer = startPeer(python.python, TORCH_SCRIPT, threads);
      await loadTorch(peer, data, folder);
      const run = (form: string, queries: number) =>
        peer.call<{ time: number }>('run', torchRun(form, pass, queries));
      const few = Math.min(m, ESTIMATE_QUERIES);
      const forms = heads * m * n <= MOST_LOGITS ? [FUSED, PLAIN] : [FUSED];
      const form = await fastest(forms, async (form) => (await run(form, m)).time);
      const result = async (): Promise<AttentionResult> => {
        const path = join(folder, 'attention-result.f32');
        await peer.call('result', { path });
        const read = await readFile(path);
        const all = new Float32Array(read.buffer, read.byteOffset, read.byteLength / 4);
        const rows = [m, m, n, n].map((count) => heads * count * d);
        const [out, dq, dk, dv] = rows.map((size, i) => {
          const start = rows.slice(0, i).reduce((sum, each) => sum + each, 0);
          return start < all.length ? all.subarray(start, start + size) : undefined;
        });
        return { out: out!, dq, dk, dv };
      };
      return {
        form,
        run: async () => ({ laps: { [pass]: (await run(form, m)).time }, result }),
        async estimate() {
          // The first time it makes its threads.
          await run(form, few);
          return (m / few) * (await run(form, few)).time;
        },
        close: async () => peer.close(),
      };
    },
  };
}
