/** Every example of the docstrings and of the README compiles against the built package, runs, and gives the values that it states. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { built, root } from '../packaging/built.js';
import { docstringBlocks, markdownBlocks } from './blocks.js';
import { matches, withChecks } from './expected.js';
import { diagnostics, folderOf, type Outcome, outcomes } from './run.js';

const CODE = /^(ts|typescript|js|javascript)$/;
const docstrings = docstringBlocks().filter(({ language }) => CODE.test(language));
const readme = existsSync(join(root, 'README.md')) ? markdownBlocks('README.md') : [];
const examples = [...docstrings, ...readme.filter(({ language }) => CODE.test(language))];

let folder: string;
let results: Outcome[];

beforeAll(() => {
  folder = folderOf(examples);
  results = outcomes(folder, examples);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('examples', () => {
  test('compile', () => expect(diagnostics(folder, examples)).toEqual([]));

  test.each(
    examples.map(({ place, owner }, i) => [owner ?? 'README', place, i] as const),
  )('%s gives what it states (%s)', (_owner, _place, i) => {
    const { values, error } = results[i];
    expect(error).toBeUndefined();
    expect(values.filter(({ written, value }) => !matches(value, written))).toEqual([]);
  });

  test.each(
    docstrings.map(({ place, owner, code }) => [owner, place, code] as const),
  )('%s states a value (%s)', (_owner, _place, code) => expect(withChecks(code).checks).toBeGreaterThan(0));
});

describe.each(['index.js', 'io.js'])('dist/%s', (entry) => {
  test('exports no function without an example', async () => {
    const api: Record<string, unknown> = await import(pathToFileURL(built(entry)).href);
    const isFunction = (value: unknown) => typeof value === 'function' && !/^class\b/.test(String(value));
    const names = Object.keys(api).filter((name) => isFunction(api[name]));
    expect(names).not.toEqual([]);
    const shown = new Set(docstrings.map(({ owner }) => owner));
    // The asynchronous form and the steps of a function are shown where the function itself is.
    const form = (name: string) => name.replace(/(Async|Steps)$/, '');
    expect(names.filter((name) => !shown.has(name) && !shown.has(form(name)))).toEqual([]);
  });
});
