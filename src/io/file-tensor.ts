/** A tensor inside a file: its matrices read block by block, or all of it at once. */
import type { Floats, KeyMatrix } from '../keys.js';
import { allocate, type ByteSource, bytesOf, quoted, refuse } from './bytes.js';
import { type Encoding, FLOAT_BYTES, type NumberReader, numberReader } from './elements.js';

/** A tensor of any rank inside a file. Nothing of its numbers is read before `matrix` or `read` is called. */
export interface FileTensor {
  /** The tensor's name inside the file; empty for .npy, whose tensor has none. */
  readonly name: string;
  /** The type as the file writes it, such as `<f4` in .npy or `BF16` in .safetensors. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /**
   * The matrix of a tensor of shape [n, d], or that of one head of a tensor of shape [batch, heads, n, d]; read in
   * blocks, with two buffers of the largest block that was asked for. F16, BF16 and F32 come as float32, F64 as
   * float64, exactly; a view without a copy where the source is in memory and the numbers are aligned.
   *
   * In Fortran order a block of r rows is gathered from its d columns, in d reads of r numbers (of r * batch * heads
   * for a head, of which one in batch * heads is used), so blocks of many rows are better than single rows there.
   *
   * @throws FormatError for another rank, a size of zero, or numbers that are not floating-point; RangeError for a head
   * that there is not, or for rows outside [0, n).
   */
  matrix(batch?: number, head?: number): KeyMatrix;
  /**
   * All numbers in row-major order; a view without a copy where the source is in memory and the numbers are aligned.
   *
   * @throws FormatError for numbers that are not floating-point, or more than fit into one array.
   */
  read(): { data: Floats; shape: readonly number[] };
  /**
   * All entries of truth values or unsigned bytes (`|b1`, `|u1`, `BOOL`, `U8`), such as a mask, in row-major order.
   *
   * @throws FormatError for any other type.
   */
  readBytes(): { data: Uint8Array; shape: readonly number[] };
}

/** Types of one byte an entry, as .npy and .safetensors write them. */
const BYTE_TYPES: readonly string[] = ['|b1', '|u1', 'BOOL', 'U8'];

/** Where and how a file holds a tensor. */
export interface TensorLayout {
  readonly source: ByteSource;
  /** Begins every message about this tensor. */
  readonly where: string;
  readonly name: string;
  readonly dtype: string;
  /** How the numbers are stored; undefined where they are not floating-point, so that the tensor can only be listed. */
  readonly encoding: Encoding | undefined;
  readonly shape: readonly number[];
  /** Byte of the source at which the numbers start. */
  readonly start: number;
  /** The first index runs fastest, not the last. */
  readonly fortran: boolean;
}

/** Numbers that are read at a time where they have to be put in another order. */
const GATHER_NUMBERS = 1 << 18;

/** No library writes tensors of more indices than this. */
const MAX_RANK = 64;

/** The number of entries of a shape, refused where it is not exactly representable. */
export function entriesOf(shape: readonly number[], where: string): number {
  if (shape.length > MAX_RANK)
    refuse(where, `the shape has ${shape.length} indices, the most is ${MAX_RANK}`);
  const entries = shape.includes(0) ? 0 : shape.reduce((a, b) => a * b, 1);
  if (![...shape, entries].every(Number.isSafeInteger)) refuse(where, `the shape [${shape}] is too large`);
  return entries;
}

/** The tensor that a layout describes; the caller has checked that its numbers lie inside the source. */
export function fileTensor(layout: TensorLayout): FileTensor {
  const { name, dtype, shape } = layout;
  return {
    name,
    dtype,
    shape,
    matrix: (batch = 0, head = 0) => matrixOf(layout, batch, head),
    read: () => ({ data: readAll(layout), shape }),
    readBytes: () => ({ data: allBytes(layout), shape }),
  };
}

function matrixOf(layout: TensorLayout, batch: number, head: number): KeyMatrix {
  const { where, shape, fortran } = layout;
  encodingOf(layout);
  if ((shape.length !== 2 && shape.length !== 4) || shape.includes(0))
    refuse(where, `needs shape [n, d] or [batch, heads, n, d] of positive sizes, got [${shape}]`);
  const [batches, heads, n, d] = shape.length === 2 ? [1, 1, shape[0], shape[1]] : shape;
  if (!(isIndex(batch, batches) && isIndex(head, heads)))
    throw new RangeError(`${where}: no head (${batch}, ${head}) in shape [${shape}]`);
  const rows = fortran
    ? gatheredRows(layout, batch + batches * head, batches * heads, n, d)
    : plainRows(layout, (batch * heads + head) * n, d);
  return {
    n,
    d,
    rows(start, end) {
      if (!(isIndex(end, n + 1) && isIndex(start, end + 1)))
        throw new RangeError(`${where}: no rows ${start} to ${end} in a matrix of ${n} rows`);
      return rows(start, end);
    },
  };
}

/** Whether i is one of 0 .. size - 1. */
function isIndex(i: number, size: number): boolean {
  return Number.isSafeInteger(i) && i >= 0 && i < size;
}

function encodingOf({ encoding, where, dtype }: TensorLayout): Encoding {
  return (
    encoding ??
    refuse(where, `cannot read numbers of type ${quoted(dtype)}, only floating-point ones of 2, 4 or 8 bytes`)
  );
}

function readerOf(layout: TensorLayout): NumberReader {
  return numberReader(layout.source, encodingOf(layout), layout.where);
}

/** An array of the type that the tensor is read as. */
function roomFor(count: number, layout: TensorLayout): Floats {
  return encodingOf(layout).type === 'F64'
    ? new Float64Array(allocate(8 * count, layout.where).buffer)
    : new Float32Array(allocate(4 * count, layout.where).buffer);
}

/** Rows of d numbers that follow each other in the file, counted from row `first` on. */
function plainRows(layout: TensorLayout, first: number, d: number): KeyMatrix['rows'] {
  const read = readerOf(layout);
  const rowBytes = d * FLOAT_BYTES[encodingOf(layout).type];
  return (start, end) => read(layout.start + (first + start) * rowBytes, (end - start) * d);
}

/** Rows in Fortran order: entry (i, c) is number `first + stride * (i + n * c)` of the tensor. */
function gatheredRows(
  layout: TensorLayout,
  first: number,
  stride: number,
  n: number,
  d: number,
): KeyMatrix['rows'] {
  const read = readerOf(layout);
  const size = FLOAT_BYTES[encodingOf(layout).type];
  const most = Math.max(1, Math.floor(GATHER_NUMBERS / stride));
  let buffer = roomFor(0, layout);
  return (start, end) => {
    if (buffer.length < (end - start) * d) buffer = roomFor((end - start) * d, layout);
    const out = buffer.subarray(0, (end - start) * d);
    for (let c = 0; c < d; c++)
      for (let from = start; from < end; from += most) {
        const count = Math.min(most, end - from);
        const column = read(
          layout.start + (first + stride * (from + n * c)) * size,
          (count - 1) * stride + 1,
        );
        for (let i = 0; i < count; i++) out[(from - start + i) * d + c] = column[i * stride];
      }
    return out;
  };
}

function readAll(layout: TensorLayout): Floats {
  const count = entriesOf(layout.shape, layout.where);
  const read = readerOf(layout);
  if (!layout.fortran || layout.shape.length < 2) return read(layout.start, count);
  const out = roomFor(count, layout);
  const place = fortranPlaces(layout.shape);
  const size = FLOAT_BYTES[encodingOf(layout).type];
  for (let from = 0; from < count; from += GATHER_NUMBERS) {
    const block = read(layout.start + from * size, Math.min(GATHER_NUMBERS, count - from));
    for (let i = 0; i < block.length; i++) out[place()] = block[i];
  }
  return out;
}

function allBytes({ source, where, dtype, shape, start, fortran }: TensorLayout): Uint8Array {
  if (!BYTE_TYPES.includes(dtype))
    refuse(where, `cannot read entries of type ${quoted(dtype)} as truth values or bytes`);
  const count = entriesOf(shape, where);
  const bytes = bytesOf(source, start, start + count, where, (length) => allocate(length, where));
  if (!fortran || shape.length < 2) return bytes;
  const out = allocate(count, where);
  const place = fortranPlaces(shape);
  for (const byte of bytes) out[place()] = byte;
  return out;
}

/** Gives, call after call, the row-major place of the next entry in Fortran order. */
function fortranPlaces(shape: readonly number[]): () => number {
  const index = shape.map(() => 0);
  const stride = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  let next = 0;
  return () => {
    const place = next;
    for (let axis = 0; axis < shape.length; axis++) {
      next += stride[axis];
      if (++index[axis] < shape[axis]) break;
      next -= stride[axis] * shape[axis];
      index[axis] = 0;
    }
    return place;
  };
}
