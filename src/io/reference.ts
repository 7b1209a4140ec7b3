/** How a tensor inside a file is addressed: `FILE#NAME`. */

/** The path of a file and, where it was given, the name of a tensor in it. */
export interface Reference {
  readonly file: string;
  readonly name?: string;
}

/**
 * Splits `FILE#NAME` at the first `#` that directly follows `.npy`, `.npz`, `.safetensors` or `.parquet`; a reference that ends in
 * one of these is a file alone; any other is split at its first `#`. So names may contain `#`, and so may the paths of
 * files with these endings.
 *
 * @example
 * ```ts
 * import { parseReference } from 'levattention/io';
 *
 * parseReference('capture.safetensors#layer.0.k'); // => { file: 'capture.safetensors', name: 'layer.0.k' }
 * parseReference('run#3/keys.npy'); // => { file: 'run#3/keys.npy' }
 * ```
 */
export function parseReference(reference: string): Reference {
  const [, file = reference, name] =
    /^(.*?\.(?:npy|npz|safetensors|parquet))(?:#(.*))?$/is.exec(reference) ??
    /^(.*?)#(.*)$/s.exec(reference) ??
    [];
  return name === undefined ? { file } : { file, name };
}
