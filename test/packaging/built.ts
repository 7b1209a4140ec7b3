/** The built package that the tests of this folder's kind look at: its files, and that they are not older than their sources. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the repository. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => join(folder, file));
}

/** The path of a file of dist/. Throws where there is none, or where it was built from other sources than there are now. */
export function built(file: string): string {
  const path = join(root, 'dist', file);
  if (!existsSync(path)) throw new Error(`dist/${file} must exist: npm run build`);
  const { mtimeMs } = statSync(path);
  const newer = sources('src').find((source) => statSync(join(root, source)).mtimeMs > mtimeMs);
  if (newer) throw new Error(`dist/${file} must not be older than ${newer}: npm run build`);
  return path;
}
