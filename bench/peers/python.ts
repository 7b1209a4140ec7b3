/** The Python of the peers: an environment outside the repository with the pinned packages of requirements.txt. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const requirements = fileURLToPath(new URL('requirements.txt', import.meta.url));
const windows = process.platform === 'win32';

/** Where the environment is: LEVATTENTION_BENCH_VENV, else a folder in the user's cache. */
export function environmentFolder(): string {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return process.env.LEVATTENTION_BENCH_VENV || join(cache, 'levattention', 'bench-venv');
}

/** The interpreter of a complete environment, or why there is none. */
export function installPython(): { python: string } | { absent: string } {
  const folder = environmentFolder();
  const python = windows ? join(folder, 'Scripts', 'python.exe') : join(folder, 'bin', 'python');
  if (complete(python)) return { python };
  console.error(`installing the peers from PyPI into ${folder}`);
  const base = windows ? 'python' : 'python3';
  const failure =
    failureOf(base, ['-m', 'venv', folder]) ??
    failureOf(python, ['-m', 'pip', 'install', '--quiet', '-r', requirements]);
  return failure === undefined ? { python } : { absent: `not installed (${failure})` };
}

function complete(python: string): boolean {
  const { status, stdout } = spawnSync(python, ['-m', 'pip', 'freeze'], { encoding: 'utf8' });
  if (status !== 0) return false;
  const present = new Set(stdout.split(/\r?\n/));
  return readFileSync(requirements, 'utf8')
    .split(/\r?\n/)
    .every((line) => line === '' || present.has(line));
}

/** The last line of what a failing command says. */
function failureOf(command: string, args: string[]): string | undefined {
  const { status, error, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status === 0) return undefined;
  if (error) return error.message;
  const lines = `${stdout}\n${stderr}`.split('\n').filter((line) => /\S/.test(line) && !line.startsWith('['));
  return (
    lines.findLast((line) => line.startsWith('ERROR')) ?? lines.at(-1) ?? `${command} ended with ${status}`
  );
}
