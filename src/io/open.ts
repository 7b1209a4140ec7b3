/** Opens a file of tensors, whichever format it has: told by its first bytes, not by its name. */
import type { Floats } from '../keys.js';
import { type ByteSource, bytesOf, placeOf, refuse, sourceOf } from './bytes.js';
import type { FileTensor } from './file-tensor.js';
import { NPY_MAGIC, openNpy } from './npy.js';
import { openNpz } from './npz.js';
import { openSafetensors } from './safetensors.js';
import type { TensorFile } from './tensor-file.js';

interface Format {
  readonly ending: string;
  readonly begins: (lead: Uint8Array) => boolean;
  readonly open: (source: ByteSource) => TensorFile;
}

const FORMATS: readonly Format[] = [
  { ending: '.npy', begins: (lead) => NPY_MAGIC.every((byte, i) => lead[i] === byte), open: openNpy },
  // PK and the mark of a member, or that of the directory of an empty archive.
  {
    ending: '.npz',
    begins: ([p, k, a, b]) => p === 0x50 && k === 0x4b && (a === 3 || a === 5) && b === a + 1,
    open: openNpz,
  },
  { ending: '.safetensors', begins: (lead) => lead[8] === 0x7b, open: openSafetensors },
];

/**
 * Opens a file of tensors: .npy (versions 1.0, 2.0, 3.0), .npz (stored or deflated members) or .safetensors. Reads only
 * headers, so a file may be larger than memory.
 *
 * @param file - the bytes of the file, or a source that reads them by position
 * @throws FormatError, in one line, where the file is damaged or of another format
 * @example
 * ```ts
 * import { openTensors, writeNpz } from 'levattention/io';
 *
 * const q = { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] };
 * const file = await openTensors(writeNpz({ q, k: { data: Float64Array.of(5, 6), shape: [1, 2] } }));
 * file.names; // => ['q', 'k']
 * [...(await file.open('k')).matrix().rows(0, 1)]; // => [5, 6]
 * ```
 */
export async function openTensors(file: ByteSource | Uint8Array | ArrayBuffer): Promise<TensorFile> {
  const source = sourceOf(file, 'openTensors');
  const where = placeOf('openTensors', source);
  const lead = bytesOf(source, 0, Math.min(9, source.byteLength), where);
  const ending = (source.name ?? '').toLowerCase();
  const format =
    FORMATS.find((format) => format.begins(lead)) ?? FORMATS.find((format) => ending.endsWith(format.ending));
  return format ? format.open(source) : refuse(where, 'not an .npy, .npz or .safetensors file');
}

/**
 * Opens one tensor of a file, to be read block by block: that of the given name, or the only one.
 *
 * @throws FormatError as `openTensors` does, and where there is no such tensor or several and no name
 * @example
 * ```ts
 * import { openTensor, writeNpy } from 'levattention/io';
 *
 * const tensor = await openTensor(writeNpy({ data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [3, 2] }));
 * tensor.shape; // => [3, 2]
 * [...tensor.matrix().rows(1, 3)]; // => [3, 4, 5, 6]
 * ```
 */
export async function openTensor(
  file: ByteSource | Uint8Array | ArrayBuffer,
  name?: string,
): Promise<FileTensor> {
  return (await openTensors(file)).open(name);
}

/**
 * Reads one tensor of a file as a whole: that of the given name, or the only one. The result goes into every function
 * that takes keys. F16, BF16 and F32 come as Float32Array, F64 as Float64Array, row-major and exactly; where the file
 * is in memory and the numbers are aligned they are a view of it.
 *
 * @throws FormatError as `openTensor` does, and where the numbers are not floating-point or more than fit into one array
 * @example
 * ```ts
 * import { readTensor, writeNpy } from 'levattention/io';
 *
 * const bytes = writeNpy({ data: Float64Array.of(0.1, 0.25), shape: [1, 2] }, { dtype: 'F16' });
 * [...(await readTensor(bytes)).data]; // => [0.0999755859375, 0.25]
 * ```
 */
export async function readTensor(
  file: ByteSource | Uint8Array | ArrayBuffer,
  name?: string,
): Promise<{ data: Floats; shape: readonly number[] }> {
  return (await openTensor(file, name)).read();
}
