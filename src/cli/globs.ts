/** Files that a pattern names: `dir/*.parquet`, as a shell that does not expand it itself leaves it. */
import { readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseReference } from '../io/index.js';
import { InputError } from './failure.js';
import { isUrl } from './http-source.js';

/**
 * The files that patterns name, by their whole paths, those of a pattern in the order of their names; URLs and plain names as they are. `*` and
 * `?` stand for any letters of one name, and not for the dot that a hidden one begins with; what follows `#`, the column or tensor, is that of each file.
 *
 * @throws InputError for a pattern that no file matches
 */
export function filesOf(patterns: readonly string[]): string[] {
  return patterns.flatMap((pattern) => {
    const { file, name } = parseReference(pattern);
    if (isUrl(file)) return [pattern];
    const ending = name === undefined ? '' : `#${name}`;
    if (!/[*?]/.test(file) || statSync(file, { throwIfNoEntry: false })) return [resolve(file) + ending];
    const found = matches(resolve(file));
    if (found.length === 0) throw new InputError(`${pattern}: no file has such a name`);
    return found.map((path) => path + ending);
  });
}

function matches(pattern: string): string[] {
  let paths = [''];
  for (const part of pattern.split('/').slice(1)) {
    if (!/[*?]/.test(part)) {
      paths = paths.map((path) => `${path}/${part}`);
      continue;
    }
    const expression = expressionOf(part);
    paths = paths.flatMap((path) =>
      namesIn(path || '/')
        .filter((name) => expression.test(name))
        .sort()
        .map((name) => join(path || '/', name)),
    );
  }
  return paths.filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
}

/** A name with wildcards as a regular expression. */
function expressionOf(name: string): RegExp {
  const letters = Array.from(name, (letter) => {
    if (letter === '*') return '.*';
    return letter === '?' ? '.' : letter.replace(/[\\^$.|+()[\]{}]/, '\\$&');
  });
  return new RegExp(`^${name.startsWith('.') ? '' : '(?!\\.)'}${letters.join('')}$`, 's');
}

function namesIn(folder: string): string[] {
  return statSync(folder, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(folder) : [];
}
