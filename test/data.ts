/** Where tests look for data that is not part of the repository, such as the weights of a model. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The path of a file or folder of optional data, or undefined, said in a warning, where it is absent. It is looked for
 * in the folder that the environment variable LEVATTENTION_DATA names, else in `../shared/data` beside the repository.
 */
export function sharedData(name: string): string | undefined {
  const beside = fileURLToPath(new URL('../../shared/data', import.meta.url));
  const path = join(process.env.LEVATTENTION_DATA ?? beside, name);
  if (existsSync(path)) return path;
  console.warn(`skipping what needs ${name}: not found; LEVATTENTION_DATA may name the folder that holds it`);
  return undefined;
}
