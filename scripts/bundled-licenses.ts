/** A bundler plugin that writes the licences of the packages inside a bundle beside it, and refuses those that are not permissive. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const PERMISSIVE = ['0BSD', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT', 'Unlicense'];

interface Chunk {
  readonly type: string;
  readonly moduleIds?: readonly string[];
}

/** The folder of the installed package that a module belongs to; undefined for the project's own. */
function packageOf(module: string): string | undefined {
  if (!module.includes('node_modules')) return undefined;
  let folder = dirname(module);
  while (!existsSync(join(folder, 'package.json')) || !packageAt(folder).version) folder = dirname(folder);
  return folder;
}

function packageAt(folder: string): { name: string; version: string; license: string } {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
}

function notice(folder: string): string {
  const { name, version, license } = packageAt(folder);
  if (!PERMISSIVE.includes(license))
    throw new Error(
      `bundled-licenses: ${name} ${version} must have a licence of ${PERMISSIVE}, has ${license}`,
    );
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (!file) throw new Error(`bundled-licenses: ${name} ${version} has no licence file`);
  return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
}

/** Emits `fileName` with one notice for each package in the bundle, in alphabetical order. */
export function bundledLicenses(fileName: string) {
  return {
    name: 'bundled-licenses',
    generateBundle(
      this: { emitFile(file: { type: 'asset'; fileName: string; source: string }): void },
      _options: unknown,
      bundle: Record<string, Chunk>,
    ) {
      const modules = Object.values(bundle).flatMap((chunk) => chunk.moduleIds ?? []);
      const folders = new Set(modules.map(packageOf).filter((folder) => folder !== undefined));
      const notices = [...folders].map(notice).sort();
      const intro = 'cli.js contains these packages, each under its own licence:\n';
      this.emitFile({ type: 'asset', fileName, source: [intro, ...notices].join(`\n${'-'.repeat(80)}\n\n`) });
    },
  };
}
