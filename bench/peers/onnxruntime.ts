/** Exact attention in onnxruntime-node, its native CPU kernels, in whichever graph is fastest. */
import { type Contestant, fastest, timed } from '../measure.js';
import { type AttentionGraph, attentionGraphs } from './onnx-graph.js';
import { loadPackage } from './packages.js';

interface OrtTensor {
  readonly data: Float32Array;
}

interface Session {
  run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>>;
  release(): Promise<void>;
}

interface Onnxruntime {
  readonly InferenceSession: { create(model: Uint8Array, options: object): Promise<Session> };
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => OrtTensor;
}

/** q [heads, m, d], k and v [heads, n, d]. */
export interface AttentionData {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
  readonly heads: number;
  readonly m: number;
  readonly n: number;
  readonly d: number;
}

/** Attention logits of a call at most: where it writes them down they stay near the cache, which is faster than all at once. */
const LOGITS = 2 ** 23;

/** Queries of a call at least and at most. */
const LEAST_QUERIES = 256;
const MOST_QUERIES = 1024;

/** A graph with its session, and its inputs in the graph's layout, the queries in chunks. */
interface Form {
  readonly graph: AttentionGraph;
  readonly session: Session;
  readonly chunks: readonly { readonly feeds: Record<string, OrtTensor>; readonly queries: number }[];
}

/** Exact attention of all queries. */
export function onnxruntimeContestant(
  name: string,
  threads: number,
  data: AttentionData,
  graphs = attentionGraphs,
): Contestant<Float32Array> {
  return {
    name,
    threads,
    async prepare() {
      const forms: Form[] = [];
      for (const graph of graphs) forms.push(await formOf(graph, threads, data));
      const form = await fastest(forms, async ({ session, chunks }) => {
        return (await timed(() => session.run(chunks[0].feeds))).milliseconds;
      });
      for (const { session } of forms) if (session !== form.session) await session.release();
      return {
        form: form.graph.name,
        async run() {
          const { milliseconds, value } = await timed(() => outputsOf(form));
          return { laps: { forward: milliseconds }, result: () => assemble(form, value, data) };
        },
        close: () => form.session.release(),
      };
    },
  };
}

async function outputsOf({ session, chunks }: Form): Promise<Float32Array[]> {
  const outputs: Float32Array[] = [];
  for (const { feeds } of chunks) outputs.push((await session.run(feeds)).out.data);
  return outputs;
}

async function formOf(graph: AttentionGraph, threads: number, data: AttentionData): Promise<Form> {
  const { InferenceSession, Tensor } = await loadPackage<Onnxruntime>('onnxruntime-node');
  const { q, k, v, heads, m, n, d } = data;
  const session = await InferenceSession.create(graph.model(heads, d), {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
  });
  const tensor = (rows: Float32Array, positions: number, start: number, end: number) => {
    const part = new Float32Array(heads * (end - start) * d);
    const place = placeIn(graph, heads, end - start, d);
    for (let h = 0; h < heads; h++)
      for (let i = start; i < end; i++)
        part.set(rows.subarray((h * positions + i) * d, (h * positions + i + 1) * d), place(h, i - start));
    const dims = graph.layout === 'bhnd' ? [1, heads, end - start, d] : [1, end - start, heads * d];
    return new Tensor('float32', part, dims);
  };
  const keys = tensor(k, n, 0, n);
  const values = tensor(v, n, 0, n);
  const step = Math.min(MOST_QUERIES, Math.max(LEAST_QUERIES, Math.floor(LOGITS / (heads * n))));
  const chunks = Array.from({ length: Math.ceil(m / step) }, (_, c) => {
    const end = Math.min(m, (c + 1) * step);
    return { feeds: { q: tensor(q, m, c * step, end), k: keys, v: values }, queries: end - c * step };
  });
  return { graph, session, chunks };
}

/** Where the row of a head's position starts. */
function placeIn({ layout }: AttentionGraph, heads: number, positions: number, d: number) {
  return layout === 'bhnd'
    ? (h: number, i: number) => (h * positions + i) * d
    : (h: number, i: number) => (i * heads + h) * d;
}

/** [heads, m, d] from the outputs of the chunks. */
function assemble(
  { graph, chunks }: Form,
  outputs: readonly Float32Array[],
  { heads, m, d }: AttentionData,
): Float32Array {
  const all = new Float32Array(heads * m * d);
  let start = 0;
  for (const [c, { queries }] of chunks.entries()) {
    const place = placeIn(graph, heads, queries, d);
    for (let h = 0; h < heads; h++)
      for (let i = 0; i < queries; i++)
        all.set(outputs[c].subarray(place(h, i), place(h, i) + d), (h * m + start + i) * d);
    start += queries;
  }
  return all;
}
