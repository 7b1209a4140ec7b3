/** Exact attention in onnxruntime, its native kernels (node) or those in WebAssembly (web), in whichever graph is fastest. */
import type { AttentionData, AttentionResult } from '../attention-data.js';
import { absentee, type Contestant, fastest, timed } from '../measure.js';
import { type AttentionGraph, attentionGraphs } from './onnx-graph.js';
import { loadPackage, packageVersion } from './packages.js';
import { joinedChunks, queryChunks, rowsOfChunk } from './query-chunks.js';

/** The packages that there are; they have one interface. */
export const onnxruntimePackages = ['onnxruntime-node', 'onnxruntime-web'] as const;

export type OnnxruntimePackage = (typeof onnxruntimePackages)[number];

interface OrtTensor {
  readonly data: Float32Array;
}

interface Session {
  run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>>;
  release(): Promise<void>;
}

interface Onnxruntime {
  readonly env: { readonly wasm: { numThreads: number } };
  readonly InferenceSession: { create(model: Uint8Array, options: object): Promise<Session> };
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => OrtTensor;
}

/** A graph with its session, and its inputs in the graph's layout, the queries in chunks. */
interface Form {
  readonly graph: AttentionGraph;
  readonly session: Session;
  readonly feeds: readonly Record<string, OrtTensor>[];
}

/** Attention of all queries to all keys of the data; `what` says in the name what these are. */
export function onnxruntimeAttention(
  engine: OnnxruntimePackage,
  absent: string | undefined,
  threads: number,
  data: AttentionData,
  { what = 'exact', graphs = attentionGraphs } = {},
): Contestant<AttentionResult> {
  const name = `${engine}, ${what}`;
  if (packageVersion(engine) === undefined) return absentee(name, threads, absent ?? 'not installed');
  return {
    name,
    threads,
    async prepare() {
      const forms: Form[] = [];
      for (const graph of graphs) forms.push(await formOf(engine, graph, threads, data));
      const chunkTime = async ({ session, feeds }: Form) =>
        (await timed(() => session.run(feeds[0]))).milliseconds;
      const form = await fastest(forms, chunkTime);
      for (const { session } of forms) if (session !== form.session) await session.release();
      return {
        form: form.graph.name,
        async run() {
          const { milliseconds, value } = await timed(() => outputsOf(form));
          return { laps: { forward: milliseconds }, result: () => ({ out: assembled(form, value, data) }) };
        },
        estimate: async () => form.feeds.length * (await chunkTime(form)),
        close: () => form.session.release(),
      };
    },
  };
}

async function outputsOf({ session, feeds }: Form): Promise<Float32Array[]> {
  const outputs: Float32Array[] = [];
  for (const each of feeds) outputs.push((await session.run(each)).out.data);
  return outputs;
}

async function formOf(
  engine: OnnxruntimePackage,
  graph: AttentionGraph,
  threads: number,
  data: AttentionData,
): Promise<Form> {
  const { InferenceSession, Tensor, env } = await loadPackage<Onnxruntime>(engine);
  if (engine === 'onnxruntime-web') env.wasm.numThreads = threads;
  const { q, k, v, heads, n, d } = data;
  const session = await InferenceSession.create(graph.model(heads, d), {
    executionProviders: [engine === 'onnxruntime-web' ? 'wasm' : 'cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
  });
  // In Node it leaves behind the Worker of node:worker_threads, which other peers take for a browser's.
  if (engine === 'onnxruntime-web') Reflect.deleteProperty(globalThis, 'Worker');
  const tensor = (rows: Float32Array, positions: number) => {
    const dims = graph.layout === 'bhnd' ? [1, heads, positions, d] : [1, positions, heads * d];
    const laid = graph.layout === 'bhnd' ? rows : swapped(rows, heads, positions, d);
    return new Tensor('float32', laid, dims);
  };
  const keys = tensor(k, n);
  const values = tensor(v, n);
  const feeds = queryChunks(data).map((chunk) => ({
    q: tensor(rowsOfChunk(q, data, chunk), chunk.end - chunk.start),
    k: keys,
    v: values,
  }));
  return { graph, session, feeds };
}

/** [heads, m, d] from the outputs of the chunks. */
function assembled({ graph }: Form, outputs: readonly Float32Array[], data: AttentionData): Float32Array {
  if (graph.layout === 'bhnd') return joinedChunks(outputs, data);
  const { heads, d } = data;
  return joinedChunks(
    outputs.map((output) => swapped(output, output.length / (heads * d), heads, d)),
    data,
  );
}

/** [b, a, d] from [a, b, d]. */
function swapped(rows: Float32Array, a: number, b: number, d: number): Float32Array {
  const all = new Float32Array(rows.length);
  for (let i = 0; i < a; i++)
    for (let j = 0; j < b; j++) all.set(rows.subarray((i * b + j) * d, (i * b + j + 1) * d), (j * a + i) * d);
  return all;
}
