/** Files that a command reads at once. */
import { readFileSync, statSync } from 'node:fs';
import { InputError } from './failure.js';

/** A whole file; a folder, or a file that is not there, is refused in one line. */
export function readFile(path: string): Uint8Array {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) throw new InputError(`${path}: no such file`);
  if (!stats.isFile()) throw new InputError(`${path}: is not a file`);
  return readFileSync(path);
}

/** The JSON object of a file. */
export function jsonOf(path: string): object {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(readFile(path)));
  } catch (error) {
    if (error instanceof SyntaxError) throw new InputError(`${path}: no JSON: ${error.message}`);
    throw error;
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw new InputError(`${path}: must hold a JSON object`);
  return value;
}
