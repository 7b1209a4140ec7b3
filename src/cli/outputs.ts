/** Files that a command writes: refused before the work starts where they cannot be, and then written in full or not at all. */
import { accessSync, constants, statSync } from 'node:fs';
import { dirname, extname } from 'node:path';
import { type ArrayToWrite, parseReference, writeNpy, writeNpz, writeSafetensors } from '../io/index.js';
import { UsageError } from './failure.js';
import { fileBehind, placeOf, writeFileAtomic } from './file-source.js';

/**
 * Checks that a file can be written; behind a link, the file that it points to.
 *
 * @throws UsageError for another ending than those that the command writes, a folder that is missing or that nothing may
 *   be written into, a path that is a folder or a pipe, or a file that is read as one of the inputs
 */
export function checkOutput(
  path: string,
  endings: readonly string[],
  option: string,
  inputs: readonly string[] = [],
): void {
  if (!endings.includes(extname(path).toLowerCase()))
    throw new UsageError(`${option} must end in ${endings.join(', ')}, got '${path}'`);
  const file = statSync(path, { throwIfNoEntry: false });
  const folder = folderOf(path, option);
  if (file?.isDirectory()) throw new UsageError(`${option} ${path} is a folder`);
  if (file?.isFIFO()) throw new UsageError(`${option} ${path} is a pipe, not a file`);
  const isInput = (reference: string) => placeOf(parseReference(reference).file) === placeOf(path);
  if (file?.isFile() && inputs.some(isInput))
    throw new UsageError(`${option} ${path} is an input: it would be overwritten`);
  try {
    // A device is written to as it is.
    if (!file || file.isFile()) accessSync(folder, constants.W_OK);
    if (file) accessSync(path, constants.W_OK);
  } catch {
    throw new UsageError(`${option} ${path}: permission to write is missing`);
  }
}

/** The folder that a file is written into. */
function folderOf(path: string, option: string): string {
  const isFolder = (name: string) => statSync(name, { throwIfNoEntry: false })?.isDirectory();
  const named = dirname(path);
  if (!isFolder(named)) throw new UsageError(`${option} ${path}: there is no folder '${named}'`);
  try {
    return dirname(fileBehind(path));
  } catch {
    throw new UsageError(`${option} ${path}: is a link into a folder that cannot be found`);
  }
}

/** Arrays with their names as a file of the format that the ending says; .npy holds a single one. */
export function writeArrays(path: string, arrays: Readonly<Record<string, ArrayToWrite>>): void {
  const ending = extname(path).toLowerCase();
  if (ending === '.safetensors') writeFileAtomic(path, [writeSafetensors(arrays)]);
  else if (ending === '.npz') writeFileAtomic(path, [writeNpz(arrays)]);
  else writeFileAtomic(path, [writeNpy(Object.values(arrays)[0])]);
}

/** Indices as NumPy and PyTorch take them. */
export function indexArray(indices: readonly number[]): ArrayToWrite {
  return { data: BigInt64Array.from(indices, BigInt), shape: [indices.length] };
}
