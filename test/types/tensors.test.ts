/** Tensors of onnxruntime and transformers.js go in as they are: this file compiles, and gives the results of plain tensors. */
import { Tensor as OnnxTensor, type TypedTensor } from 'onnxruntime-common';
import { expect, test } from 'vitest';
import {
  exactAttention,
  heavyScores,
  type Keys,
  leverageScores,
  type Tensor,
  universalSet,
} from '../../src/index.js';

/** As @huggingface/transformers declares its tensors, in what matters here. */
declare class TransformersTensor {
  get dims(): number[];
  set dims(value: number[]);
  get type(): string;
  get data(): TypedArray | BigInt64Array | BigUint64Array | unknown[];
  get size(): number;
  tolist(): unknown[];
}
type TypedArray =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array;

const data = Float32Array.of(4, 0, 0, 1, 0, 1, 1, 1, 1, -1);
const plain = { data, shape: [5, 2] } as const;
const typed = new OnnxTensor('float32', data, [5, 2]);
const open: OnnxTensor = typed;
const half = typed as unknown as TransformersTensor;

test('are of the types that functions take', () => {
  const keys: readonly Keys[] = [typed, open, half];
  const tensors: readonly Tensor[] = [typed, open, half, typed as TypedTensor<'float32'>];
  for (const tensor of [...keys, ...tensors])
    expect(universalSet(tensor, { epsilon: 0.5 })).toEqual(universalSet(plain, { epsilon: 0.5 }));
});

test('give the results of plain tensors', () => {
  expect(leverageScores(open)).toEqual(leverageScores(plain));
  expect(heavyScores(half, typed, { epsilon: 0.5 })).toEqual(heavyScores(plain, plain, { epsilon: 0.5 }));
  expect(exactAttention(open, half, typed).data).toEqual(exactAttention(plain, plain, plain).data);
});

test('are refused when called where their numbers are no floats', () => {
  const integers = new OnnxTensor('int64', BigInt64Array.of(1n, 2n), [2, 1]);
  expect(() => universalSet(integers, { epsilon: 0.5 })).toThrow(
    'universalSet: keys: data must be a Float32Array or Float64Array, got BigInt64Array',
  );
  const text = new OnnxTensor('string', ['1', '2'], [2, 1]);
  expect(() => leverageScores(text)).toThrow('data must be a Float32Array or Float64Array, got Array');
  // @ts-expect-error: numbers without a shape or a matrix are no keys
  expect(() => leverageScores(1)).toThrow(TypeError);
});
