/** Gradients of attention with respect to queries, keys, values and log-weights: their sums, shapes and types. */
import { type Floats, floatsOf, shapeOf, type Tensor } from '../keys.js';
import type { OutputTensor } from './exact.js';
import { type AttentionInputs, largestEntry } from './inputs.js';

/** Gradients of the shapes and types of what they are gradients of. */
export interface AttentionGradients {
  readonly dq: OutputTensor;
  readonly dk: OutputTensor;
  readonly dv: OutputTensor;
  /** Where log-weights were given. */
  readonly dLogWeights?: OutputTensor;
}

/** The tensors that gradients are of. */
export interface Differentiated {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly logWeights?: Tensor;
}

/** Sums of gradients over all heads, in float64. */
export interface GradientSums {
  /** As q, of its type. */
  readonly dQ: Floats;
  /** As k and v. */
  readonly dK: Float64Array;
  readonly dV: Float64Array;
  /** [batches * keyHeads, n], where log-weights were given. */
  readonly dLogWeights?: Float64Array;
}

/** Zeros. */
export function gradientSums({ q, k, v, logWeights, batches, keyHeads, n }: AttentionInputs): GradientSums {
  return {
    dQ: likeArray(q, q.length),
    dK: new Float64Array(k.length),
    dV: new Float64Array(v.length),
    dLogWeights: logWeights && new Float64Array(batches * keyHeads * n),
  };
}

function likeArray(data: Floats, size: number): Floats {
  return data instanceof Float32Array ? new Float32Array(size) : new Float64Array(size);
}

/** Numbers in the type of others: themselves where they have it. */
function inTypeOf(like: Floats, data: Floats): Floats {
  const single = like instanceof Float32Array;
  if (single === data instanceof Float32Array) return data;
  return single ? new Float32Array(data) : new Float64Array(data);
}

/** The gradients of the outputs, checked, in the type of the outputs. */
export function checkOutputGradients(where: string, dOut: Tensor, out: OutputTensor): Floats {
  const shape = shapeOf(dOut, `${where}: dOut`);
  if (String(shape) !== String(out.shape))
    throw new RangeError(`${where}: dOut must have the shape of the output, [${out.shape}], got [${shape}]`);
  const data = inTypeOf(out.data, floatsOf(dOut));
  largestEntry(`${where}: dOut`, { data, shape });
  return data;
}

/** The sums in the shapes and types of what was given; throws where they leave the range of these. */
export function asGiven(
  where: string,
  inputs: AttentionInputs,
  given: Differentiated,
  sums: GradientSums,
): AttentionGradients {
  const like = (name: string, tensor: Tensor, gradient: Floats): OutputTensor => {
    const data = inTypeOf(floatsOf(tensor), gradient);
    const found = { data, shape: Array.from(tensor.shape ?? tensor.dims ?? []) };
    largestEntry(`${where}: ${name}`, found);
    return found;
  };
  const { q, k, v, logWeights } = given;
  const gradients = { dq: like('dq', q, sums.dQ), dk: like('dk', k, sums.dK), dv: like('dv', v, sums.dV) };
  if (!logWeights) return gradients;
  const ofWeights = summedLogWeights(inputs, sums);
  return { ...gradients, dLogWeights: like('dLogWeights', logWeights, ofWeights) };
}

/** Gradients of log-weights summed along what they were broadcast over. */
function summedLogWeights(
  { logWeights, batches, keyHeads, n }: AttentionInputs,
  { dLogWeights }: GradientSums,
): Float64Array {
  const { data, strides } = logWeights!;
  const sums = new Float64Array(data.length);
  for (let batch = 0; batch < batches; batch++)
    for (let head = 0; head < keyHeads; head++)
      for (let j = 0; j < n; j++)
        sums[batch * strides[0] + head * strides[1] + j * strides[2]] +=
          dLogWeights![(batch * keyHeads + head) * n + j];
  return sums;
}
