/** Exact attention in jax-js on its WebAssembly backend, jitted; the gradients by its vjp. */
import type { AttentionData, AttentionResult, Pass } from '../attention-data.js';
import { absentee, type Contestant } from '../measure.js';
import { chunkedAttention } from './chunked-attention.js';
import { loadPackage, packageVersion } from './packages.js';

/** An array counts its references: each use but the last takes `.ref`. */
interface JaxArray {
  readonly ref: JaxArray;
  add(other: JaxArray): JaxArray;
  mul(factor: number): JaxArray;
  reshape(shape: readonly number[]): JaxArray;
  data(): Promise<Float32Array>;
  dispose(): void;
}

type Work<Result> = (...arrays: JaxArray[]) => Result;

interface Jax {
  init(device: 'wasm'): Promise<unknown>;
  defaultDevice(device: 'wasm'): unknown;
  jit<Result>(work: Work<Result>): Work<Result>;
  vjp(work: Work<JaxArray>, inputs: readonly JaxArray[]): [JaxArray, (dOut: JaxArray) => JaxArray[]];
  readonly numpy: {
    array(data: Float32Array): JaxArray;
    matmul(a: JaxArray, b: JaxArray): JaxArray;
    transpose(a: JaxArray, axes: readonly number[]): JaxArray;
  };
  readonly nn: { softmax(a: JaxArray, axis: number): JaxArray };
}

/** As products and a softmax: its dotProductAttention computes the same, and needs a newer Node. */
export function jaxAttention(
  absent: string | undefined,
  data: AttentionData,
  pass: Pass,
): Contestant<AttentionResult> {
  const name = 'jax-js, exact';
  if (packageVersion('@jax-js/jax') === undefined) return absentee(name, 1, absent ?? 'not installed');
  const { heads, d } = data;
  return {
    name,
    threads: 1,
    async prepare() {
      const { init, defaultDevice, jit, vjp, numpy, nn } = await loadPackage<Jax>('@jax-js/jax');
      await init('wasm');
      defaultDevice('wasm');
      const attend: Work<JaxArray> = (q, k, v) => {
        const logits = numpy.matmul(q, numpy.transpose(k, [0, 2, 1])).mul(1 / Math.sqrt(d));
        return numpy.matmul(nn.softmax(logits, 2), v);
      };
      const forward = jit((q, k, v) => [attend(q, k, v)]);
      const both = jit((q, k, v, dOut) => {
        const [out, backward] = vjp(attend, [q, k, v]);
        return [out, ...backward(dOut)];
      });
      const engine = {
        tensor: (rows: Float32Array) => numpy.array(rows).reshape([heads, rows.length / (heads * d), d]),
        attend: (q: JaxArray, k: JaxArray, v: JaxArray, dOut: JaxArray | undefined) =>
          dOut ? both(q.ref, k.ref, v.ref, dOut.ref) : forward(q.ref, k.ref, v.ref),
        add: (a: JaxArray, b: JaxArray) => a.add(b),
        read: (array: JaxArray) => array.data(),
        dispose: (array: JaxArray) => array.dispose(),
      };
      return chunkedAttention(engine, data, pass);
    },
  };
}
