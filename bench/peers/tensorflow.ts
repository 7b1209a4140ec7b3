/** Exact attention in TensorFlow.js on its WebAssembly backend; the gradients by its `grads`. */
import type { AttentionData, AttentionResult, Pass } from '../attention-data.js';
import { absentee, type Contestant } from '../measure.js';
import { chunkedAttention } from './chunked-attention.js';
import { loadPackage, packageVersion } from './packages.js';
import { quickProduct } from './tensorflow-product.js';

interface TfTensor {
  data(): Promise<Float32Array>;
  dispose(): void;
}

interface TensorFlow {
  setBackend(name: 'wasm'): Promise<boolean>;
  tidy<Result>(work: () => Result): Result;
  keep(a: TfTensor): TfTensor;
  tensor3d(data: Float32Array, shape: readonly number[]): TfTensor;
  squeeze(a: TfTensor, axes: readonly number[]): TfTensor;
  unstack(a: TfTensor): TfTensor[];
  stack(parts: readonly TfTensor[]): TfTensor;
  matMul(a: TfTensor, b: TfTensor): TfTensor;
  transpose(a: TfTensor): TfTensor;
  mul(a: TfTensor, factor: number): TfTensor;
  add(a: TfTensor, b: TfTensor): TfTensor;
  softmax(a: TfTensor): TfTensor;
  grads(
    work: (...inputs: TfTensor[]) => TfTensor,
  ): (inputs: readonly TfTensor[], dOut: TfTensor) => TfTensor[];
  customGrad(
    work: (
      a: TfTensor,
      b: TfTensor,
      save: (kept: readonly TfTensor[]) => void,
    ) => { value: TfTensor; gradFunc: (dOut: TfTensor, saved: readonly TfTensor[]) => TfTensor[] },
  ): (a: TfTensor, b: TfTensor) => TfTensor;
}

/** One thread: its backend has no more outside a browser. */
export function tensorflowAttention(
  absent: string | undefined,
  data: AttentionData,
  pass: Pass,
): Contestant<AttentionResult> {
  const name = 'TensorFlow.js, exact';
  if (packageVersion('@tensorflow/tfjs-backend-wasm') === undefined)
    return absentee(name, 1, absent ?? 'not installed');
  const { heads, d } = data;
  return {
    name,
    threads: 1,
    async prepare() {
      const tf = await loadPackage<TensorFlow>('@tensorflow/tfjs');
      await loadPackage('@tensorflow/tfjs-backend-wasm');
      if (!(await tf.setBackend('wasm'))) throw new Error('its WebAssembly backend does not start');
      const product = quickProduct(tf);
      const attention = (...inputs: TfTensor[]) => {
        // The gradient of unstacking fails for one head.
        const [q, k, v] = inputs.map((each) => (heads === 1 ? [tf.squeeze(each, [0])] : tf.unstack(each)));
        return tf.stack(
          q.map((rows, h) => {
            const logits = tf.mul(product(rows, tf.transpose(k[h])), 1 / Math.sqrt(d));
            return product(tf.softmax(logits), v[h]);
          }),
        );
      };
      const engine = {
        tensor: (rows: Float32Array) => tf.tensor3d(rows, [heads, rows.length / (heads * d), d]),
        attend: (q: TfTensor, k: TfTensor, v: TfTensor, dOut: TfTensor | undefined) =>
          tf.tidy(() => {
            if (!dOut) return [attention(q, k, v)];
            // Its `grads` would let go of the output.
            let out: TfTensor | undefined;
            const kept = (...inputs: TfTensor[]) => (out = tf.keep(attention(...inputs)));
            const gradients = tf.grads(kept)([q, k, v], dOut);
            return [out!, ...gradients];
          }),
        add(a: TfTensor, b: TfTensor) {
          const sum = tf.add(a, b);
          a.dispose();
          b.dispose();
          return sum;
        },
        async read(tensor: TfTensor) {
          const rows = await tensor.data();
          tensor.dispose();
          return rows;
        },
        dispose: (tensor: TfTensor) => tensor.dispose(),
      };
      return chunkedAttention(engine, data, pass);
    },
  };
}
