/** A training step in TensorFlow.js on its WebAssembly backend: its gradients, clipping and AdamW, with the attention head by head or stacked. */
import { absentee, type Contestant, fastest, timed } from '../measure.js';
import { measuredSteps, type StepNumbers } from '../own-training.js';
import type { FirstStep, TrainingData } from '../training-data.js';
import { loadPackage, packageVersion } from './packages.js';
import { quickProduct } from './tensorflow-product.js';
import { heldShape, type Layers, vitLoss } from './vit-model.js';

interface TfTensor {
  dataSync(): Float32Array;
  dispose(): void;
}

interface TensorFlow {
  setBackend(name: 'wasm'): Promise<boolean>;
  tidy<Result>(work: () => Result): Result;
  tensor(data: Float32Array, shape: readonly number[]): TfTensor;
  zeros(shape: readonly number[]): TfTensor;
  reshape(a: TfTensor, shape: readonly number[]): TfTensor;
  concat(parts: readonly TfTensor[], axis: number): TfTensor;
  tile(a: TfTensor, counts: readonly number[]): TfTensor;
  slice(a: TfTensor, begin: readonly number[], size: readonly number[]): TfTensor;
  split(a: TfTensor, parts: number, axis: number): TfTensor[];
  unstack(a: TfTensor): TfTensor[];
  stack(parts: readonly TfTensor[]): TfTensor;
  matMul(a: TfTensor, b: TfTensor): TfTensor;
  transpose(a: TfTensor, axes?: readonly number[]): TfTensor;
  mul(a: TfTensor, b: TfTensor | number): TfTensor;
  add(a: TfTensor, b: TfTensor | number): TfTensor;
  sub(a: TfTensor, b: TfTensor): TfTensor;
  div(a: TfTensor, b: TfTensor): TfTensor;
  square(a: TfTensor): TfTensor;
  sqrt(a: TfTensor): TfTensor;
  erf(a: TfTensor): TfTensor;
  exp(a: TfTensor): TfTensor;
  sum(a: TfTensor): TfTensor;
  mean(a: TfTensor, axis: number, keepDims: boolean): TfTensor;
  addN(parts: readonly TfTensor[]): TfTensor;
  softmax(a: TfTensor): TfTensor;
  logSoftmax(a: TfTensor): TfTensor;
  valueAndGrads(
    work: (...inputs: TfTensor[]) => TfTensor,
  ): (inputs: readonly TfTensor[]) => { value: TfTensor; grads: TfTensor[] };
  customGrad(
    work: (
      a: TfTensor,
      b: TfTensor,
      save: (kept: readonly TfTensor[]) => void,
    ) => { value: TfTensor; gradFunc: (dOut: TfTensor, saved: readonly TfTensor[]) => TfTensor[] },
  ): (a: TfTensor, b: TfTensor) => TfTensor;
}

/** How the attention of all images and heads is laid out. */
const forms = ['head by head', 'stacked'] as const;
type Form = (typeof forms)[number];

function layersOf(tf: TensorFlow, form: Form): Layers<TfTensor> {
  const product = quickProduct(tf);
  const headByHead = (q: TfTensor, k: TfTensor, v: TfTensor, scale: number) => {
    const [qs, ks, vs] = [q, k, v].map((part) => tf.unstack(part));
    return tf.stack(
      qs.map((rows, h) => {
        const logits = tf.mul(product(rows, tf.transpose(ks[h])), scale);
        return product(tf.softmax(logits), vs[h]);
      }),
    );
  };
  const stacked = (q: TfTensor, k: TfTensor, v: TfTensor, scale: number) =>
    tf.matMul(tf.softmax(tf.mul(tf.matMul(q, tf.transpose(k, [0, 2, 1])), scale)), v);
  const attend = form === 'stacked' ? stacked : headByHead;
  return {
    add: (a, b) => tf.add(a, b),
    linear: (x, weight, bias) => tf.add(product(x, tf.transpose(weight)), bias),
    layerNorm(x, scale, shift, epsilon) {
      const centred = tf.sub(x, tf.mean(x, 1, true));
      const deviation = tf.sqrt(tf.add(tf.mean(tf.square(centred), 1, true), epsilon));
      return tf.add(tf.mul(tf.div(centred, deviation), scale), shift);
    },
    gelu: (x) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1)),
    tokens(classToken, patches, positions, { images, tokens, width }) {
      const first = tf.tile(tf.reshape(classToken, [1, 1, width]), [images, 1, 1]);
      const all = tf.concat([first, tf.reshape(patches, [images, tokens - 1, width])], 1);
      return tf.reshape(tf.add(all, positions), [images * tokens, width]);
    },
    attention(qkv, { images, tokens, width, heads }) {
      const d = width / heads;
      const parts = tf.transpose(tf.reshape(qkv, [images, tokens, 3, heads, d]), [2, 0, 3, 1, 4]);
      const [q, k, v] = tf.split(parts, 3, 0).map((part) => tf.reshape(part, [images * heads, tokens, d]));
      const out = tf.reshape(attend(q, k, v, 1 / Math.sqrt(d)), [images, heads, tokens, d]);
      return tf.reshape(tf.transpose(out, [0, 2, 1, 3]), [images * tokens, width]);
    },
    classRows: (x, { images, tokens, width }) =>
      tf.reshape(tf.slice(tf.reshape(x, [images, tokens, width]), [0, 0, 0], [images, 1, width]), [
        images,
        width,
      ]),
    crossEntropy: (logits, targets, images) =>
      tf.mul(tf.sum(tf.mul(tf.logSoftmax(logits), targets)), -1 / images),
  };
}

/** A step over arrays that it keeps: values and moments are replaced. */
function stepper(tf: TensorFlow, { plan, parts, parameters, set, patches, targets }: TrainingData) {
  const { model, training } = plan;
  const { beta1, beta2, clip } = training;
  const zeros = () => parts.map((part) => tf.zeros(heldShape(part)));
  const values = parts.map((part) => tf.tensor(parameters.slice(part.start, part.end), heldShape(part)));
  let state = [values, zeros(), zeros()];
  const batch = {
    images: set.count,
    patches: tf.tensor(patches, [patches.length / 4, 4]),
    targets: tf.tensor(targets, [set.count, model.classes]),
  };
  return (form: Form, { rate, unbias1, unbias2 }: StepNumbers): FirstStep => {
    const layers = layersOf(tf, form);
    const lossOf = (...held: TfTensor[]) => vitLoss(layers, model, parts, held, batch);
    let found: FirstStep | undefined;
    const next = tf.tidy(() => {
      const [held, first, second] = state;
      const { value, grads } = tf.valueAndGrads(lossOf)(held);
      const norm = Math.sqrt(tf.addN(grads.map((part) => tf.sum(tf.square(part)))).dataSync()[0]);
      found = { loss: value.dataSync()[0], norm };
      const factor = Math.min(1, clip / norm);
      const moved = parts.map(({ decays }, i) => {
        const g = tf.mul(grads[i], factor);
        const m = tf.add(tf.mul(first[i], beta1), tf.mul(g, 1 - beta1));
        const v = tf.add(tf.mul(second[i], beta2), tf.mul(tf.square(g), 1 - beta2));
        const move = tf.div(tf.mul(m, rate * unbias1), tf.add(tf.sqrt(tf.mul(v, unbias2)), 1e-8));
        const kept = tf.mul(held[i], 1 - (decays ? rate * training.decay : 0));
        return [tf.sub(kept, move), m, v];
      });
      return [0, 1, 2].map((which) => moved.map((part) => part[which]));
    });
    for (const tensor of state.flat()) tensor.dispose();
    state = next;
    return found!;
  };
}

/** One thread: its backend has no more outside a browser. */
export function tensorflowTraining(absent: string | undefined, data: TrainingData): Contestant<FirstStep> {
  const name = 'TensorFlow.js, softmax';
  if (packageVersion('@tensorflow/tfjs-backend-wasm') === undefined)
    return absentee(name, 1, absent ?? 'not installed');
  return {
    name,
    threads: 1,
    async prepare() {
      const tf = await loadPackage<TensorFlow>('@tensorflow/tfjs');
      await loadPackage('@tensorflow/tfjs-backend-wasm');
      if (!(await tf.setBackend('wasm'))) throw new Error('its WebAssembly backend does not start');
      const idle = { rate: 0, unbias1: 1, unbias2: 1 };
      const trial = stepper(tf, data);
      const form = await fastest(forms, async (form) => (await timed(() => trial(form, idle))).milliseconds);
      const step = stepper(tf, data);
      return { form, ...(await measuredSteps(data.plan, async (numbers) => step(form, numbers))) };
    },
  };
}
