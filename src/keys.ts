/** Matrices of keys and tensors of heads: the input types of every public function, their checks and views without copies. */

/** Numbers that are stored in one piece, as typed arrays of transformers.js and onnxruntime tensors are. */
export type Floats = Float32Array | Float64Array;

/**
 * Row-major data with its shape (also called `dims`): [n, d] or [batch, heads, n, d]. Declared so wide that tensors of onnxruntime and
 * transformers.js are of this type, whose own types leave the numbers open; data other than {@link Floats} are refused when called.
 */
export interface Tensor {
  readonly data: ArrayLike<unknown>;
  readonly shape?: readonly number[];
  readonly dims?: readonly number[];
}

/** A tensor whose numbers are known to the compiler. */
export interface FloatTensor extends Tensor {
  readonly data: Floats;
}

/**
 * A matrix of n rows and d columns that is read in blocks of rows, from memory or from a file.
 * The array that `rows(start, end)` returns has (end - start) * d entries and is valid until the next call.
 */
export interface KeyMatrix {
  readonly n: number;
  readonly d: number;
  /** The rows from `start` up to `end`, (end - start) * d numbers. */
  rows(start: number, end: number): Floats;
}

/** What functions of one matrix or of many heads accept. */
export type Keys = Tensor | KeyMatrix;

/** The results of all heads of a [batch, heads, n, d] tensor. */
export interface ByHead<T> {
  readonly heads: readonly HeadOf<T>[];
}

/** The result of one head of a [batch, heads, n, d] tensor. */
export type HeadOf<T> = { readonly batch: number; readonly head: number } & T;

/** A result for [n, d], or one for each head of [batch, heads, n, d]: told apart by `'heads' in result`. */
export type PerHead<T> = T | ByHead<T>;

/** A tensor whose shape is known to the compiler. */
export type Shaped<S> = { readonly shape: S } | { readonly dims: S };

/** The form of the result for an input: known where the length of its shape is known to the compiler. */
export type ResultFor<K extends Keys, T> = K extends KeyMatrix | Shaped<readonly [number, number]>
  ? T
  : K extends Shaped<readonly [number, number, number, number]>
    ? ByHead<T>
    : PerHead<T>;

/** One head of a tensor; `batch` and `head` are 0 for a two-dimensional one. */
export interface Head {
  readonly batch: number;
  readonly head: number;
  readonly matrix: KeyMatrix;
}

/** The heads of an input and whether it had two dimensions. */
export interface Heads {
  readonly flat: boolean;
  readonly batches: number;
  readonly heads: number;
  readonly n: number;
  readonly d: number;
  readonly list: readonly Head[];
}

function isMatrix(keys: Keys): keys is KeyMatrix {
  return typeof (keys as KeyMatrix | undefined)?.rows === 'function';
}

/** The matrix with a check that `rows` returns what it should: results would be wrong, not absent, if it did not. */
function checkedMatrix(matrix: KeyMatrix, where: string): KeyMatrix {
  const { n, d } = matrix;
  return {
    n,
    d,
    rows(start, end) {
      const rows: unknown = matrix.rows(start, end);
      if (
        !(rows instanceof Float32Array || rows instanceof Float64Array) ||
        rows.length !== (end - start) * d
      )
        throw new TypeError(
          `${where}: rows(${start}, ${end}) must be a Float32Array or Float64Array of ${(end - start) * d} numbers, got ${
            ArrayBuffer.isView(rows) ? `${rows.constructor.name} of ${(rows as Floats).length}` : String(rows)
          }`,
        );
      return rows;
    },
  };
}

/** What every long call may be given beside options of its own. */
const CALL_OPTIONS = ['signal', 'onProgress', 'threads'];

/** Refuses options that are not an object, as a call without them has, and names that are misspelt: what was meant would be left out. */
export function checkOptionsObject<T extends object>(
  options: T,
  caller: string,
  example: string,
  known: readonly (keyof T & string)[],
): void {
  if (options === null || typeof options !== 'object')
    throw new TypeError(`${caller}: options must be an object such as ${example}, got ${String(options)}`);
  const unknown = Object.keys(options).find((name) => ![...known, ...CALL_OPTIONS].includes(name));
  if (unknown !== undefined)
    throw new TypeError(`${caller}: options must be of ${known.join(', ')}, got '${unknown}'`);
}

/** Refuses a threshold that no attention score can have. */
export function checkEpsilon(epsilon: unknown, caller: string): void {
  if (!isEpsilon(epsilon)) throw new RangeError(`${caller}: epsilon must be in (0, 1], got ${epsilon}`);
}

/** Whether it is a number in (0, 1]. */
export function isEpsilon(epsilon: unknown): epsilon is number {
  return typeof epsilon === 'number' && epsilon > 0 && epsilon <= 1;
}

/** The checked shape of a tensor; throws one line that names the caller and the argument. */
export function shapeOf(tensor: Tensor, where: string): readonly number[] {
  if (tensor === null || typeof tensor !== 'object')
    throw new TypeError(`${where} must be {data, shape}, got ${tensor === null ? 'null' : typeof tensor}`);
  const { data } = tensor;
  if (!(data instanceof Float32Array || data instanceof Float64Array)) {
    const got = (data as object | undefined)?.constructor?.name ?? typeof data;
    throw new TypeError(`${where}: data must be a Float32Array or Float64Array, got ${got}`);
  }
  const shape = tensor.shape ?? tensor.dims;
  if (typeof shape !== 'object' || typeof shape?.[Symbol.iterator] !== 'function')
    throw new TypeError(`${where}: shape must be [n, d] or [batch, heads, n, d], got ${String(shape)}`);
  const list = Array.from(shape, Number);
  if (
    (list.length !== 2 && list.length !== 4) ||
    !list.every((size) => Number.isSafeInteger(size) && size > 0)
  )
    throw new RangeError(
      `${where}: shape must be [n, d] or [batch, heads, n, d] of positive integers, got [${list}]`,
    );
  const size = list.reduce((a, b) => a * b, 1);
  if (size !== data.length)
    throw new RangeError(`${where}: shape [${list}] needs ${size} numbers, data has ${data.length}`);
  return list;
}

/** The numbers of a tensor whose shape was checked. */
export function floatsOf({ data }: Tensor): Floats {
  return data as Floats;
}

/** A matrix whose numbers are in memory in one piece, which other threads may be given. */
export class ArrayMatrix implements KeyMatrix {
  constructor(
    /** [n, d] row-major. */
    readonly data: Floats,
    readonly n: number,
    readonly d: number,
  ) {}

  rows(start: number, end: number): Floats {
    return this.data.subarray(start * this.d, end * this.d);
  }
}

/** Memory for the rows of one call after the other, of the type of what is read. */
export function reusedBuffer(): (rows: Floats, length: number) => Floats {
  let memory: Floats | undefined;
  return (rows, length) => {
    if (!memory || memory.length < length || memory.BYTES_PER_ELEMENT !== rows.BYTES_PER_ELEMENT)
      memory = rows instanceof Float32Array ? new Float32Array(length) : new Float64Array(length);
    return memory.subarray(0, length);
  };
}

/** An n x d matrix over the numbers [offset, offset + n * d) of an array, without a copy. */
export function matrixOver(data: Floats, n: number, d: number, offset = 0): ArrayMatrix {
  return new ArrayMatrix(data.subarray(offset, offset + n * d), n, d);
}

/** The heads of an input as matrices, without a copy. */
export function headsOf(keys: Keys, where: string): Heads {
  if (isMatrix(keys)) {
    const { n, d } = keys;
    if (!(Number.isSafeInteger(n) && n > 0 && Number.isSafeInteger(d) && d > 0))
      throw new RangeError(`${where}: a matrix must have positive n and d, got n = ${n}, d = ${d}`);
    return {
      flat: true,
      batches: 1,
      heads: 1,
      n,
      d,
      list: [{ batch: 0, head: 0, matrix: checkedMatrix(keys, where) }],
    };
  }
  const shape = shapeOf(keys, where);
  const [batches, heads, n, d] = shape.length === 2 ? [1, 1, shape[0], shape[1]] : shape;
  const list = Array.from({ length: batches * heads }, (_, i) => ({
    batch: Math.floor(i / heads),
    head: i % heads,
    matrix: matrixOver(floatsOf(keys), n, d, i * n * d),
  }));
  return { flat: shape.length === 2, batches, heads, n, d, list };
}

/** How messages call the matrix of a head: by its place, unless there is only one. */
export function placeOfHead({ flat }: Heads, { batch, head }: Head, where: string): string {
  return flat ? where : `${where} of batch ${batch}, head ${head}`;
}

/** Restores the form of the input: the bare result for [n, d], a list of heads for [batch, heads, n, d]. */
export function resultFor<K extends Keys, T extends object>(
  heads: Heads,
  results: readonly T[],
): ResultFor<K, T> {
  const result: PerHead<T> = heads.flat
    ? results[0]
    : { heads: heads.list.map(({ batch, head }, i) => ({ batch, head, ...results[i] })) };
  return result as ResultFor<K, T>;
}
