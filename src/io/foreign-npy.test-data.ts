/** Files of .npy that NumPy may write and `writeNpy` does not: other byte orders, Fortran order, versions 2.0 and 3.0. */
import { encodeF16 } from './half.js';

/** What stands in such a file. */
export interface ForeignNpy {
  /** Row-major. */
  readonly values: readonly number[];
  readonly shape: readonly number[];
  readonly descr?: string;
  readonly fortran?: boolean;
  readonly version?: 1 | 2 | 3;
  /** Instead of the header that belongs to the rest. */
  readonly header?: string;
}

/** The bytes of such a file; not padded, so that data may begin at any byte. */
export function foreignNpy({
  values,
  shape,
  descr = '<f4',
  fortran = false,
  version = 1,
  header,
}: ForeignNpy) {
  const tuple = shape.length === 1 ? `(${shape},)` : `(${shape.join(', ')})`;
  const python = fortran ? 'True' : 'False';
  const text = header ?? `{'descr': '${descr}', 'fortran_order': ${python}, 'shape': ${tuple}}\n`;
  const headerBytes = new TextEncoder().encode(text);
  const start = (version === 1 ? 10 : 12) + headerBytes.length;
  const size = Number(descr.slice(-1));
  const bytes = new Uint8Array(start + size * values.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0]);
  if (version === 1) view.setUint16(8, headerBytes.length, true);
  else view.setUint32(8, headerBytes.length, true);
  bytes.set(headerBytes, start - headerBytes.length);
  const little = !descr.startsWith('>');
  const stored = fortran ? transposed(values, shape) : values;
  stored.forEach((value, i) => {
    const at = start + size * i;
    if (size === 2) view.setUint16(at, encodeF16([value])[0], little);
    else if (size === 4) view.setFloat32(at, value, little);
    else view.setFloat64(at, value, little);
  });
  return bytes;
}

/** Row-major entries in the order in which the first index runs fastest. */
function transposed(values: readonly number[], shape: readonly number[]): number[] {
  if (shape.length < 2) return [...values];
  const [rows, ...rest] = shape;
  const rowSize = values.length / rows;
  const columns = Array.from({ length: rows }, (_, i) =>
    transposed(values.slice(i * rowSize, (i + 1) * rowSize), rest),
  );
  return Array.from({ length: rowSize }, (_, i) => columns.map((column) => column[i])).flat();
}
