/** NumPy's .npz format: a zip archive whose members NAME.npy are arrays. */
import { type ByteSource, placeOf, printable } from './bytes.js';
import { npyParts, openArray } from './npy.js';
import { checkName, type TensorFile, tensorFile } from './tensor-file.js';
import type { ArrayToWrite, WriteOptions } from './write.js';
import { openMember, zipMembers } from './zip.js';
import { storedZip } from './zip-write.js';

/**
 * Lists the arrays of an .npz source; members that are not called NAME.npy are left out.
 *
 * @throws FormatError where the zip directory is damaged
 */
export function openNpz(source: ByteSource): TensorFile {
  const where = placeOf('npz', source);
  const arrays = zipMembers(source, where).filter(({ name }) => name.endsWith('.npy'));
  const members = new Map(arrays.map((member) => [member.name.slice(0, -'.npy'.length), member]));
  return tensorFile('npz', where, [...members.keys()], async (name) => {
    const place = `${where}#${printable(name)}`;
    return openArray(await openMember(source, members.get(name)!, place), name, place);
  });
}

/**
 * The bytes of an .npz file with these arrays, as `numpy.savez` would write it: stored, not compressed, so that readers
 * can read it block by block. The same arrays give the same bytes (the time of every member is the zip format's first).
 *
 * @throws TypeError or RangeError for data or a shape as `writeNpy` does, and above 4 GiB; FormatError for a name that
 * is not allowed
 * @example
 * ```ts
 * import { readTensor, writeNpz } from 'levattention/io';
 *
 * const bytes = writeNpz({ k: { data: Float32Array.of(1, 2), shape: [1, 2] } });
 * (await readTensor(bytes, 'k')).shape; // => [1, 2]
 * ```
 */
export function writeNpz(
  arrays: Readonly<Record<string, ArrayToWrite>>,
  options: WriteOptions = {},
): Uint8Array<ArrayBuffer> {
  const members = Object.entries(arrays).map(([name, array]) => {
    checkName(name, 'writeNpz');
    return { name: `${name}.npy`, parts: npyParts(array, options, `writeNpz: ${printable(name)}`) };
  });
  return storedZip(members, 'writeNpz');
}
