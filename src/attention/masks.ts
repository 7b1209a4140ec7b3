/** Masks and log-weights of attention: their checks, and what of them concerns some queries and keys of one head. */
import type { AttendMask } from '../kernels/kernels.js';
import type { Floats, Tensor } from '../keys.js';

/** Added numbers may be this large at most: sums of them are numbers too. */
const MOST = 1e300;

/** A tensor as it is read for each index along all dimensions: `strides` is 0 along those that it is broadcast along. */
interface Broadcast<Data> {
  readonly data: Data;
  readonly strides: readonly number[];
}

/** Added to the logarithms of weights, by batch, query head, query and key; Uint8Array: 0 hides a key, anything else does nothing. */
export type AttentionMask = Broadcast<Floats | Uint8Array>;

/** Added to the logarithms of weights, by batch, key head and key. */
export type KeyLogWeights = Broadcast<Floats>;

/** The option attnMask, checked; `sizes` are [m, n] or [batch, query heads, m, n]. */
export function checkMask(where: string, mask: Tensor, sizes: readonly number[]): AttentionMask {
  const { data } = checkTensor(`${where}: attnMask`, mask);
  if (!(data instanceof Uint8Array || isFloats(data)))
    throw new TypeError(
      `${where}: attnMask: data must be a Uint8Array (0 hides), Float32Array or Float64Array, got ${nameOf(data)}`,
    );
  return checkBroadcast(`${where}: attnMask`, mask, data, sizes, 4);
}

/** The option logWeights, checked; `sizes` are [n] or [batch, key heads, n]. */
export function checkLogWeights(where: string, logWeights: Tensor, sizes: readonly number[]): KeyLogWeights {
  const { data } = checkTensor(`${where}: logWeights`, logWeights);
  if (!isFloats(data))
    throw new TypeError(
      `${where}: logWeights: data must be a Float32Array or Float64Array, got ${nameOf(data)}`,
    );
  return checkBroadcast(`${where}: logWeights`, logWeights, data, sizes, 3);
}

function isFloats(data: unknown): data is Floats {
  return data instanceof Float32Array || data instanceof Float64Array;
}

function nameOf(data: unknown): string {
  return (data as object | undefined)?.constructor?.name ?? typeof data;
}

function checkTensor(what: string, tensor: Tensor): { readonly data: unknown } {
  if (tensor === null || typeof tensor !== 'object')
    throw new TypeError(`${what} must be {data, shape}, got ${tensor === null ? 'null' : typeof tensor}`);
  return tensor;
}

/** Shape and numbers; the strides get `rank` entries, those of sizes that are not there first, as zeros. */
function checkBroadcast<Data extends Floats | Uint8Array>(
  what: string,
  tensor: Tensor,
  data: Data,
  sizes: readonly number[],
  rank: number,
): Broadcast<Data> {
  const given = tensor.shape ?? tensor.dims;
  if (typeof given !== 'object' || typeof given?.[Symbol.iterator] !== 'function')
    throw new TypeError(`${what}: shape must be an array of sizes, got ${String(given)}`);
  const shape = Array.from(given, Number);
  const ends = sizes.slice(sizes.length - shape.length);
  const fits =
    shape.length > 0 &&
    shape.length <= sizes.length &&
    shape.every((size, i) => size === 1 || size === ends[i]);
  if (!fits)
    throw new RangeError(
      `${what}: shape must be [${sizes}] or broadcast to it, each size as there or 1, got [${shape}]`,
    );
  const size = shape.reduce((a, b) => a * b, 1);
  if (size !== data.length)
    throw new RangeError(`${what}: shape [${shape}] needs ${size} numbers, data has ${data.length}`);
  if (!(data instanceof Uint8Array)) checkNumbers(what, data, shape);
  const strides: number[] = [];
  let stride = 1;
  for (const size of shape.toReversed()) {
    strides.unshift(size === 1 ? 0 : stride);
    stride *= size;
  }
  return { data, strides: [...Array<number>(rank - shape.length).fill(0), ...strides] };
}

function checkNumbers(what: string, data: Floats, shape: readonly number[]): void {
  for (let at = 0; at < data.length; at++) {
    if (data[at] <= MOST) continue;
    const place = shape.map(
      (size, i) => Math.floor(at / shape.slice(i + 1).reduce((a, b) => a * b, 1)) % size,
    );
    throw new RangeError(
      `${what} must hold numbers up to ${MOST} or -Infinity, got ${data[at]} at [${place.join(', ')}]`,
    );
  }
}

/** The mask of one query head for its queries from `start` up to `end` and the keys in `columns`, the first ones unless given. */
export function maskOfQueries(
  { data, strides: [batches, heads, queries, keys] }: AttentionMask,
  batch: number,
  head: number,
  start: number,
  end: number,
  columns?: readonly number[],
): AttendMask {
  const first = batch * batches + head * heads + start * queries;
  const seen = data.subarray(first);
  if (!columns || keys === 0) return { data: seen, stride: queries, step: keys };
  const rows = queries === 0 ? 1 : end - start;
  const gathered = new (data.constructor as new (length: number) => Floats | Uint8Array)(
    rows * columns.length,
  );
  let at = 0;
  for (let i = 0; i < rows; i++) for (const j of columns) gathered[at++] = seen[i * queries + j];
  return { data: gathered, stride: queries === 0 ? 0 : columns.length, step: 1 };
}

/** What the mask adds to the logarithm of the weight of a key for a query; -Infinity hides it. */
export function addedBy(
  { data, strides }: AttentionMask,
  batch: number,
  head: number,
  query: number,
  key: number,
): number {
  const entry = data[batch * strides[0] + head * strides[1] + query * strides[2] + key * strides[3]];
  if (!(data instanceof Uint8Array)) return entry;
  return entry === 0 ? Number.NEGATIVE_INFINITY : 0;
}

/** Adds what the mask adds to the logarithms of the weights of all keys for a query to `row` [n]; -Infinity hides a key. */
export function addMaskRow(
  { data, strides }: AttentionMask,
  batch: number,
  head: number,
  query: number,
  row: Float64Array,
): void {
  let at = batch * strides[0] + head * strides[1] + query * strides[2];
  const step = strides[3];
  if (data instanceof Uint8Array) {
    for (let j = 0; j < row.length; j++, at += step) if (data[at] === 0) row[j] = Number.NEGATIVE_INFINITY;
  } else for (let j = 0; j < row.length; j++, at += step) row[j] += data[at];
}

/** [n]: the log-weights of one key head, of the keys in `columns` if given. */
export function logWeightsOfHead(
  { data, strides: [batches, heads, keys] }: KeyLogWeights,
  batch: number,
  head: number,
  n: number,
  columns?: readonly number[],
): Floats {
  const first = batch * batches + head * heads;
  if (keys > 0 && !columns) return data.subarray(first, first + n);
  return Float64Array.from(columns ?? { length: n }, (j, i) => data[first + (columns ? j : i) * keys]);
}
