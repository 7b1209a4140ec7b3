/** Attention in chunks of queries for engines that write all logits down: outputs side by side, gradients of keys and values added. */
import type { AttentionData, AttentionResult, Pass } from '../attention-data.js';
import { type Prepared, timed } from '../measure.js';
import { joinedChunks, queryChunks, rowsOfChunk } from './query-chunks.js';

/** What an engine does with its tensors of type T. */
export interface Engine<T> {
  /** [heads, rows, d]. */
  tensor(rows: Float32Array): T;
  /** [out], or with dOut [out, dq, dk, dv]; leaves its inputs alone. */
  attend(q: T, k: T, v: T, dOut: T | undefined): T[];
  /** a + b, both of which it lets go. */
  add(a: T, b: T): T;
  /** The entries of a tensor, which it lets go. */
  read(tensor: T): Promise<Float32Array>;
  dispose(tensor: T): void;
}

/** Copies the inputs into the engine beforehand; a run ends with its results in JavaScript's memory. */
export function chunkedAttention<T>(
  { tensor, attend, add, read, dispose }: Engine<T>,
  data: AttentionData,
  pass: Pass,
): Prepared<AttentionResult> {
  const [k, v] = [tensor(data.k), tensor(data.v)];
  const chunks = queryChunks(data).map((chunk) => ({
    q: tensor(rowsOfChunk(data.q, data, chunk)),
    dOut: pass === 'forward' ? undefined : tensor(rowsOfChunk(data.dOut, data, chunk)),
  }));
  const compute = async () => {
    const outs: Float32Array[] = [];
    const dqs: Float32Array[] = [];
    let sums: T[] = [];
    for (const { q, dOut } of chunks) {
      const [out, dq, ...gradients] = attend(q, k, v, dOut);
      outs.push(await read(out));
      if (dq !== undefined) dqs.push(await read(dq));
      sums = sums.length > 0 ? sums.map((sum, i) => add(sum, gradients[i])) : gradients;
    }
    const [dk, dv] = await Promise.all(sums.map(read));
    return { outs, dqs, dk, dv };
  };
  const first = () => Promise.all(attend(chunks[0].q, k, v, chunks[0].dOut).map(read));
  return {
    async run() {
      const { milliseconds, value } = await timed(compute);
      const { outs, dqs, dk, dv } = value;
      return {
        laps: { [pass]: milliseconds },
        result: () => ({
          out: joinedChunks(outs, data),
          dq: dqs.length > 0 ? joinedChunks(dqs, data) : undefined,
          dk,
          dv,
        }),
      };
    },
    async estimate() {
      // The first time it may be compiled.
      await first();
      return chunks.length * (await timed(first)).milliseconds;
    },
    async close() {
      for (const { q, dOut } of chunks) for (const each of [q, dOut]) if (each !== undefined) dispose(each);
      dispose(k);
      dispose(v);
    },
  };
}
