/** A file of named tensors, and the choice of one of them. */
import { quoted, refuse } from './bytes.js';
import type { FileTensor } from './file-tensor.js';

/** A file of tensors. */
export interface TensorFile {
  readonly format: 'npy' | 'npz' | 'safetensors';
  /** Names of the tensors, in the order of the file; a single empty one for .npy, whose array has none. */
  readonly names: readonly string[];
  /** Text that a .safetensors file carries beside its tensors; empty for the other formats. */
  readonly metadata: ReadonlyMap<string, string>;
  /**
   * The tensor of this name, or the only one of the file where no name is given. Only headers are read, except that a
   * stored member of an .npz is read once from end to end for its checksum, and a deflated one is inflated into memory.
   *
   * @throws FormatError where there is no such tensor, or several and no name (the message lists the names), or where
   * the tensor is damaged
   */
  open(name?: string): Promise<FileTensor>;
}

/** Names that objects keyed by tensor names would fall for. */
const PROTOTYPE_NAMES = new Set(['__proto__', 'constructor', 'prototype']);

/** Refuses names of prototypes and those that are not Unicode text. */
export function checkName(name: string, where: string): void {
  if (PROTOTYPE_NAMES.has(name)) refuse(where, `the name ${quoted(name)} is not allowed`);
  if (/\p{Cs}/u.test(name)) refuse(where, `the name ${quoted(name)} is not Unicode text`);
}

const NAMES_IN_MESSAGE = 8;

/** A file of tensors with the given names, each opened by `load`. */
export function tensorFile(
  format: TensorFile['format'],
  where: string,
  names: readonly string[],
  load: (name: string) => FileTensor | Promise<FileTensor>,
  metadata: ReadonlyMap<string, string> = new Map(),
): TensorFile {
  for (const name of names) checkName(name, where);
  return { format, names, metadata, open: async (name) => load(chosen(name)) };

  function chosen(name: string | undefined): string {
    if (name === undefined && names.length === 1) return names[0];
    if (name !== undefined && names.includes(name)) return name;
    if (format === 'npy')
      return refuse(where, `the file is one array without a name, there is no ${quoted(name ?? '')}`);
    if (names.length === 0) return refuse(where, 'the file holds no tensor');
    const more = names.length > NAMES_IN_MESSAGE ? ` and ${names.length - NAMES_IN_MESSAGE} more` : '';
    const list = names.slice(0, NAMES_IN_MESSAGE).map(quoted).join(', ') + more;
    if (name === undefined) return refuse(where, `choose one of ${names.length} tensors with #NAME: ${list}`);
    return refuse(where, `there is no tensor ${quoted(name)}, only ${list}`);
  }
}
