/** Files that a pattern names: `dir/*.parquet`, as a shell that does not expand it itself leaves it. */
import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, normalize, resolve } from 'node:path';
import { parseReference } from '../io/index.js';
import { InputError, UsageError } from './failure.js';
import { fileBehind, placeOf } from './file-source.js';
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
    if (!isPattern(file)) return [resolve(file) + ending];
    const found = matches(file).filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
    if (found.length === 0) throw new InputError(`${pattern}: no file has such a name`);
    return found.map((path) => path + ending);
  });
}

/**
 * Checks that a file that is to be written is none that patterns name, nor would be one as soon as it is there: the next run would take it for keys.
 *
 * @throws UsageError, one line
 */
export function checkOutside(path: string, patterns: readonly string[], option: string): void {
  for (const { file } of patterns.map(parseReference)) {
    if (isUrl(file) || !isPattern(file)) continue;
    const folders = matches(dirname(file)).map(placeOf);
    const expression = expressionOf(basename(file));
    for (const name of [path, fileBehind(path)])
      if (expression.test(basename(name)) && folders.includes(placeOf(dirname(name))))
        throw new UsageError(`${option} ${path} is among the inputs '${file}': the next run would read it`);
  }
}

/** Whether wildcards are meant: a file that is there is named as it is. */
function isPattern(file: string): boolean {
  return /[*?]/.test(file) && !statSync(file, { throwIfNoEntry: false });
}

/** The paths that a pattern names; the folder that a relative one begins in is none of it, whatever its name. */
function matches(pattern: string): string[] {
  let paths = [isAbsolute(pattern) ? '/' : process.cwd()];
  for (const part of normalize(pattern).split('/').filter(Boolean)) {
    if (!/[*?]/.test(part)) {
      paths = paths.map((path) => join(path, part));
      continue;
    }
    const expression = expressionOf(part);
    paths = paths.flatMap((path) =>
      namesIn(path)
        .filter((name) => expression.test(name))
        .sort()
        .map((name) => join(path, name)),
    );
  }
  return paths;
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
