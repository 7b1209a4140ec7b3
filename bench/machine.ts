/** Where the figures come from: command, date, processor and the versions of everything that ran. */
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import { packageVersion } from './peers/packages.js';
import { type PeerVersions, startPeer } from './peers/process.js';
import type { PythonPeers } from './peers/python.js';
import type { Setting } from './peers/setup.js';

/** The peers from npm. */
const npmPeers = [
  'onnxruntime-node',
  'onnxruntime-web',
  '@tensorflow/tfjs',
  '@tensorflow/tfjs-backend-wasm',
  '@jax-js/jax',
  'ml-matrix',
];

/** What must be known to read the figures. */
export interface Machine {
  readonly command: string;
  readonly date: string;
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  /** Versions, or why a peer is absent. */
  readonly versions: Readonly<Record<string, string>>;
}

/** Reads all of it; asks numpy which kernels OpenBLAS chose. */
export async function machine(
  { packages, python }: Pick<Setting, 'packages' | 'python'>,
  command: string,
): Promise<Machine> {
  const versions: Record<string, string> = {};
  for (const name of npmPeers) versions[name] = packageVersion(name) ?? packages ?? 'not installed';
  if ('python' in python) Object.assign(versions, await pythonVersions(python));
  else versions.numpy = python.absent;
  const alone = machineAlone(command);
  return { ...alone, versions: { ...alone.versions, ...versions } };
}

/** The same without peers. */
export function machineAlone(command: string): Machine {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return {
    command,
    date: new Date().toISOString().slice(0, 10),
    processor: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.version,
    versions: { levattention: version },
  };
}

async function pythonVersions({ python, torch }: PythonPeers): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const scripts = [
    { script: 'numpy_peer.py', name: 'numpy and scipy', threads: 1, absent: undefined },
    { script: 'numpy_peer.py', name: 'numpy and scipy', threads: 2, absent: undefined },
    { script: 'torch_peer.py', name: 'PyTorch', threads: 1, absent: torch },
  ];
  for (const { script, name, threads, absent } of scripts) {
    if (absent !== undefined) {
      found[name] = absent;
      continue;
    }
    const peer = startPeer(python, script, threads);
    try {
      const { blas, ...versions } = await peer.call<PeerVersions>('versions');
      Object.assign(found, versions);
      found[`BLAS of ${name}, threads: ${threads}`] = blas.join('; ');
    } catch (error) {
      found[name] = `failed: ${(error as Error).message}`;
    }
    peer.close();
  }
  return found;
}

/** As a list in Markdown. */
export function machineText(about: Machine): string {
  const { command, date, processor, cores, memoryGiB, system, node, versions } = about;
  return [
    `- command: \`${command}\`, ${date}`,
    `- machine: ${processor}, ${cores} cores, ${memoryGiB} GiB, ${system}, Node ${node}`,
    ...Object.entries(versions).map(([name, version]) => `- ${name}: ${version}`),
  ].join('\n');
}
