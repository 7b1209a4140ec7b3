/** What the writers share: checks of the arrays to write, their bytes, and putting bytes together. */
import type { Tensor } from '../keys.js';
import { allocate } from './bytes.js';
import { encode, FLOAT_BYTES, type FloatType, littleEndianBytes } from './elements.js';
import { entriesOf } from './file-tensor.js';

/** An array of any rank to write: row-major data with its shape. Integers are for indices, such as those of a set. */
export interface ArrayToWrite extends Omit<Tensor, 'data'> {
  readonly data: Float32Array | Float64Array | BigInt64Array;
}

/** How floating-point numbers are written; integers are written as they are. */
export interface WriteOptions {
  /** F32 for a Float32Array and F64 for a Float64Array by default; numbers are rounded to nearest where it is narrower. */
  readonly dtype?: FloatType;
}

/** An array as the formats store it. */
export interface StoredArray {
  readonly dtype: FloatType | 'I64';
  readonly shape: readonly number[];
  /** Little-endian; a view of the array's data where they are stored as they are. */
  readonly bytes: Uint8Array;
}

/** Checks an array and gives its bytes; what is wrong is reported in one line that begins with `where`. */
export function storedArray(array: ArrayToWrite, { dtype }: WriteOptions, where: string): StoredArray {
  const { data, shape, dims } = array ?? {};
  const sizes = Array.from(shape ?? dims ?? [], Number);
  const isFloat = data instanceof Float32Array || data instanceof Float64Array;
  if (!isFloat && !(data instanceof BigInt64Array))
    throw new TypeError(`${where}: data must be a Float32Array, Float64Array or BigInt64Array`);
  if (!(shape ?? dims) || !sizes.every((size) => Number.isSafeInteger(size) && size >= 0))
    throw new RangeError(`${where}: shape must be a list of non-negative integers, got [${sizes}]`);
  const entries = entriesOf(sizes, where);
  if (entries !== data.length)
    throw new RangeError(`${where}: shape [${sizes}] needs ${entries} numbers, data has ${data.length}`);
  if (dtype !== undefined && !(isFloat && Object.hasOwn(FLOAT_BYTES, dtype)))
    throw new TypeError(`${where}: cannot write ${data.constructor.name} as ${dtype}`);
  if (!isFloat) return { dtype: 'I64', shape: sizes, bytes: littleEndianBytes(data) };
  const type = dtype ?? (data instanceof Float32Array ? 'F32' : 'F64');
  return { dtype: type, shape: sizes, bytes: encode(data, type) };
}

/** All parts one after the other. */
export function concatenated(parts: readonly Uint8Array[], where: string): Uint8Array<ArrayBuffer> {
  const out = allocate(
    parts.reduce((length, part) => length + part.length, 0),
    where,
  );
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
