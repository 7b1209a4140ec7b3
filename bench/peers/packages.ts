/** The peers from npm: installed into bench/node_modules at the pinned versions, and loaded from there if they are. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const bench = fileURLToPath(new URL('..', import.meta.url));

function json(path: string): { version?: string; dependencies?: Record<string, string> } {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
}

/** Installs what is missing; returns why that failed, or undefined. */
export function installPackages(): string | undefined {
  const pinned = json(join(bench, 'package.json')).dependencies ?? {};
  if (Object.entries(pinned).every(([name, version]) => packageVersion(name) === version)) return undefined;
  console.error('installing the peers from npm into bench/node_modules (about 750 MB)');
  const { status, error, stderr } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: bench,
    // Its install script would fetch libraries for GPUs.
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' },
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (status === 0) return undefined;
  const lines = (stderr ?? '').split('\n').filter((line) => /^npm (error|ERR!) \S/.test(line));
  const code = lines[0]?.replace(/^npm (error|ERR!) (code )?/, '') ?? `exit status ${status}`;
  return `not installed (npm ci: ${error?.message ?? code})`;
}

/** The version that is installed, or undefined. */
export function packageVersion(name: string): string | undefined {
  return json(join(bench, 'node_modules', name, 'package.json')).version;
}

/** A package that need not be there, behind the part of its interface that is used. */
export async function loadPackage<Interface>(name: string): Promise<Interface> {
  const loaded: { default?: Interface } & Interface = await import(name);
  // The names of a CommonJS module may be on its default export alone.
  return { ...loaded.default, ...loaded };
}
