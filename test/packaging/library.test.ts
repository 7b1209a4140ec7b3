/** The built library holds nothing but its own code, runs where there is no Node, and stays small. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { built, root } from './built.js';

/** Bundles code that imports from the built package as a browser application would; a `node:` module or an unknown package is an error. */
async function bundle(code: string) {
  const { outputFiles, metafile } = await build({
    stdin: { contents: code, resolveDir: dirname(built('index.js')) },
    bundle: true,
    format: 'esm',
    platform: 'browser',
    minify: true,
    write: false,
    metafile: true,
    absWorkingDir: root,
    logLevel: 'silent',
  });
  return {
    text: outputFiles[0].text,
    inputs: Object.keys(metafile.inputs),
    size: gzipSync(outputFiles[0].contents).length,
  };
}

test.each(['index.js', 'io.js', 'worker.js'])('dist/%s consists of files of dist/ alone', async (entry) => {
  const { text, inputs } = await bundle(`export * from './${entry}'`);
  const files = inputs.filter((input) => input !== '<stdin>');
  expect(files).toContain(`dist/${entry}`);
  expect(files.filter((file) => !/^dist\/[\w-]+\.js$/.test(file))).toEqual([]);
  expect(text).not.toMatch(/\b(require|import)\s*\(/);
});

test('a bundler that needs universalSet alone takes at most 25 KB, compressed, with the kernels', async () => {
  const { size } = await bundle(`export { universalSet } from './index.js'`);
  console.log(`universalSet alone: ${(size / 1000).toFixed(1)} KB, minified and compressed by gzip`);
  expect(size).toBeLessThanOrEqual(25_000);
});

test('a bundler leaves out what is not asked for', async () => {
  const [one, all] = await Promise.all([
    bundle(`export { universalSet } from './index.js'`),
    bundle(`export * from './index.js'`),
  ]);
  expect(one.size).toBeLessThan(0.9 * all.size);
  // The first name is of a list of weights, the others of a list of selectors.
  for (const name of ['welsch', 'leverage-centred', 'snapkv']) {
    expect(all.text).toContain(name);
    expect(one.text).not.toContain(name);
  }
  expect((await bundle(`import './index.js'`)).size).toBeLessThan(100);
});

test('the command line is one file, with the licences of the packages inside it', () => {
  const code = readFileSync(built('cli.js'), 'utf8');
  expect(code.slice(0, code.indexOf('\n'))).toBe('#!/usr/bin/env node');
  const imports = [...code.matchAll(/^(?:import|export)\b.*?\bfrom\s*["']([^"']+)["']/gm)].map(
    (match) => match[1],
  );
  expect(imports.filter((name) => !/^(node:\w+(\/\w+)?|fs)$/.test(name))).toEqual([]);
  const licences = readFileSync(built('cli.LICENSES.txt'), 'utf8');
  const { devDependencies } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'));
  for (const name of ['commander', 'vega']) expect(licences).toContain(`${name} ${devDependencies[name]} (`);
});

test('dist/ holds no other file', () => {
  const files = readdirSync(dirname(built('index.js')));
  const known =
    /^(index|io|worker)\.(js|d\.ts)$|^vit-worker\.js$|^cli\.(js|LICENSES\.txt)$|^levattention_spark\.py$|^[\w-]+-[\w-]{8}\.(js|d\.ts)$/;
  expect(files.filter((file) => !known.test(file))).toEqual([]);
});
