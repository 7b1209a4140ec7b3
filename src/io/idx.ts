/** The IDX format of MNIST: unsigned bytes after a header of dimensions. */
import { printable, refuse } from './bytes.js';

/** Bytes with their dimensions. */
export interface IdxArray {
  readonly data: Uint8Array;
  readonly shape: readonly number[];
}

/**
 * Reads an IDX file of unsigned bytes; `name` begins every message.
 *
 * @throws FormatError where it is no such file, or has another length than its header says
 */
export function readIdx(bytes: Uint8Array, name: string): IdxArray {
  const where = printable(name);
  if (bytes.length < 4 || bytes[0] !== 0 || bytes[1] !== 0) refuse(where, 'not an IDX file');
  if (bytes[2] !== 0x08)
    refuse(
      where,
      `IDX of unsigned bytes (type 0x08) is needed, got type 0x${bytes[2].toString(16).padStart(2, '0')}`,
    );
  const rank = bytes[3];
  const start = 4 + 4 * rank;
  if (bytes.length < start) refuse(where, `the header of ${rank} dimensions is cut short`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const size = shape.reduce((a, b) => a * b, 1);
  if (bytes.length - start !== size)
    refuse(
      where,
      `shape [${shape}] takes ${size} bytes, the file has ${bytes.length - start} after the header`,
    );
  return { data: bytes.subarray(start), shape };
}
