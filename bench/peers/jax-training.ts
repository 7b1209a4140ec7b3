/** A training step in jax-js on its WebAssembly backend: loss, gradient, clipping and AdamW in one jitted function. */

import { absentee, type Contestant } from '../measure.js';
import { measuredSteps } from '../own-training.js';
import type { FirstStep, TrainingData } from '../training-data.js';
import { loadPackage, packageVersion } from './packages.js';
import { heldShape, type Layers, vitLoss } from './vit-model.js';

/** An array counts its references: each use but the last takes `.ref`. */
interface JaxArray {
  readonly ref: JaxArray;
  add(other: JaxArray | number): JaxArray;
  sub(other: JaxArray): JaxArray;
  mul(other: JaxArray | number): JaxArray;
  div(other: JaxArray): JaxArray;
  sum(axis?: number): JaxArray;
  reshape(shape: readonly number[]): JaxArray;
  data(): Promise<Float32Array>;
  dispose(): void;
}

interface Jax {
  init(device: 'wasm'): Promise<unknown>;
  defaultDevice(device: 'wasm'): unknown;
  jit(work: (...arrays: JaxArray[]) => JaxArray[]): (...arrays: JaxArray[]) => JaxArray[];
  valueAndGrad(
    work: (parameters: JaxArray[]) => JaxArray,
  ): (parameters: JaxArray[]) => [JaxArray, JaxArray[]];
  blockUntilReady(arrays: readonly JaxArray[]): Promise<unknown>;
  readonly numpy: {
    array(data: Float32Array | number): JaxArray;
    zeros(shape: readonly number[]): JaxArray;
    matmul(a: JaxArray, b: JaxArray): JaxArray;
    transpose(a: JaxArray, axes?: readonly number[]): JaxArray;
    concatenate(parts: readonly JaxArray[], axis: number): JaxArray;
    split(a: JaxArray, sections: number | readonly number[], axis: number): JaxArray[];
    broadcastTo(a: JaxArray, shape: readonly number[]): JaxArray;
    sqrt(a: JaxArray): JaxArray;
    minimum(a: JaxArray, b: JaxArray | number): JaxArray;
  };
  readonly nn: {
    softmax(a: JaxArray, axis: number): JaxArray;
    logSoftmax(a: JaxArray, axis: number): JaxArray;
    standardize(a: JaxArray, axis: number, options: { epsilon: number }): JaxArray;
    gelu(a: JaxArray, options: { approximate: boolean }): JaxArray;
  };
}

/** All of its arrays are used once, or through `.ref`. */
function layersOf({ numpy, nn }: Jax): Layers<JaxArray> {
  return {
    add: (a, b) => a.add(b),
    linear: (x, weight, bias) => numpy.matmul(x, numpy.transpose(weight.ref)).add(bias.ref),
    layerNorm: (x, scale, shift, epsilon) =>
      nn.standardize(x.ref, 1, { epsilon }).mul(scale.ref).add(shift.ref),
    gelu: (x) => nn.gelu(x, { approximate: false }),
    tokens(classToken, patches, positions, { images, tokens, width }) {
      const first = numpy.broadcastTo(classToken.ref.reshape([1, 1, width]), [images, 1, width]);
      const all = numpy.concatenate([first, patches.reshape([images, tokens - 1, width])], 1);
      return all.add(positions.ref).reshape([images * tokens, width]);
    },
    attention(qkv, { images, tokens, width, heads }) {
      const d = width / heads;
      const parts = numpy.transpose(qkv.reshape([images, tokens, 3, heads, d]), [2, 0, 3, 1, 4]);
      const [q, k, v] = numpy.split(parts, 3, 0).map((part) => part.reshape([images * heads, tokens, d]));
      const logits = numpy.matmul(q, numpy.transpose(k, [0, 2, 1])).mul(1 / Math.sqrt(d));
      const out = numpy.matmul(nn.softmax(logits, 2), v).reshape([images, heads, tokens, d]);
      return numpy.transpose(out, [0, 2, 1, 3]).reshape([images * tokens, width]);
    },
    classRows(x, { images, tokens, width }) {
      const [first, rest] = numpy.split(x.reshape([images, tokens, width]), [1], 1);
      rest.dispose();
      return first.reshape([images, width]);
    },
    crossEntropy: (logits, targets, images) =>
      nn
        .logSoftmax(logits, 1)
        .mul(targets.ref)
        .sum()
        .mul(-1 / images),
  };
}

/** AdamW of one part: its new values and moments. */
function adamw(
  { numpy }: Jax,
  [parameter, gradient, first, second]: readonly JaxArray[],
  [factor, rate, unbias1, unbias2]: readonly JaxArray[],
  { beta1, beta2, decay }: { readonly beta1: number; readonly beta2: number; readonly decay: number },
): JaxArray[] {
  const g = gradient.mul(factor.ref);
  const m = first.mul(beta1).add(g.ref.mul(1 - beta1));
  const v = second.mul(beta2).add(g.ref.mul(g).mul(1 - beta2));
  const move = m.ref.mul(unbias1.ref).div(numpy.sqrt(v.ref.mul(unbias2.ref)).add(1e-8));
  const kept = parameter.ref.sub(parameter.mul(rate.ref).mul(decay));
  return [kept.sub(move.mul(rate.ref)), m, v];
}

/** One thread: its backend has no more outside a browser. */
export function jaxTraining(absent: string | undefined, data: TrainingData): Contestant<FirstStep> {
  const name = 'jax-js, softmax';
  if (packageVersion('@jax-js/jax') === undefined) return absentee(name, 1, absent ?? 'not installed');
  return {
    name,
    threads: 1,
    async prepare() {
      const jax = await loadPackage<Jax>('@jax-js/jax');
      await jax.init('wasm');
      jax.defaultDevice('wasm');
      const { numpy } = jax;
      const { plan, parts, parameters, set, patches, targets } = data;
      const { model, training } = plan;
      const layers = layersOf(jax);
      const count = parts.length;
      const step = jax.jit((...arrays) => {
        const [held, first, second] = [0, 1, 2].map((i) => arrays.slice(i * count, (i + 1) * count));
        const [batch, wanted, rate, unbias1, unbias2] = arrays.slice(3 * count);
        const lossOf = (parameters: JaxArray[]) =>
          vitLoss(layers, model, parts, parameters, {
            images: set.count,
            patches: batch.ref,
            targets: wanted,
          });
        const [loss, gradients] = jax.valueAndGrad(lossOf)(held.map((part) => part.ref));
        const squares = gradients.map((part) => part.ref.mul(part.ref).sum());
        const norm = numpy.sqrt(squares.reduce((sum, each) => sum.add(each)));
        const factor = numpy.minimum(numpy.array(training.clip).div(norm.ref), 1);
        const updated = parts.map(({ decays }, i) =>
          adamw(jax, [held[i], gradients[i], first[i], second[i]], [factor, rate, unbias1, unbias2], {
            ...training,
            decay: decays ? training.decay : 0,
          }),
        );
        return [loss, norm, ...[0, 1, 2].flatMap((which) => updated.map((part) => part[which]))];
      });
      const held = parts.map((part) => {
        const shape = heldShape(part);
        return numpy.array(parameters.slice(part.start, part.end)).reshape(shape);
      });
      const zeros = () => parts.map((part) => numpy.zeros(heldShape(part)));
      let state = [...held, ...zeros(), ...zeros()];
      const batch = numpy.array(patches).reshape([patches.length / 4, 4]);
      const wanted = numpy.array(targets).reshape([set.count, model.classes]);
      return measuredSteps(plan, async ({ rate, unbias1, unbias2 }) => {
        const scalars = [rate, unbias1, unbias2].map((value) => numpy.array(value));
        const [loss, norm, ...next] = step(...state, batch.ref, wanted.ref, ...scalars);
        state = next;
        await jax.blockUntilReady(next);
        return { loss: (await loss.data())[0], norm: (await norm.data())[0] };
      });
    },
  };
}
